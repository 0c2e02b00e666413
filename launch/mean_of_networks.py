"""The mean of two trainings of one ATW generator, the second of which began with the first.

python -m launch.mean_of_networks first.safetensors second.safetensors --share 0.5 -o mean.safetensors
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.systems.atw import files
from launch.program import said_in_one_line


def mean(first: Path, second: Path, share: float, output: Path) -> None:
    """Writes (1 - share) of the first generator and share of the second; discriminators are left out.

    Raises:
      InputError: the files hold networks of different designs.
    """
    card, design, one = files.read_atw(first)
    _, other_design, other = files.read_atw(second)
    if design != other_design:
        raise InputError(f"{first} and {second} hold networks of different designs: {design}, {other_design}")
    mixed = jax.tree.map(
        lambda a, b: np.asarray((1 - share) * a + share * b, np.float32),
        *(each["params"][files.GENERATOR] for each in (one, other)),
    )
    source = f"{card.source}; mean with {second.name}, of which {share:g}"
    made = dataclasses.replace(card, name=output.stem, source=source)
    files.write_atw(output, made, design, {"params": {files.GENERATOR: mixed}})


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and writes the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="a model")
    parser.add_argument("second", type=Path, help="another of the same design")
    parser.add_argument("--share", type=float, default=0.5, help="of the second one, 0 to 1 (0.5)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    options = parser.parse_args(arguments)
    if not 0 <= options.share <= 1:
        parser.error(f"--share must be 0 to 1, got {options.share}")
    with said_in_one_line():
        mean(options.first, options.second, options.share, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
