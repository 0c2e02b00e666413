"""Builds a dataset: raw files to ArrayRecord files that `jaxanim.data.record_folder` reads.

    python -m data_pipelines.build NAME --data-dir D [--source RAW] [--size 256] [--shard 0/4] [--workers 2]

Files are written by `data_pipelines.shards`; with `--form tfds` a dataset of TensorFlow Datasets is written instead
(`data_pipelines.tfds_form`).
"""

import argparse
import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path

from data_pipelines import shards
from data_pipelines.procedural_anime import pairs
from data_pipelines.procedural_faces import posed, snapshots, talks
from data_pipelines.procedural_faces import records as faces
from data_pipelines.recipe import Recipe
from data_pipelines.recipes import (
    celeba,
    emotionet,
    fitted_heads,
    gdpw_official,
    image_folder,
    posed_characters,
    rafd,
    voxceleb,
    w300vw,
    w300w_3d,
    w300w_lp,
)
from jaxanim.cli.argument_types import count, part_of, positive
from jaxanim.core.errors import InputError, UserError

PLANS: dict[str, Callable[..., Recipe]] = {
    "image_folder": image_folder.plan,
    "celeba": celeba.plan,
    "emotionet": emotionet.plan,
    "rafd": rafd.plan,
    "voxceleb": voxceleb.plan,
    "300vw": w300vw.plan,
    "300w_lp": w300w_lp.plan,
    "300w_3d": w300w_3d.plan,
    "posed_characters": posed_characters.plan,
    "procedural_anime": pairs.plan,
    "procedural_faces": faces.plan,
    "posed_faces": posed.plan,
    "snapshots": snapshots.plan,
    "talking_heads": talks.plan,
    "fitted_heads": fitted_heads.plan,
    "gdpw_official": gdpw_official.plan,
}
# What some of the plans take, by the same names.
_OF_DATASETS = (
    "source",
    "size",
    "stride",
    "fits",
    "min_confidence",
    "labels",
    "frontal",
    "landmarks",
    "meshes",
    "count",
    "seed",
    "frames",
    "clips",
    "mixed",
    "groups",
    "pictures",
    "wide",
)
_OF_RECORDS = ("shards", "shard", "workers")  # what the other form does not take


def _build_as_asked(options: argparse.Namespace) -> None:
    recipe = _plan(options)
    if options.form == "tfds":
        for name in _OF_RECORDS:
            if getattr(options, name) is not None:
                raise InputError(f"--form tfds does not take --{name}: TFDS writes a dataset in one go")
        try:
            from data_pipelines import tfds_form
        except ImportError as error:
            raise InputError(f"--form tfds needs TFDS: pip install 'jaxanim[train]' ({error})") from error
        tfds_form.build(options.name, recipe, options.data_dir, max_corrupt=options.max_corrupt)
        return
    shards.build(
        options.name,
        recipe,
        options.data_dir,
        shards=options.shards,
        part=options.shard or (0, 1),
        workers=2 if options.workers is None else options.workers,
        max_corrupt=options.max_corrupt,
    )


def _plan(options: argparse.Namespace) -> Recipe:
    """Plans the dataset that is asked for, with the options that it takes; others are refused."""
    plan = PLANS[options.name]
    parameters = inspect.signature(plan).parameters
    given = {name: value for name in _OF_DATASETS if (value := getattr(options, name)) is not None}
    if extra := sorted(given.keys() - parameters.keys()):
        known = ", ".join(_flag(name) for name in parameters)
        raise InputError(f"{options.name} does not take {_flag(extra[0])}, but {known}")
    if "source" in parameters and "source" not in given:
        raise InputError(f"{options.name} is made of files: say where they are with --source")
    return plan(**given)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _add_flag(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """Adds an option that is True or not given, so that a dataset that does not take it can refuse it."""
    parser.add_argument(name, action="store_true", default=None, help=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data_pipelines.build", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(PLANS))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--source", type=Path, help="folder of the raw dataset")
    parser.add_argument("--size", type=positive, help="side of the pictures; faces are cut to squares and resized")
    parser.add_argument("--stride", type=positive, help="clips of files: keep every n-th frame, by default all")
    parser.add_argument("--fits", type=Path, help="fitted_heads: what `jaxanim fit` wrote for the folder of --source")
    parser.add_argument("--min-confidence", type=float, help="fitted_heads: of a frame's face, 0 to 1, by default 0.5")
    parser.add_argument("--labels", choices=typing.get_args(emotionet.Labels), help="emotionet: whose action units")
    _add_flag(parser, "--frontal", "rafd: pictures of the camera in front alone")
    _add_flag(parser, "--landmarks", "300w_lp: also the landmarks of its folder of that name; no mirrored pictures")
    parser.add_argument("--meshes", type=Path, help="300w_3d: the folder 300W-3D-Face, to keep the faces' vertices")
    how_many = "procedural_anime: how many pairs to draw, by default 10000; faces: clips or groups, 1000; people, 1500"
    parser.add_argument("--count", type=positive, help=how_many)
    parser.add_argument(
        "--seed",
        type=count,
        help="procedural_anime: which pairs to draw; faces: how people move",
    )
    parser.add_argument("--frames", type=positive, help="frames of a clip: procedural_faces 32, talking_heads 12")
    parser.add_argument("--clips", type=positive, help="clips of a person: procedural_faces 4, talking_heads 1")
    parser.add_argument("--mixed", type=count, help="posed_faces: faces of a group besides 8 emotions, by default 6")
    parser.add_argument("--groups", type=positive, help="posed_faces: groups of a person, by default 2")
    parser.add_argument("--pictures", type=positive, help="snapshots: pictures of a person, by default 8")
    parser.add_argument(
        "--wide", type=float, help="snapshots, talking_heads: share of mouths thrown open, by default 0.25"
    )
    parser.add_argument("--shards", type=positive, help="how many files to write")
    parser.add_argument("--form", choices=("records", "tfds"), default="records", help="what to write")
    parser.add_argument("--shard", type=part_of, metavar="I/N", help="build every N-th file from I on")
    parser.add_argument("--workers", type=count, help="processes, by default 2; 0 works in this one")
    parser.add_argument("--max-corrupt", type=count, default=100, help="how many items may be damaged")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and builds."""
    options = _parser().parse_args(arguments)
    try:
        _build_as_asked(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
