"""Builds a dataset: raw files to ArrayRecord files that `jaxanim.data.record_folder` reads.

    python -m data_pipelines.build NAME --data-dir D [--source RAW] [--size 256] [--shard 0/4] [--workers 2]

Shards are built by several processes and, with `--shard i/n`, on several machines. A build that was interrupted goes
on with the shards that are not complete; the files are the same as those of an undisturbed one. With `--form tfds` a
dataset of TensorFlow Datasets is written instead (`data_pipelines.tfds_form`).
"""

import argparse
import dataclasses
import inspect
import json
import math
import multiprocessing
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import tqdm

from data_pipelines.procedural_anime import pairs
from data_pipelines.recipe import Recipe
from data_pipelines.recipes import (
    celeba,
    emotionet,
    image_folder,
    posed_characters,
    rafd,
    voxceleb,
    w300vw,
    w300w_3d,
    w300w_lp,
)
from jaxanim.core import files
from jaxanim.core.errors import InputError, UserError
from jaxanim.data import CorruptRecordError, record_folder
from jaxanim.data.record_folder import Columns, Record

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
}
# What some of the plans take, by the same names.
_OF_DATASETS = ("source", "size", "stride", "labels", "frontal", "landmarks", "meshes", "count", "seed")
_OF_RECORDS = ("shards", "shard", "workers")  # what the other form does not take


def build(
    name: str,
    recipe: Recipe,
    folder: Path,
    *,
    shards: int | None = None,
    part: tuple[int, int] = (0, 1),
    workers: int = 0,
    max_corrupt: int = 100,
) -> None:
    """Builds the shards of a dataset that are not there yet.

    Args:
      name: of the dataset, for its description.
      recipe: what to build.
      folder: where to write; made if missing.
      shards: how many files; by default as many as the recipe finds handy.
      part: (i, n) builds every n-th shard from the i-th on.
      workers: processes; 0 works in this one.
      max_corrupt: how many items may be damaged before the build stops; they are left out and noted.
    """
    shards = shards or math.ceil(len(recipe.items) / recipe.items_per_shard)
    if not 0 < shards <= len(recipe.items):
        raise InputError(f"{len(recipe.items)} items cannot fill {shards} shards")
    folder.mkdir(parents=True, exist_ok=True)
    _describe(name, recipe, folder, shards)
    mine = range(part[0], shards, part[1])
    todo = [shard for shard in mine if not record_folder.is_written(folder, shard, shards)]
    for shard in todo:  # what an earlier, killed run left half-written
        for left in folder.glob(f".{record_folder.shard_name(shard, shards)}.*.partial.*"):
            left.unlink()
    done = tqdm.tqdm(_run(recipe, folder, shards, todo, workers), total=len(mine), initial=len(mine) - len(todo))
    corrupt = [fault for shard in mine if shard not in todo for fault in record_folder.skipped(folder, shard, shards)]
    for faults in done:
        corrupt += faults
        if len(corrupt) > max_corrupt:
            raise InputError(f"{len(corrupt)} items are damaged, at most {max_corrupt} may be; the last: {corrupt[-1]}")
        done.set_postfix(damaged=len(corrupt))


def _run(recipe: Recipe, folder: Path, shards: int, todo: list[int], workers: int) -> Iterator[list[str]]:
    """Builds shards; yields what was damaged in each as it is finished."""
    jobs = [(_part(recipe, shard, shards), folder, shard, shards) for shard in todo]
    if not workers:
        yield from (_build_shard(*job) for job in jobs)
        return
    # Forking a process that runs JAX's threads can hang.
    pool = futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        for finished in futures.as_completed([pool.submit(_build_shard, *job) for job in jobs]):
            yield finished.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _part(recipe: Recipe, shard: int, shards: int) -> Recipe:
    """Returns the recipe for the items of one shard alone."""
    ends = [len(recipe.items) * n // shards for n in (shard, shard + 1)]
    return dataclasses.replace(recipe, items=recipe.items[slice(*ends)])  # type: ignore[type-var]


def _build_shard(recipe: Recipe, folder: Path, shard: int, shards: int) -> list[str]:
    """Builds one shard and returns what was damaged."""
    corrupt: list[str] = []

    def records() -> Iterator[tuple[Record, Columns]]:
        for item in recipe.items:
            try:
                rows = recipe.records(item)
            except CorruptRecordError as error:
                corrupt.append(str(error))
            else:
                yield from rows

    record_folder.write_shard(folder, shard, shards, records(), corrupt)
    return corrupt


def _describe(name: str, recipe: Recipe, folder: Path, shards: int) -> None:
    """Writes what the dataset is; where it is written already, checks that this build is the same."""
    about: dict[str, Any] = {
        "format": record_folder.FORMAT,
        "name": name,
        "shards": shards,
        "fields": dict(recipe.fields),
        "options": {**recipe.options, "items": len(recipe.items)},
    }
    path = folder / "dataset.json"
    if not path.exists():
        with files.replacing(path) as temporary:
            temporary.write_text(json.dumps(about, indent=1))
        return
    there = _read_description(path)
    if differ := sorted(key for key in about.keys() | there.keys() if about.get(key) != there.get(key)):
        raise InputError(
            f"{folder}: another build was begun here, with "
            + ", ".join(f"{key} {there.get(key)} instead of {about.get(key)}" for key in differ)
            + "; choose another folder, or the same options"
        )


def _read_description(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); choose another folder, or delete it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: does not describe a dataset; choose another folder, or delete it")
    return content


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
    build(
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
        raise InputError(
            f"{options.name} does not take --{extra[0]}, but {', '.join(f'--{name}' for name in parameters)}"
        )
    if "source" in parameters and "source" not in given:
        raise InputError(f"{options.name} is made of files: say where they are with --source")
    return plan(**given)


def _part_of(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"i/n with 0 <= i < n is expected, got {text!r}")
    return int(index), int(count)


def _add_flag(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    """Adds an option that is True or not given, so that a dataset that does not take it can refuse it."""
    parser.add_argument(name, action="store_true", default=None, help=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data_pipelines.build", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(PLANS))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder to write to")
    parser.add_argument("--source", type=Path, help="folder of the raw dataset")
    parser.add_argument("--size", type=int, help="cut and resize faces to squares of this side")
    parser.add_argument("--stride", type=int, help="voxceleb, 300vw: keep every n-th frame, by default all")
    parser.add_argument("--labels", choices=typing.get_args(emotionet.Labels), help="emotionet: whose action units")
    _add_flag(parser, "--frontal", "rafd: pictures of the camera in front alone")
    _add_flag(parser, "--landmarks", "300w_lp: also the landmarks of its folder of that name; no mirrored pictures")
    parser.add_argument("--meshes", type=Path, help="300w_3d: the folder 300W-3D-Face, to keep the faces' vertices")
    parser.add_argument("--count", type=int, help="procedural_anime: how many pairs to draw, by default 10000")
    parser.add_argument("--seed", type=int, help="procedural_anime: which pairs to draw, by default 0")
    parser.add_argument("--shards", type=int, help="how many files to write")
    parser.add_argument("--form", choices=("records", "tfds"), default="records", help="what to write")
    parser.add_argument("--shard", type=_part_of, metavar="I/N", help="build every N-th file from I on")
    parser.add_argument("--workers", type=int, help="processes, by default 2; 0 works in this one")
    parser.add_argument("--max-corrupt", type=int, default=100, help="how many items may be damaged")
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
