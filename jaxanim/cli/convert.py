"""Convert released checkpoints into jaxanim files, without running anything in them.

jaxanim convert tha4-student CHARACTER_FOLDER -o char.safetensors   (holds character_model.yaml)
jaxanim convert tha4 FOLDER -o tha4.safetensors                     (holds the five .pt files)
jaxanim convert deca deca_model.tar -o deca.safetensors             (the encoder that fits faces to pictures)
jaxanim convert h3r model.pth -o h3r.safetensors                    (98 landmarks by heatmaps)
jaxanim convert pipnet epoch59.pth meanface.txt -o pipnet.safetensors   (98 landmarks on a grid)
jaxanim convert atw 300_net_gen.pth [..._dis.pth ..._dis_warp.pth] -o atw.safetensors   (or the folder they are in)
jaxanim convert gdpw PWM_both.pth -o gdpw.safetensors               (--folded: smaller, to render with alone)
"""

import argparse
from pathlib import Path

from jaxanim.core.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this subcommand."""
    what = ["tha4-student", "tha4", "deca", "h3r", "pipnet", "atw", "gdpw"]
    parser.add_argument("what", choices=what, help="which checkpoint")
    parser.add_argument(
        "source", type=Path, nargs="+", help="the folder it was released in; for deca, h3r, atw and gdpw files"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--name", help="what to call it; default: the folder's name, or what the network is")
    parser.add_argument("--licence", help="licence of the source, where the folder does not say it")
    parser.add_argument(
        "--folded", action="store_true", help="gdpw: the generator alone, with spectral norms divided out for good"
    )


def run(args: argparse.Namespace) -> None:
    """Runs the subcommand."""
    if args.output.suffix != ".safetensors":
        raise InputError(f"{args.output}: the output is a .safetensors file")
    if args.folded and args.what != "gdpw":
        raise InputError(f"--folded is an option of gdpw, not of {args.what}")
    from jaxanim.systems.atw import files as atw
    from jaxanim.systems.gdpw import files as gdpw
    from jaxanim.systems.tha4 import conversion as tha4
    from jaxanim.tracking.deca import files as deca
    from jaxanim.tracking.h3r import files as h3r
    from jaxanim.tracking.pipnet import files as pipnet

    if args.what == "gdpw":
        card = gdpw.convert_gdpw(args.source, args.output, name=args.name, licence=args.licence, folded=args.folded)
    elif args.what in ("atw", "pipnet"):
        make_of_many = {"atw": atw.convert_atw, "pipnet": pipnet.convert_pipnet}[args.what]
        card = make_of_many(args.source, args.output, name=args.name, licence=args.licence)
    else:
        make = {
            "tha4-student": tha4.convert_student_folder,
            "tha4": tha4.convert_full_folder,
            "deca": deca.convert_deca,
            "h3r": h3r.convert_h3r,
        }[args.what]
        card = make(_only(args.source, args.what), args.output, name=args.name, licence=args.licence)
    print(f"{args.output}: {card.name} ({card.system})")
    print(f"licence of the source: {card.licence}")


def _only(sources: list[Path], what: str) -> Path:
    if len(sources) > 1:
        raise InputError(f"convert {what} takes one folder or file, got {len(sources)}")
    return sources[0]
