"""Pairs of held-out pictures of `talking_heads`: one to be moved, and one that says how.

Of one person, the second picture is the truth. Of two, it is somebody else who does what is wanted: the driver's
expression and turns of the head go to the source's face, and the source keeps its place.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder
from jaxanim.data.sampling import SameClipPair
from jaxanim.geometry import morphable, projected
from jaxanim.geometry.morphable import FaceParameters, MorphableModel
from launch.jobs import held_pairs

AT_A_TIME = 32
_MESH = ("identity", "expression", "rotations", "camera")
_NEEDED = ("image", "landmarks_68", *_MESH)
_vertices = jax.jit(projected.vertices_ndc, static_argnames="size")


@dataclasses.dataclass(frozen=True, eq=False)
class HeadPairs:
    """Pairs of pictures with meshes; x and y of these are in [-1, 1].

    Attributes:
      source: pictures to be moved.
      driver: pictures that say how.
      source_ndc: meshes in the sources.
      wanted_ndc: the same meshes as they are to be; in pairs of one person, those in the drivers.
      wanted_points: 68 landmarks of these in pixels, where the face of a result is looked for.
      driver_points: 68 landmarks in the drivers.
    """

    source: UInt8[np.ndarray, "n s s 3"]
    driver: UInt8[np.ndarray, "n s s 3"]
    source_ndc: Float[np.ndarray, "n v 3"]
    wanted_ndc: Float[np.ndarray, "n v 3"]
    wanted_points: Float[np.ndarray, "n 68 2"]
    driver_points: Float[np.ndarray, "n 68 2"]

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return self.source.shape[1]


def of_one_person(folder: RecordFolder, head: MorphableModel, *, split: str, count: int) -> HeadPairs:
    """Draws two frames of a clip, both directions equally often; the same for the same dataset."""
    records = _records(folder, split)
    sampler = SameClipPair(folder.columns["clip"][records])
    drawn = held_pairs.draw(lambda record: folder[int(records[record])], sampler, count)
    source, driver = (_stacked([pair[role] for pair in drawn]) for role in ("source", "driving"))
    size, points = _side(source), driver["landmarks_68"]
    before, wanted = (vertices(head, rows, size=size) for rows in (source, driver))
    return HeadPairs(source["image"], driver["image"], before, wanted, points, points)


def of_two_people(folder: RecordFolder, head: MorphableModel, *, split: str, count: int) -> HeadPairs:
    """Draws frames of two different people; the same for the same dataset.

    Raises:
      InputError: the split has one person.
    """
    records, rng = _records(folder, split), np.random.default_rng(1)
    people = folder.columns["person"][records]
    if len(set(people)) < 2:
        raise InputError(f"the split {split!r} has one person, another one is needed to drive")
    sources = rng.integers(len(records), size=count)
    others = [rng.choice(np.flatnonzero(people != people[each])) for each in sources]
    pairs = zip(records[sources], records[others], strict=True)
    read = held_pairs.readable(lambda pair: [folder[int(record)] for record in pair], pairs)
    source, driver = map(_stacked, zip(*read, strict=True))
    size = _side(source)
    moved = {**source, "expression": driver["expression"], "rotations": driver["rotations"]}
    wanted = vertices(head, moved, size=size)
    points = morphable.embed(jnp.asarray(wanted), head.faces, head.landmarks[68])[..., :2]
    in_pixels = (np.asarray(points) + 1.0) * (size / 2)
    before = vertices(head, source, size=size)
    return HeadPairs(source["image"], driver["image"], before, wanted, in_pixels, driver["landmarks_68"])


def vertices(head: MorphableModel, rows: Mapping[str, np.ndarray], *, size: int) -> Float[np.ndarray, "n v 3"]:
    """Returns the meshes of records in their pictures, see `projected.vertices_ndc`."""
    count = len(rows["camera"])
    parts = []
    for first in range(0, count, AT_A_TIME):
        # The last batch is filled up with its last row.
        chosen = np.minimum(np.arange(first, first + AT_A_TIME), count - 1)
        identity, expression, rotations, camera = (jnp.asarray(rows[name][chosen], jnp.float32) for name in _MESH)
        parts.append(np.asarray(_vertices(head, FaceParameters(identity, expression, rotations), camera, size=size)))
    return np.concatenate(parts)[:count]


def _records(folder: RecordFolder, split: str) -> np.ndarray:
    """Returns the numbers of a split's records."""
    missing = [name for name in _NEEDED if name not in folder.fields]
    missing += [name for name in ("person", "clip", "split") if name not in folder.columns]
    if missing:
        raise InputError(f"a dataset talking_heads is needed, this one has no {', '.join(missing)}")
    records = np.flatnonzero(folder.columns["split"] == split)
    if not len(records):
        raise InputError(f"the dataset has no pictures of the split {split!r}")
    return records


def _stacked(rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([row[name] for row in rows]) for name in _NEEDED}


def _side(rows: Mapping[str, np.ndarray]) -> int:
    height, width = rows["image"].shape[1:3]
    if height != width:
        raise InputError(f"square pictures are needed, these are {width}x{height}")
    return height
