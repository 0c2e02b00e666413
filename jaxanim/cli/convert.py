"""Convert released checkpoints into jaxanim files, without running anything in them.

jaxanim convert tha4-student CHARACTER_FOLDER -o char.safetensors   (holds character_model.yaml)
jaxanim convert tha4 FOLDER -o tha4.safetensors                     (holds the five .pt files)
jaxanim convert deca deca_model.tar -o deca.safetensors             (the encoder that fits faces to pictures)
"""

import argparse
from pathlib import Path

from jaxanim.core.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    parser.add_argument("what", choices=["tha4-student", "tha4", "deca"], help="which checkpoint")
    parser.add_argument("source", type=Path, help="the folder it was released in; for deca the file will do, too")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--name", help="what to call it; default: the folder's name, or what the network is")
    parser.add_argument("--licence", help="licence of the source, where the folder does not say it")


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    if args.output.suffix != ".safetensors":
        raise InputError(f"{args.output}: the output is a .safetensors file")
    from jaxanim.systems.gdpw import files as gdpw
    from jaxanim.systems.tha4 import conversion as tha4

    make = {
        "tha4-student": tha4.convert_student_folder,
        "tha4": tha4.convert_full_folder,
        "deca": gdpw.convert_deca,
    }[args.what]
    card = make(args.source, args.output, name=args.name, licence=args.licence)
    print(f"{args.output}: {card.name} ({card.system})")
    print(f"licence of the source: {card.licence}")
