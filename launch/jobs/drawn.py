"""Datasets that a run draws for itself where no folder is given."""

from pathlib import Path

import jax
from jax.experimental import multihost_utils

from data_pipelines import shards
from data_pipelines.recipe import Recipe
from jaxanim.data.record_folder import RecordFolder


def draw(name: str, plan: Recipe, workdir: Path) -> RecordFolder:
    """Builds a dataset in the working folder, in the first process, unless it is there; then opens it."""
    folder = workdir / "data"
    if jax.process_index() == 0:
        shards.build(name, plan, folder, workers=2)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("data drawn")
    return RecordFolder(folder)
