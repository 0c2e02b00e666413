"""Convert released checkpoints into jaxanim files, without running anything in them.

jaxanim convert tha4-student CHARACTER_FOLDER -o char.safetensors   (holds character_model.yaml)
jaxanim convert tha4 FOLDER -o tha4.safetensors                     (holds the five .pt files)
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    parser.add_argument("what", choices=["tha4-student", "tha4"], help="which checkpoint")
    parser.add_argument("folder", type=Path, help="the folder it was released in")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--name", help="name of the character; default: the folder's")
    parser.add_argument("--licence", help="licence of the source, where the folder does not say it")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from jaxanim.systems.tha4 import conversion

    make = {"tha4-student": conversion.convert_student_folder, "tha4": conversion.convert_full_folder}[args.what]
    card = make(args.folder, args.output, name=args.name, licence=args.licence)
    print(f"{args.output}: {card.name} ({card.system})")
    print(f"licence of the source: {card.licence}")
