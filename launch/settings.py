"""The settings that every training run has, and what turns a configuration's entries into checked values.

A configuration file builds on `run()`; any entry can be changed on the command line, `--config.steps=500`. An entry
that is not there cannot be set.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import ml_collections

from jaxanim.core.errors import InputError

Made = TypeVar("Made")
DTYPES = ("float32", "bfloat16")


def run(system: str, *, steps: int, batch_size: int) -> ml_collections.ConfigDict:
    """Returns the settings that do not depend on the system.

    Args:
      system: what is trained, one of `launch.train.JOBS`.
      steps: of the whole run.
      batch_size: examples of a batch, over all hosts.
    """
    return ml_collections.ConfigDict(
        {
            "system": system,
            "seed": 0,
            "steps": steps,
            "batch_size": batch_size,
            "accumulate": 1,  # parts in which a batch is taken, one after the other
            "compute_dtype": "float32",  # or bfloat16; parameters stay in float32
            "fsdp": 1,  # over how many devices parameters are split
            "start_from": "",  # a file of networks to begin with; "" begins anew
            "log_every": 100,  # steps; 0 is never
            "save_every": 1000,
            "sheet_every": 1000,
            "keep_last": 2,
            "keep_best": 1,
            "max_skipped": 10,  # steps in a row that may be not finite
            "profile_from": 0,  # steps to trace; none where the second is 0
            "profile_to": 0,
            "threads": 2,  # that read batches
            "max_corrupt": 100,  # records of the data that may be damaged
        }
    )


def make(kind: type[Made], entries: Mapping[str, Any], what: str) -> Made:
    """Makes a dataclass of a part of the configuration.

    Raises:
      InputError: an entry is unknown, or its value cannot be used.
    """
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(entries) - known):
        raise InputError(f"{what} has no {unknown[0]!r}, but {', '.join(sorted(known))}")
    try:
        return kind(**entries)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: {error}") from error


def plain(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Returns a configuration as JSON can hold it."""
    return {name: _plain(value) for name, value in config.to_dict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
