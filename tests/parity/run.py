"""Compares one of our networks with a golden of the official code.

    python -m tests.parity.run SYSTEM/NAME --checkpoint F.npz|F.pt|FOLDER --golden G.npz

Prints one line of JSON last: {output name: {max_abs, p999, mean_abs}}. Exits with 1 if an output is over its tolerance
(ten times the noise floor in the golden), with 2 if something given cannot be used.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxanim.core.errors import UserError
from tests.parity import (
    atw,
    atw_residual_warp,
    atw_training,
    deca,
    flame,
    gdpw,
    gdpw_losses,
    goldens,
    landmarks,
    raster,
    tha4,
)
from tests.parity.goldens import Deviation

ENTRIES: Mapping[str, Callable[[Path, Mapping[str, Any]], dict[str, Deviation]]] = {
    **tha4.ENTRIES,
    **flame.ENTRIES,
    **raster.ENTRIES,
    **deca.ENTRIES,
    **gdpw.ENTRIES,
    **gdpw_losses.ENTRIES,
    **landmarks.ENTRIES,
    **atw.ENTRIES,
    **atw_residual_warp.ENTRIES,
    **atw_training.ENTRIES,
}


def evaluate(name: str, checkpoint: Path, golden: Path) -> dict[str, Deviation]:
    """Runs one entry with full float32 precision on every device."""
    with jax.default_matmul_precision("highest"):
        return ENTRIES[name](checkpoint, goldens.read_golden(golden))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(ENTRIES), metavar="SYSTEM/NAME", help=", ".join(sorted(ENTRIES)))
    parser.add_argument("--checkpoint", type=Path, required=True, help="official weights; a folder for pipelines")
    parser.add_argument("--golden", type=Path, required=True)
    args = parser.parse_args(arguments)
    try:
        report = evaluate(args.name, args.checkpoint, args.golden)
    except (UserError, OSError, ValueError, KeyError) as error:
        print(f"parity: error: {error}", file=sys.stderr)
        return 2
    failed = [name for name, deviation in report.items() if not deviation.ok]
    for name in failed:
        print(f"over tolerance: {name}: {report[name]}", file=sys.stderr)
    rows = {n: {"max_abs": d.max_abs, "p999": d.p999, "mean_abs": d.mean_abs} for n, d in report.items()}
    print(json.dumps(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
