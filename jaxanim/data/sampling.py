"""Which records make up one example: pairs and triplets within clips or identities, pure functions of (seed, number).

An epoch goes over the sampler's units (clips, or records); the generator it is given belongs to the example alone.
The roles' names become prefixes: {"source": 3, "driving": 8} gives `source_image`, `driving_image` and so on.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from jaxanim.core.errors import InputError


@runtime_checkable
class Sampler(Protocol):
    """Chooses the records of an example."""

    def __len__(self) -> int:
        """Returns the number of units of an epoch."""
        ...

    def __call__(self, unit: int, rng: np.random.Generator) -> dict[str, int]:
        """Returns the record of each role."""
        ...


class SameClipPair:
    """Two different frames of one clip, as GDPW trains: `source` and `driving`. The units are clips.

    Args:
      clips: for each record, the clip it belongs to.

    Raises:
      InputError: no clip has two frames.
    """

    def __init__(self, clips: Sequence[int | str] | np.ndarray):
        self._members = [group for group in _groups(clips) if len(group) > 1]
        if not self._members:
            raise InputError("pairs need a clip of two frames or more; every clip has one")

    def __len__(self) -> int:
        return len(self._members)

    def __call__(self, unit: int, rng: np.random.Generator) -> dict[str, int]:
        """Returns two frames of clip `unit`, every ordered pair equally often."""
        source, driving = rng.choice(self._members[unit], 2, replace=False)
        return {"source": int(source), "driving": int(driving)}


class OneClipOfIdentity:
    """Two different frames of a random clip of one person, as GDPW's released code trains. The units are people.

    Of the two records the one with the smaller number is `source`, as there. People whose clips have one frame each are
    left out.

    Args:
      identities: for each record, the person it shows.
      clips: for each record, the clip it belongs to; people may call theirs alike.

    Raises:
      ValueError: there are not as many clips as people.
      InputError: no clip has two frames.
    """

    def __init__(self, identities: Sequence[int | str] | np.ndarray, clips: Sequence[int | str] | np.ndarray):
        if len(identities) != len(clips):
            raise ValueError(f"each record has a person and a clip, got {len(identities)} and {len(clips)}")
        of_identity = [np.sort(group) for group in _groups(identities)]
        names = np.asarray(clips)
        people = [[group[members] for members in _groups(names[group]) if len(members) > 1] for group in of_identity]
        self._people = [found for found in people if found]
        if not self._people:
            raise InputError("pairs need a clip of two frames or more; every clip has one")

    def __len__(self) -> int:
        return len(self._people)

    def __call__(self, unit: int, rng: np.random.Generator) -> dict[str, int]:
        """Returns two frames of person `unit`: every clip equally often, and every pair in it."""
        clips = self._people[unit]
        source, driving = np.sort(rng.choice(clips[int(rng.integers(len(clips)))], 2, replace=False))
        return {"source": int(source), "driving": int(driving)}


class IdentityTriplet:
    """A record, another one of the same person, and one of somebody else, as F3A trains. The units are records.

    Roles are `anchor`, `positive` and `negative`. Records of people seen once are never anchors, but negatives.

    Args:
      identities: for each record, the person it shows.

    Raises:
      InputError: there is one person, or everybody has one record.
    """

    def __init__(self, identities: Sequence[int | str] | np.ndarray):
        groups = _groups(identities)
        if len(groups) < 2:
            raise InputError(f"triplets need records of two people or more, got {len(groups)}")
        self._sorted = np.concatenate(groups)  # records, person after person: a negative is any outside one's stretch
        self._stretch = np.zeros((len(self._sorted), 2), np.int64)
        start = 0
        for group in groups:
            self._stretch[group] = start, start + len(group)
            start += len(group)
        self._anchors = np.flatnonzero(self._stretch[:, 1] - self._stretch[:, 0] > 1)
        if not len(self._anchors):
            raise InputError("triplets need a person with two records or more; everybody has one")

    def __len__(self) -> int:
        return len(self._anchors)

    def __call__(self, unit: int, rng: np.random.Generator) -> dict[str, int]:
        """Returns the triplet of anchor number `unit`."""
        anchor = self._anchors[unit]
        start, stop = self._stretch[anchor]
        others = self._sorted[start:stop]
        positive = rng.choice(others[others != anchor])
        place = rng.integers(len(self._sorted) - (stop - start))
        negative = self._sorted[place if place < start else place + (stop - start)]
        return {"anchor": int(anchor), "positive": int(positive), "negative": int(negative)}


class RandomDriving:
    """A record and any other one that drives it, as ATW trains on stills: `source` and `driving`.

    Args:
      count: how many records there are.

    Raises:
      InputError: there is one, or none.
    """

    def __init__(self, count: int):
        if count < 2:
            raise InputError(f"a driving record other than the source needs two records or more, got {count}")
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __call__(self, unit: int, rng: np.random.Generator) -> dict[str, int]:
        """Returns record `unit` and any other one."""
        return {"source": unit, "driving": int((unit + rng.integers(1, self._count)) % self._count)}


def _groups(labels: Sequence[int | str] | np.ndarray) -> list[np.ndarray]:
    """Returns the records of each label, labels in ascending order, records too."""
    _, inverse, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1]) if len(counts) else []
