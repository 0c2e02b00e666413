"""What a run notes of itself, and whether a run that goes on is the same one.

Everything that decides what is learnt has to be the same. Where the data lie may change, not what they are; the
networks that a run began with are not needed any more. Other files that a configuration names, such as those of GDPW,
have to stay where they are.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_collections

from jaxanim.core import files
from jaxanim.core.errors import InputError
from jaxanim.data import record_folder
from launch import settings

DATASET = "dataset"  # the entry that says what the data are
# What may differ between the runs that one training is made of.
FREE = frozenset(
    (
        *("log_every", "save_every", "sheet_every", "profile_from", "profile_to"),
        *("keep_last", "keep_best", "threads", "max_corrupt", "max_skipped", "fsdp", "data.folder"),
    )
)


def noted(config: ml_collections.ConfigDict, workdir: Path) -> dict[str, Any]:
    """Returns the settings of a run and the description of its dataset, which has to be there, as JSON can hold it."""
    folder = Path(config.data.folder) if config.data.folder else workdir / "data"
    dataset = files.read_json(folder / "dataset.json", what="a dataset that was built")
    names = [record_folder.shard_name(shard, dataset["shards"]) for shard in range(dataset["shards"])]
    # What is damaged may differ from machine to machine.
    counts = [files.read_json(folder / f"{name}.json", what="a dataset that was built")["records"] for name in names]
    hashed = hashlib.sha256(json.dumps(counts).encode()).hexdigest()
    return {**settings.plain(config), DATASET: {**dataset, "records_sha256": hashed}}


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], workdir: Path) -> None:
    """Raises where a run shall go on with other settings or data than it was begun with.

    Args:
      before: what `noted` said when the run was begun.
      now: what it says now.
      workdir: of the run.
    """
    was, is_now = dict(_flat(before)), dict(_flat(now))
    if not is_now["start_from"]:
        was["start_from"] = is_now["start_from"]
    # A setting that an older version did not have yet stands at what that version did.
    differ = sorted(name for name in was.keys() - FREE if was[name] != is_now.get(name))
    if differ:
        shown = "; ".join(f"{name} was {was[name]}, is {is_now.get(name)}" for name in differ[:3])
        raise InputError(f"{workdir}: the run there was begun with other settings ({shown}); choose another --workdir")


def _flat(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in entries.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
