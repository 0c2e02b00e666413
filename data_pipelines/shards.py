"""Writes the records of a recipe to shards: files that `jaxanim.data.record_folder` reads.

Shards are built by several processes and on several machines. A build that was interrupted goes on with the shards that
are not complete; the files are the same as those of an undisturbed one.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import tqdm

from data_pipelines import workers as processes
from data_pipelines.recipe import Recipe
from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, record_folder
from jaxanim.data.record_folder import Columns, Record


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
    shards = math.ceil(len(recipe.items) / recipe.items_per_shard) if shards is None else shards
    if not 0 < shards <= len(recipe.items):
        raise InputError(f"{len(recipe.items)} items cannot fill {shards} shards")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror or error})") from error
    _describe(name, recipe, folder, shards)
    mine = range(part[0], shards, part[1])
    todo = [shard for shard in mine if not record_folder.is_written(folder, shard, shards)]
    for shard in todo:  # what an earlier, killed run left half-written
        for left in folder.glob(f".{record_folder.shard_name(shard, shards)}.*.partial.*"):
            left.unlink()
    done = tqdm.tqdm(_run(recipe, folder, shards, todo, workers), total=len(mine), initial=len(mine) - len(todo))
    corrupt = [fault for shard in mine if shard not in todo for fault in record_folder.skipped(folder, shard, shards)]
    _check_damage(corrupt, max_corrupt)
    for faults in done:
        corrupt += faults
        _check_damage(corrupt, max_corrupt)
        done.set_postfix(damaged=len(corrupt))


def _check_damage(corrupt: Sequence[str], most: int) -> None:
    if len(corrupt) > most:
        raise InputError(f"{len(corrupt)} items are damaged, at most {most} may be; the last: {corrupt[-1]}")


def _run(recipe: Recipe, folder: Path, shards: int, todo: list[int], workers: int) -> Iterator[list[str]]:
    """Builds shards; yields what was damaged in each as it is finished."""
    jobs = [(_part(recipe, shard, shards), folder, shard, shards) for shard in todo]
    if not workers:
        yield from (_build_shard(*job) for job in jobs)
        return
    pool = processes.pool(workers)
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
        "items_sha256": hashlib.sha256(repr(recipe.items).encode()).hexdigest(),  # another folder has other names
    }
    path = folder / "dataset.json"
    if not path.exists():
        with files.replacing(path) as temporary:
            temporary.write_text(json.dumps(about, indent=1))
        return
    there = files.read_json(path, what="a dataset that was begun")
    if not isinstance(there, dict):
        raise InputError(f"{path}: damaged (does not describe a dataset)")
    there = {"items_sha256": about["items_sha256"], **there}  # older versions did not write it
    if differ := sorted(key for key in about.keys() | there.keys() if about.get(key) != there.get(key)):
        raise InputError(
            f"{folder}: another build was begun here, with "
            + ", ".join(f"{key} {there.get(key)} instead of {about.get(key)}" for key in differ)
            + "; choose another folder, or the same options"
        )
