"""Measures a trained system on drawn people who were held out from its training and show what is right.

    python -m launch.evaluate --weights FILE --data DATA [--split test] [--pairs 256] [--json OUT]
    python -m launch.evaluate --system geometric|copy --data DATA ...

What is measured depends on whose networks FILE holds: ATW's (DATA is a built dataset `posed_faces`, see
`launch.evaluations.atw`) or GDPW's (`talking_heads`, see `launch.evaluations.heads`). Without networks the mesh alone
can be measured in GDPW's way, and the source as it is.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import PIL.Image

from jaxanim.cli.argument_types import positive
from jaxanim.core import files
from jaxanim.core.errors import WeightsError
from jaxanim.systems.atw.files import ATW
from jaxanim.weights import weights_file
from launch.evaluations import atw, heads
from launch.program import said_in_one_line

GDPW = "gdpw"
JUDGE_STEPS = 1300


def measure_atw(options: argparse.Namespace) -> dict[str, float]:
    """Measures an ATW and prints one number per line."""
    steps = JUDGE_STEPS if options.judge_steps is None else options.judge_steps
    found = atw.measure(options.weights, options.data, split=options.split, pairs=options.pairs, judge_steps=steps)
    for name, value in found.items():
        print(f"{name:32} {value:10.4f}")
    return found


def measure_heads(options: argparse.Namespace) -> dict[str, Any]:
    """Measures what moves heads, prints a table and draws the sheet."""
    choose = heads.of_weights(options.weights) if options.weights else heads.of_system(options.system)
    found, sheet = heads.measure(choose, options.data, split=options.split, pairs=options.pairs)
    print(heads.table(found))
    if options.sheet:
        with files.replacing(options.sheet) as temporary:
            PIL.Image.fromarray(sheet).save(temporary, format="PNG")
    return {"pairs": options.pairs, **found}


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line, measures and prints."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with said_in_one_line():
        system = weights_file.read_card(options.weights).system if options.weights else None
        if system not in (None, ATW, GDPW):
            raise WeightsError(f"{options.weights}: holds {system} weights, those of {ATW} and {GDPW} can be measured")
        for name, wanted in (("judge_steps", system == ATW), ("sheet", system != ATW)):
            if getattr(options, name) is not None and not wanted:
                parser.error(f"--{name} does not belong to {system or options.system}")
        for path in filter(None, (options.json, options.sheet)):
            files.check_writable(path)
        found = measure_atw(options) if system == ATW else measure_heads(options)
        if options.json:
            with files.replacing(options.json) as temporary:
                temporary.write_text(json.dumps(found, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("--weights", type=Path, help="networks to measure")
    of.add_argument("--system", choices=("geometric", "copy"), help="what to measure without networks")
    parser.add_argument("--data", type=Path, required=True, help="folder of a built dataset")
    parser.add_argument("--split", choices=("validation", "test"), default="test", help="whose pictures")
    parser.add_argument("--pairs", type=positive, default=256, help="how many pairs, of each kind (256)")
    parser.add_argument("--judge_steps", type=positive, help=f"how long ATW's judge learns ({JUDGE_STEPS})")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="where to draw some pairs of heads")
    parser.add_argument("--json", type=Path, help="where to write the numbers, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
