"""Entry point of the `jaxanim` command: parses arguments, runs a subcommand, says errors in one line."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

import jaxanim
from jaxanim.cli import animate, convert, export, fit, info, sheet
from jaxanim.core.errors import UserError

_COMMANDS = {"animate": animate, "sheet": sheet, "fit": fit, "convert": convert, "export": export, "info": info}
USER_ERROR = 2


class _Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """Builds the parser of all subcommands."""
    parser = _Parser(prog="jaxanim", description="Animate faces and characters from one still image.")
    parser.add_argument("--version", action="version", version=f"jaxanim {jaxanim.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, module in _COMMANDS.items():
        summary = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(
            name, help=summary, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, or 2 where something the user gave could not be used.
    """
    parsed = make_parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except UserError as error:
        print(f"jaxanim: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("jaxanim: error: interrupted, nothing was written", file=sys.stderr)
        return USER_ERROR
    return 0


def entry_point() -> NoReturn:
    """Runs the command line and ends the process."""
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
