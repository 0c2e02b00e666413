"""Drawn pairs as a source that needs nothing on disk, and as a recipe for a dataset that is drawn once."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from data_pipelines import recipe
from data_pipelines.procedural_anime.character import Sample
from data_pipelines.procedural_anime.design import CharacterDesign, random_design
from data_pipelines.procedural_anime.pool import render_numbered
from jaxanim.data import pictures
from jaxanim.data.record_folder import Kind, Record


class DrawnPairs:
    """Records {"rest", "posed", "pose", "flow_px", "known"} as in `Sample`, each drawn when it is asked for.

    Args:
      count: how many there are.
      seed: of the poses and characters; record n is a pure function of (seed, n).
      design: the character; None draws another one for every record.
    """

    def __init__(self, *, count: int, seed: int, design: CharacterDesign | None = None):
        self._count, self._seed, self._design = count, seed, design

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, record: int) -> dict[str, np.ndarray]:
        """Draws one pair."""
        if not 0 <= record < self._count:
            raise IndexError(f"record {record} of {self._count}")
        sample = _draw(self._design, self._seed, record)
        return {name: getattr(sample, name) for name in ("rest", "posed", "pose", "flow_px", "known")}


@dataclasses.dataclass(frozen=True)
class DrawnPairsRecipe:
    """Items are numbers of pairs; flow is stored as float16. Columns: number."""

    seed: int
    items: tuple[int, ...]
    fields: ClassVar[dict[str, Kind]] = {
        "rest": "rgba",
        "posed": "rgba",
        "pose": "array",
        "flow_px": "array",
        "known": "array",
    }
    items_per_shard: ClassVar[int] = 250

    @property
    def options(self) -> dict[str, Any]:
        """What decides how the records look."""
        return {"seed": self.seed}

    def records(self, item: int) -> recipe.Rows:
        """Draws the pair of a number, of a character of its own."""
        sample = _draw(None, self.seed, item)
        record: Record = {
            "rest": pictures.encode(sample.rest),
            "posed": pictures.encode(sample.posed),
            "pose": sample.pose,
            "flow_px": sample.flow_px.astype(np.float16),
            "known": sample.known,
        }
        return [(record, {"number": item})]


def plan(count: int = 10_000, seed: int = 0) -> DrawnPairsRecipe:
    """Numbers the pairs."""
    return DrawnPairsRecipe(seed, tuple(range(count)))


def _draw(design: CharacterDesign | None, seed: int, number: int) -> Sample:
    if design is None:
        design = random_design(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
    return render_numbered(design, seed, number)
