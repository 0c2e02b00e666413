"""What regressors of the open head learn from: `snapshots`, drawn people of whom everything is known."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from data_pipelines.procedural_faces import snapshots
from data_pipelines.procedural_faces.person import random_person
from data_pipelines.procedural_faces.pieces import NECK, ROOT
from jaxanim.core.errors import InputError
from jaxanim.core.types import Array
from jaxanim.data import Field, Loader
from jaxanim.data.record_folder import RecordFolder, Subset
from jaxanim.data.source import Sample
from jaxanim.geometry import landmarks, rotations
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.parameters import Basis, FaceNumbers, Statistics
from launch.jobs import drawn

POINTS = 68 + 98
_DRAWS = 512  # faces that the statistics are taken from
# Of pictures as training augments them: angles about x, y, z, the shift, and the scale, in shares per metre.
_POSE_MEAN = (0.0, 0.0, 0.0, 0.5, 0.68, 0.0, 4.6)
_POSE_SIGMA = (0.2, 0.38, 0.28, 0.08, 0.1, 1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where the pictures come from.

    Attributes:
      folder: of a built dataset `snapshots`; "" draws it in the working folder.
      count: people to draw, where they are drawn.
    """

    folder: str = ""
    count: int = 1500


class Known:
    """Records with what a regressor learns: picture, points in shares of its side, coefficients and rotation."""

    def __init__(self, folder: RecordFolder):
        self._folder = folder

    def __len__(self) -> int:
        return len(self._folder)

    def __getitem__(self, record: int) -> Sample:
        """Reads one record."""
        found = self._folder[record]
        points = np.concatenate([found["landmarks_68"], found["landmarks_98"]]) / found["image"].shape[0]
        chain = np.stack([found["rotations"][ROOT], found["rotations"][NECK]])
        return {
            "image": found["image"],
            "points": points.astype(np.float32),
            "coefficients": np.concatenate([found["identity"], found["expression"]]),
            "rotations": chain,
        }


def contract(size: int, coefficients: int) -> dict[str, Field]:
    """Returns what a batch holds."""
    return {
        "image": Field((size, size, 3), "uint8"),
        "points": Field((POINTS, 2), "float32"),
        "coefficients": Field((coefficients,), "float32"),
        "rotations": Field((2, 3), "float32", -np.pi, np.pi),
    }


def open_folder(settings: DataSettings, workdir: Path) -> RecordFolder:
    """Opens the dataset; draws it first where it is to be drawn, in the first process."""
    if settings.folder:
        return _checked(RecordFolder(Path(settings.folder)), settings.folder)
    return drawn.draw("snapshots", snapshots.plan(count=settings.count), workdir)


def open_loader(folder: RecordFolder, fields: dict[str, Field], *, seed: int, batch_size: int, rows: slice) -> Loader:
    """Returns the batches to train on."""
    source = Subset(Known(folder), records_of(folder, "train"))
    return Loader(source, seed=seed, batch_size=batch_size, rows=rows, contract=fields)


def records_of(folder: RecordFolder, split: str) -> np.ndarray:
    """Returns the records of a split: 'train', 'validation' or 'test'.

    Raises:
      InputError: there are none.
    """
    records = np.flatnonzero(folder.columns["split"] == split)
    if not len(records):
        raise InputError(f"the dataset has no pictures for {split!r}")
    return records


def statistics(draws: int = _DRAWS) -> Statistics:
    """Returns mean and spread of the parameters of drawn people, without drawing them."""
    rows = np.stack(
        [np.concatenate([random_person(n).identity, snapshots.random_snapshot(n).expression[0]]) for n in range(draws)]
    )
    mean = np.concatenate([rows.mean(axis=0), _POSE_MEAN])
    sigma = np.concatenate([np.maximum(rows.std(axis=0), 0.02), _POSE_SIGMA])
    return Statistics(jnp.asarray(mean, jnp.float32), jnp.asarray(sigma, jnp.float32))


def scores(
    basis: Basis,
    of: Statistics,
    coefficients: Float[Array, "b n"],
    head: Float[Array, "b 3 3"],
    points: Float[Array, "b k 2"],
) -> Float[Array, "b p"]:
    """Returns the z-scores of faces that are known.

    Args:
      basis: the model's landmarks.
      of: what scores are counted in.
      coefficients: identity, then expression.
      head: rotation of the head.
      points: where the basis' landmarks are, in shares of the picture's side.
    """
    count = basis.identity.shape[-1]
    identity, expression = coefficients[:, :count], coefficients[:, count:]
    turned = jnp.einsum("bxy,bky->bkx", head, parameters.shape(basis, identity, expression))
    translation, scale = parameters.place(turned, points)
    numbers = parameters.join(FaceNumbers(identity, expression, parameters.angles_of(head), translation, scale))
    return of.scores(numbers)


def head_of(joints: Float[Array, "b 2 3"], turn: Float[Array, " b"]) -> Float[Array, "b 3 3"]:
    """Returns the rotation of heads in pictures that were turned clockwise by some radians."""
    head = landmarks.head_rotation(joints, chain=(0, 1))
    zero = jnp.zeros_like(turn)
    return rotations.axis_angle_to_matrix(jnp.stack([zero, zero, -turn], axis=-1)) @ head


def _checked(folder: RecordFolder, name: str) -> RecordFolder:
    needed = {"image", "landmarks_68", "landmarks_98", "identity", "expression", "rotations"}
    if missing := sorted(needed - set(folder.fields)):
        raise InputError(f"{name}: has no {missing[0]}; a dataset 'snapshots' is expected")
    return folder
