"""Turns trained networks of GDPW into a file to render with: the generator alone, folded, in half precision.

python -m launch.finish_heads --weights run/trained.safetensors -o model.safetensors [--name NAME] [--licence TEXT]
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxanim.core import files as core_files
from jaxanim.core.errors import InputError
from jaxanim.systems.gdpw import files
from launch.program import said_in_one_line


def finish(weights: Path, output: Path, name: str | None, licence: str | None) -> None:
    """Reads, folds and writes.

    Raises:
      InputError: the file is finished already.
    """
    core_files.check_writable(output)
    card, design, variables = files.read_gdpw(weights)
    if files.is_folded(card):
        raise InputError(f"{weights}: its spectral norms are folded already")
    named = dataclasses.replace(card, name=name or card.name, licence=licence or card.licence, notes={})
    files.write_gdpw(output, named, design, files.fold_generator(variables), half=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="networks as training leaves them")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".safetensors file to write")
    parser.add_argument("--name", help="of the model")
    parser.add_argument("--licence", help="of the model; by default what the file says")
    options = parser.parse_args(arguments)
    with said_in_one_line():
        finish(options.weights, options.output, options.name, options.licence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
