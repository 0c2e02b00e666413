"""Entry point of the `jaxanim` command: parses arguments, runs a subcommand, says errors in one line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import jaxanim
from jaxanim.cli import animate, convert, export, fit, info, sheet
from jaxanim.core import files
from jaxanim.core.errors import UserError

_COMMANDS = {"animate": animate, "sheet": sheet, "fit": fit, "convert": convert, "export": export, "info": info}
_RESULTS = ("output", "preview")
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
        _check_paths(parsed)
        parsed.run(parsed)
    except UserError as error:
        print(f"jaxanim: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("jaxanim: error: interrupted; what was half written is removed", file=sys.stderr)
        return USER_ERROR
    return 0


def _check_paths(parsed: argparse.Namespace) -> None:
    """Raises UserError where a file's name cannot be, or a result would overwrite what is read."""
    values = vars(parsed)
    results = [path for name in _RESULTS if (path := values.get(name)) is not None]
    lists = [value if isinstance(value, list) else [value] for name, value in values.items() if name not in _RESULTS]
    given = [path for each in lists for path in each if isinstance(path, Path)]
    for path in (*results, *given):
        files.check_name(path)
    for result in results:
        files.check_apart(result, *given)


def entry_point() -> NoReturn:
    """Runs the command line and ends the process."""
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
