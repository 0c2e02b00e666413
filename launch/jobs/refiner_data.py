"""What refiners learn from and are measured on: faces of `snapshots`, upright and near."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import PIL.ImageDraw
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.data import Field
from jaxanim.data.record_folder import RecordFolder, Subset
from jaxanim.data.source import Sample
from jaxanim.evaluate import faces
from jaxanim.geometry import mirror
from jaxanim.signals.face_signal import EXPRESSIONS
from jaxanim.tracking import alignments, crops
from jaxanim.tracking.refiner.design import POINTS, Design
from jaxanim.tracking.refiner.refiner import NETWORK, Found, Refiner
from jaxanim.train.state import TrainState
from launch.jobs import held_pairs, regressor_data

COUNT, SHOWN, AT_A_TIME = 256, 24, 64


@dataclasses.dataclass(frozen=True)
class CloseUps:
    """Records as a refiner sees them: picture, points in shares of its side, coefficients of expression.

    Attributes:
      folder: of `snapshots`.
      scale: side of the pictures over that of the box around the landmarks.
      size: side of the pictures.
    """

    folder: RecordFolder
    scale: float
    size: int

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, record: int) -> Sample:
        """Reads one record and cuts the face out."""
        found = self.folder[record]
        place = alignments.around_points(found["landmarks_98"], self.scale, self.size, upright=True)
        points = np.concatenate([found["landmarks_68"], found["landmarks_98"]])
        return {
            "image": crops.take(found["image"], place),
            "points": (crops.to_crop(place, points) / self.size).astype(np.float32),
            "expression": found["expression"],
        }


def mirrored(sample: Sample, rng: np.random.Generator) -> Sample:
    """Mirrors every other record of `CloseUps`."""
    if rng.random() < 0.5:
        return sample
    points = [mirror.mirror_points(part, 1) for part in np.split(sample["points"], [68])]
    return {
        "image": np.ascontiguousarray(sample["image"][:, ::-1]),
        "points": np.concatenate(points),
        "expression": sample["expression"][mirror.mirrored_names(EXPRESSIONS)],
    }


def training(folder: RecordFolder, design: Design, view: float) -> Subset:
    """Returns the training people with as much room around their faces as augmentation needs.

    Args:
      folder: of `snapshots`.
      design: of the refiner.
      view: share of a picture's side that is left after augmentation.
    """
    records = regressor_data.records_of(folder, "train")
    return Subset(CloseUps(folder, design.scale / view, round(design.size / view)), records)


def contract(design: Design, view: float) -> dict[str, Field]:
    """Returns what a batch of `training` holds."""
    size = round(design.size / view)
    return {
        "image": Field((size, size, 3), "uint8"),
        "points": Field((POINTS, 2), "float32"),
        "expression": Field((design.expression,), "float32"),
    }


@dataclasses.dataclass(frozen=True, eq=False)
class HeldCloseUps:
    """Faces of people who are held out, as they were drawn.

    Attributes:
      refiner: of the run.
      images: in [0, 1].
      points: in pixels.
      expression: coefficients.
    """

    refiner: Refiner
    images: Float[np.ndarray, "n h w 3"]
    points: Float[np.ndarray, "n k 2"]
    expression: Float[np.ndarray, "n e"]

    @classmethod
    def of_folder(cls, folder: RecordFolder, refiner: Refiner, *, split: str = "validation") -> "HeldCloseUps":
        """Reads pictures of a split, spread evenly."""
        records = regressor_data.records_of(folder, split)
        chosen = records[np.linspace(0, len(records) - 1, min(COUNT, len(records))).astype(int)]
        size = refiner.design.size
        seen = CloseUps(folder, refiner.design.scale, size)
        known = list(held_pairs.readable(lambda record: seen[int(record)], chosen))
        images = np.stack([each["image"] for each in known]) / np.float32(255)
        points = np.stack([each["points"] for each in known]) * size
        return cls(refiner, images, points, np.stack([each["expression"] for each in known]))

    def numbers(self, state: TrainState) -> dict[str, float]:
        """Returns the error of landmarks relative to the eyes' distance (percent), and correlations of expressions."""
        points, expression = self._find(state.average[NETWORK], len(self.images))
        error = 100 * float(faces.landmark_error(points[:, :68], self.points[:, :68]).mean())
        correlation = faces.correlation(expression, self.expression)
        return {
            "held/landmarks_68": error,
            "held/expression_correlation": correlation,
            "held/score": correlation - error / 100,
        }

    def sheet(self, state: TrainState) -> UInt8[np.ndarray, "h w 3"]:
        """Draws the first pictures with the landmarks that are found."""
        points, _ = self._find(state.average[NETWORK], SHOWN)
        drawn = []
        for image, marks in zip(self.images[:SHOWN], points[:, 68:], strict=True):
            picture = PIL.Image.fromarray((image * 255).astype(np.uint8))
            PIL.ImageDraw.Draw(picture).point([tuple(mark) for mark in marks.tolist()], fill=(0, 255, 0))
            drawn.append(np.asarray(picture))
        blank = np.zeros_like(drawn[0])
        drawn += [blank] * (-len(drawn) % 8)
        rows = [np.concatenate(drawn[at : at + 8], axis=1) for at in range(0, len(drawn), 8)]
        return np.concatenate(rows)

    def _find(self, params: Params, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns points and expressions in the first pictures."""
        parts = [
            _look(params, self.images[at : at + AT_A_TIME], refiner=self.refiner)
            for at in range(0, min(count, len(self.images)), AT_A_TIME)
        ]
        points, expression = (
            np.concatenate([np.asarray(getattr(part, name)) for part in parts]) for name in ("points", "expression")
        )
        return points[:count], expression[:count]


@functools.partial(jax.jit, static_argnames="refiner")
def _look(params: Params, images: Array, *, refiner: Refiner) -> Found:
    return refiner.find(params, jnp.asarray(images))
