"""Say what a file is: system, licence, parameters, inputs, how it was made.

jaxanim info char.safetensors
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    parser.add_argument("file", type=Path, nargs="?", help=".safetensors or .onnx; default: the bundled character")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from jaxanim.animate import characters
    from jaxanim.cli import descriptions

    path = args.file or characters.bundled_character()
    describe = descriptions.describe_onnx if path.suffix.lower() == ".onnx" else descriptions.describe_weights
    print("\n".join(describe(path)))
