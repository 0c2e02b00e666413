"""Export a character or the full system to ONNX, compared with JAX before the file gets its name.

jaxanim export char.safetensors -o char.onnx
jaxanim export char.safetensors --float16 -o char16.onnx
"""

import argparse
from pathlib import Path

from jaxanim.core.errors import InputError

OPSETS = range(17, 24)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    parser.add_argument("weights", type=Path, nargs="?", help="a .safetensors file; default: the bundled character")
    parser.add_argument(
        "--opset", type=int, default=17, choices=OPSETS, metavar="N", help="17 (default, runs in browsers) to 23"
    )
    parser.add_argument("--float16", action="store_true", help="compute in float16; inputs and outputs stay float32")
    parser.add_argument("-o", "--output", type=Path, required=True, help="an .onnx file")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    if args.output.suffix.lower() != ".onnx":
        raise InputError(f"{args.output}: an .onnx file name is needed")
    try:
        import jax2onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError("exporting needs more packages: pip install 'jaxanim[export]'") from error
    from jaxanim.animate import characters
    from jaxanim.export import tha4

    source = args.weights or characters.bundled_character()
    for report in tha4.export_file(source, args.output, opset=args.opset, float16=args.float16):
        compared = f"max error {report.max_error:.1e}, {report.psnr:.1f} dB against JAX at batch 1 and 3"
        print(f"{report.path}: opset {args.opset}, {report.megabytes:.2f} MB, {compared}")
