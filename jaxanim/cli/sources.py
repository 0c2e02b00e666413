"""Options that several subcommands share: which character to render, and with what."""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxanim.core.errors import InputError
from jaxanim.weights.card import Card

# Modules that need JAX are imported when a command runs, so that --help and wrong arguments answer at once.


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose a character."""
    group = parser.add_argument_group("character")
    group.add_argument(
        "--character",
        type=Path,
        metavar="FILE",
        help="a distilled character (.safetensors from `jaxanim convert`, or .onnx from `jaxanim export`); "
        "default: the one that ships with jaxanim",
    )
    group.add_argument("--source", type=Path, metavar="PNG", help="any character picture, for the full system")
    group.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="the full system's weights, with --source; a photo's model, for atw also the name of one that ships",
    )
    group.add_argument(
        "--runtime",
        choices=["jax", "onnx"],
        help="what computes the frames; default: onnx for .onnx files, else jax",
    )
    group.add_argument(
        "--official-output",
        action="store_true",
        help="colours exactly as the released programs write them, dark fringes included",
    )


def open_source(args: argparse.Namespace, *, frames_per_call: int) -> Any:
    """Makes the renderer that the options ask for and prints whose character it is, and under which licence.

    Raises:
      UserError: options contradict each other, or a file cannot be used.
    """
    card, renderer = _open(args, frames_per_call)
    print(f"{card.name} ({card.system}); licence: {card.licence}")
    return renderer


def _open(args: argparse.Namespace, frames_per_call: int) -> tuple[Card, Any]:
    from jaxanim.animate import characters

    options = {"frames_per_call": frames_per_call, "official_output": args.official_output}
    if (args.source is None) != (args.weights is None):
        raise InputError("--source and --weights belong together")
    if args.source is not None and args.character is not None:
        raise InputError("give either --character or --source and --weights, not both")
    path = args.weights or args.character or characters.bundled_character()
    onnx = args.runtime == "onnx" or (args.runtime is None and path.suffix.lower() == ".onnx")
    if onnx:
        return _open_onnx(args, path)
    if path.suffix.lower() == ".onnx":
        raise InputError(f"{path}: is an ONNX file, which --runtime jax cannot run")
    if args.source is not None:
        return characters.full_renderer(args.weights, args.source, **options)
    return characters.student_renderer(path, **options)


def _open_onnx(args: argparse.Namespace, path: Path) -> tuple[Card, Any]:
    from jaxanim.export import runtime

    exported = path.with_suffix(".onnx")
    if not exported.is_file():
        raise InputError(f"{exported}: no such file; make it with `jaxanim export {path} -o {exported}`")
    return runtime.open_renderer(exported, args.source, official_output=args.official_output)


def warn_of_clamping(count: int) -> None:
    """Says that numbers of poses were out of range."""
    if count:
        print(f"jaxanim: warning: {count} pose numbers were outside their range and have been clamped", file=sys.stderr)
