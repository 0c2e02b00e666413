"""The datasets that GDPW learns from: two frames of a clip, and the mesh of the head in both.

| `data.kind` | dataset (`data_pipelines.build`) | mesh |
|---|---|---|
| talking_heads | `talking_heads`; drawn where `data.folder` is "" | of the open head, posed and projected in the step |
| fitted_heads | `fitted_heads`: films with the fits of `jaxanim fit` | likewise |
| posed_meshes | `gdpw_official`: pictures with meshes of FLAME, as the released code was trained on | in the records |
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, UInt8

from data_pipelines.procedural_faces import talks
from jaxanim.core.errors import InputError
from jaxanim.core.types import Array, Float
from jaxanim.data import Field, Loader
from jaxanim.data.record_folder import RecordFolder, Subset
from jaxanim.data.sampling import SameClipPair
from jaxanim.data.source import Sample
from jaxanim.geometry import mirror, projected
from jaxanim.geometry.morphable import FaceParameters, MorphableModel
from launch.jobs import drawn

ROLES = ("source", "driving")
_OF_HEAD = ("identity", "expression", "rotations", "camera")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
KINDS = ("talking_heads", "fitted_heads", "posed_meshes")


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where the pictures come from.

    Attributes:
      kind: see the table above.
      folder: of the built dataset; "" draws people in the working folder.
      count: clips to draw, where they are drawn.
      jitter: how far brightness, contrast and saturation of a pair are changed together, as a share.
      flip: whether pairs are mirrored half of the time; posed_meshes only, whose model is symmetric vertex by vertex.
    """

    kind: str = "talking_heads"
    folder: str = ""
    count: int = 1000
    jitter: float = 0.1
    flip: bool = False

    def __post_init__(self) -> None:
        """Checks what does not fit together."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind != "talking_heads" and not self.folder:
            raise ValueError(f"{self.kind} needs a folder")
        if self.flip and not self.has_meshes:
            raise ValueError(f"the open head of {self.kind} has no mirrored vertices; flip is for posed_meshes")
        if not 0.0 <= self.jitter < 1.0:
            raise ValueError(f"jitter must be in [0, 1), got {self.jitter}")

    @property
    def has_meshes(self) -> bool:
        """Whether the records hold meshes, and not parameters of the open head."""
        return self.kind == "posed_meshes"


def open_folder(settings: DataSettings, size: int, workdir: Path) -> RecordFolder:
    """Opens the dataset; draws it first where it is to be drawn, in the first process."""
    if settings.folder:
        return RecordFolder(Path(settings.folder))
    return drawn.draw("talking_heads", talks.plan(count=settings.count, size=size), workdir)


def usable(folder: RecordFolder, split: str) -> np.ndarray:
    """Returns the records of a split: 'train', 'validation' or 'test'; people belong to one of them."""
    chosen = np.flatnonzero(folder.columns["split"] == split)
    if not len(chosen):
        raise InputError(f"the dataset has no pictures for {split!r}")
    return chosen


def fields_of(settings: DataSettings) -> tuple[str, ...]:
    """Returns the names of a record's arrays that training needs."""
    return ("image", "vertices") if settings.has_meshes else ("image", *_OF_HEAD)


class Chosen:
    """Records with the arrays alone that training needs."""

    def __init__(self, folder: RecordFolder, names: tuple[str, ...]):
        if missing := [name for name in names if name not in folder.fields]:
            raise InputError(f"the dataset has no {missing[0]!r}; it holds {', '.join(sorted(folder.fields))}")
        self._folder, self._names = folder, names

    def __len__(self) -> int:
        return len(self._folder)

    def __getitem__(self, record: int) -> Sample:
        """Reads one record."""
        found = self._folder[record]
        return {name: found[name] for name in self._names}


def open_loader(
    folder: RecordFolder,
    settings: DataSettings,
    fields: dict[str, Field],
    *,
    mirrored: Int[np.ndarray, " v"] | None,
    seed: int,
    batch_size: int,
    rows: slice,
) -> Loader:
    """Returns the batches to train on.

    Args:
      folder: the dataset.
      settings: of the data.
      fields: see `contract`.
      mirrored: `mirror.mirrored_vertices` of the model, where pairs are mirrored.
      seed: of order and augmentation.
      batch_size: examples of all hosts.
      rows: those of this host.
    """
    records = usable(folder, "train")
    return Loader(
        Subset(Chosen(folder, fields_of(settings)), records),
        seed=seed,
        batch_size=batch_size,
        rows=rows,
        sampler=SameClipPair(folder.columns["clip"][records]),
        transform=_augment(settings.jitter, mirrored),
        contract=fields,
    )


def contract(settings: DataSettings, size: int, vertices: int, head: MorphableModel | None) -> dict[str, Field]:
    """Returns what a batch to train on holds."""
    one = {"image": Field((size, size, 3), "uint8")}
    if head is None:
        one["vertices"] = Field((vertices, 3), "float32")
    else:
        one |= {
            "identity": Field((head.identity_basis.shape[-1],), "float32"),
            "expression": Field((head.expression_basis.shape[-1],), "float32"),
            "rotations": Field((len(head.parents), 3), "float32"),
            "camera": Field((4,), "float32"),
        }
    return {f"{role}_{name}": field for role in ROLES for name, field in one.items()}


def vertices_of(data: dict[str, Any], role: str, head: MorphableModel | None, size: int) -> Float[Array, "b v 3"]:
    """Returns the projected mesh of a batch's source or driving frames."""
    if head is None:
        return jnp.asarray(data[f"{role}_vertices"])
    face = FaceParameters(*(data[f"{role}_{name}"] for name in ("identity", "expression", "rotations")))
    return projected.vertices_ndc(head, face, data[f"{role}_camera"], size=size)


def _augment(jitter: float, mirrored: Int[np.ndarray, " v"] | None) -> Callable[[Sample, np.random.Generator], Sample]:
    """Returns what changes the colours of both pictures of a pair alike, and mirrors both, sometimes."""

    def transform(sample: Sample, rng: np.random.Generator) -> Sample:
        light, spread, chroma = 1.0 + jitter * rng.uniform(-1.0, 1.0, 3)
        flipped = mirrored is not None and rng.random() < 0.5
        changed = dict(sample)
        for role in ROLES:
            picture = _recoloured(sample[f"{role}_image"], light, spread, chroma)
            changed[f"{role}_image"] = np.ascontiguousarray(picture[:, ::-1]) if flipped else picture
            if flipped and mirrored is not None:
                changed[f"{role}_vertices"] = mirror.mirror_mesh(sample[f"{role}_vertices"], mirrored)
        return changed

    return transform


def _recoloured(picture: UInt8[np.ndarray, "h w 3"], light: float, spread: float, chroma: float) -> np.ndarray:
    """Multiplies brightness, contrast and saturation."""
    bright = picture.astype(np.float32) * np.float32(light)
    mean = (bright @ _LUMA).mean()
    bright = (bright - mean) * np.float32(spread) + mean
    grey = (bright @ _LUMA)[..., None]
    return np.clip(grey + (bright - grey) * np.float32(chroma) + np.float32(0.5), 0, 255).astype(np.uint8)
