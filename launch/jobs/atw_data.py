"""The datasets that ATW learns from: pictures, and the drive that each of them shows.

| `data.kind` | dataset (`data_pipelines.build`) | drive |
|---|---|---|
| posed_faces | `posed_faces`; drawn where `data.folder` is "" | action units, or the emotion's class |
| action_units | `emotionet --labels openface`, or any other with 17 `action_units` | OpenFace's intensities |
| rafd | `rafd` | its 8 classes |
| celeba | `celeba` | whether somebody smiles |
| class_folders | `image_folder`, of one folder for each class | the folder's place in the alphabet |
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_pipelines.procedural_faces import posed
from data_pipelines.procedural_faces.records import split_of
from jaxanim.core.errors import InputError
from jaxanim.data import Field, Loader, augment
from jaxanim.data.record_folder import RecordFolder, Subset
from jaxanim.data.sampling import RandomDriving, SameClipPair
from jaxanim.data.source import Sample
from jaxanim.systems.atw import Design
from launch.jobs import drawn

_SMILING = 31  # of CelebA's 40 attributes
DriveOf = Callable[[int, Sample], np.ndarray]


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where the pictures come from.

    Attributes:
      kind: see the table above.
      folder: of the built dataset; "" builds drawn people in the working folder.
      count: groups of pictures to draw, where they are drawn.
      paired: whether source and target are the same person in the same pose and light (posed_faces only), so that
        the target's picture is known; otherwise the target is anybody's expression.
      flip: whether pictures are mirrored half of the time.
      shift: pixels by which pictures are moved at most.
      jitter: whether brightness (30 %), contrast, saturation (20 %) and hue (a tenth of the circle) change.
      drive_noise: how far targets in action units are off at most, in the unit of the networks.
    """

    kind: str = "posed_faces"
    folder: str = ""
    count: int = 1200
    paired: bool = False
    flip: bool = True
    shift: int = 0
    jitter: bool = False
    drive_noise: float = 0.0

    def __post_init__(self) -> None:
        """Checks what does not fit together."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.kind != "posed_faces" and (self.paired or not self.folder):
            raise ValueError(f"{self.kind} needs a folder and has no pairs: nobody holds still there")
        if not (self.shift >= 0 and self.drive_noise >= 0.0):
            raise ValueError(f"shift and drive_noise must not be negative, got {self.shift} and {self.drive_noise}")


class Driven:
    """Records with their picture and their drive alone, and landmarks where they are asked for."""

    def __init__(self, folder: RecordFolder, drive_of: DriveOf, extra: tuple[str, ...] = ()):
        self._folder, self._drive_of, self._extra = folder, drive_of, extra

    def __len__(self) -> int:
        return len(self._folder)

    def __getitem__(self, record: int) -> Sample:
        """Reads one record."""
        found = self._folder[record]
        drive = np.asarray(self._drive_of(record, found), np.float32)
        return {"image": found["image"], "drive": drive, **{name: found[name] for name in self._extra}}


def open_folder(settings: DataSettings, size: int, workdir: Path) -> RecordFolder:
    """Opens the dataset; draws it first where it is to be drawn, in the first process."""
    if settings.folder:
        return RecordFolder(Path(settings.folder))
    return drawn.draw("posed_faces", posed.plan(count=settings.count, size=size), workdir)


def usable(folder: RecordFolder, settings: DataSettings, design: Design, split: str) -> np.ndarray:
    """Returns the records of a split: 'train', 'validation' or 'test'; people belong to one of them."""
    chosen = _splits(folder) == split
    if settings.kind == "posed_faces" and design.drive == "classes":
        chosen &= folder.columns["emotion"] != posed.MIXED
    if not chosen.any():
        raise InputError(f"the dataset has no pictures for {split!r} that can be used")
    return np.flatnonzero(chosen)


def _splits(folder: RecordFolder) -> np.ndarray:
    """Returns each record's split: as the dataset says, or by person, or by number."""
    columns = folder.columns
    if "split" in columns:
        return np.where(columns["split"] == "valid", "validation", columns["split"])
    number = np.arange(len(folder)) // 5
    if "identity" in columns:
        number = np.unique(columns["identity"], return_inverse=True)[1]
    return np.array([split_of(int(each)) for each in number])


def drives(folder: RecordFolder, settings: DataSettings, design: Design) -> DriveOf:
    """Returns what tells the drive of a record."""
    return KINDS[settings.kind](folder, design)


def open_loader(
    folder: RecordFolder, settings: DataSettings, design: Design, *, seed: int, batch_size: int, rows: slice
) -> Loader:
    """Returns the batches to train on."""
    records = usable(folder, settings, design, "train")
    source = Subset(Driven(folder, drives(folder, settings, design)), records)
    sampler = SameClipPair(folder.columns["group"][records]) if settings.paired else RandomDriving(len(records))
    return Loader(
        source,
        seed=seed,
        batch_size=batch_size,
        rows=rows,
        sampler=sampler,
        transform=_transform(settings, design),
        contract=contract(settings, design),
    )


def contract(settings: DataSettings, design: Design) -> dict[str, Field]:
    """Returns what a batch to train on holds."""
    picture = Field((design.size, design.size, 3), "uint8")
    most, noise = (1, 0.0) if design.drive == "classes" else (5, settings.drive_noise / design.drive_scale)
    drive, noisy = (Field((design.drives,), "float32", -each, most + each) for each in (0, noise))
    fields = {"source_image": picture, "source_drive": drive, "driving_drive": noisy}
    return fields | {"driving_image": picture} if settings.paired else fields


def _transform(settings: DataSettings, design: Design) -> Callable[[Sample, np.random.Generator], Sample]:
    noise = 0.0 if design.drive == "classes" else settings.drive_noise / design.drive_scale

    def transform(sample: Sample, rng: np.random.Generator) -> Sample:
        mirrored = settings.flip and rng.random() < 0.5
        kept = {name: array for name, array in sample.items() if settings.paired or name != "driving_image"}
        if settings.shift or settings.jitter or noise:
            seed = int(rng.integers(2**63))  # of both pictures of a pair
            kept = {
                name: _changed(settings, np.random.default_rng(seed), array) if array.ndim == 3 else array
                for name, array in kept.items()
            }
            off = rng.uniform(-noise, noise, design.drives).astype(np.float32)
            kept["driving_drive"] = kept["driving_drive"] + off
        return {name: array[:, ::-1] if mirrored and array.ndim == 3 else array for name, array in kept.items()}

    return transform


def _changed(settings: DataSettings, rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Returns a picture moved and in other colours."""
    if settings.shift:
        picture = augment.shift(rng, picture, largest=settings.shift)
    if settings.jitter:
        picture = augment.hue(rng, augment.color(rng, picture, brightness=0.3))
    return picture


def _action_units(folder: RecordFolder, design: Design) -> DriveOf:
    if design.drive != "action units" or "action_units" not in folder.fields:
        raise InputError(f"action units drive no design by {design.drive}; the dataset has {sorted(folder.fields)}")
    return lambda record, sample: sample["action_units"]


def _posed(folder: RecordFolder, design: Design) -> DriveOf:
    if design.drive == "action units":
        return _action_units(folder, design)
    _need_classes(design, len(set(folder.columns["emotion"]) - {posed.MIXED}))
    emotions = folder.columns["emotion"]
    return lambda record, sample: _one_hot(design, design.labels.index(str(emotions[record])))


def _rafd(folder: RecordFolder, design: Design) -> DriveOf:
    _need_classes(design, 8)
    return lambda record, sample: _one_hot(design, int(sample["label"]))


def _celeba(folder: RecordFolder, design: Design) -> DriveOf:
    _need_classes(design, 2)
    return lambda record, sample: _one_hot(design, int(sample["attributes"][_SMILING]))


def _class_folders(folder: RecordFolder, design: Design) -> DriveOf:
    first = np.array([str(name).partition("/")[0] for name in folder.columns["name"]])
    classes, number = np.unique(first, return_inverse=True)
    _need_classes(design, len(classes))
    return lambda record, sample: _one_hot(design, int(number[record]))


def _need_classes(design: Design, count: int) -> None:
    if design.drive != "classes" or design.drives != count:
        raise InputError(f"the dataset has {count} classes, the design {design.drives} {design.drive}")


def _one_hot(design: Design, index: int) -> np.ndarray:
    return np.eye(design.drives, dtype=np.float32)[index]


KINDS: dict[str, Callable[[RecordFolder, Design], DriveOf]] = {
    "posed_faces": _posed,
    "action_units": _action_units,
    "rafd": _rafd,
    "celeba": _celeba,
    "class_folders": _class_folders,
}
