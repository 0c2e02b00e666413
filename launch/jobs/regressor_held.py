"""What a regressor in training is measured on: drawn people it has never seen, in pictures as they were drawn."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import PIL.ImageDraw
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.data.record_folder import RecordFolder
from jaxanim.evaluate import faces
from jaxanim.ops.grid_sample import grid_sample
from jaxanim.tracking.regressor import parameters
from jaxanim.tracking.regressor.regressor import NETWORK, FaceRegressor
from jaxanim.train.state import TrainState
from launch.jobs import held_pairs, regressor_data
from launch.jobs.regressor_data import Known

COUNT, SHOWN, AT_A_TIME = 256, 24, 64


@dataclasses.dataclass(frozen=True, eq=False)
class HeldFaces:
    """Pictures and everything that is known of them.

    Attributes:
      regressor: of the run.
      images: in [0, 1], as the network sees them.
      points: in pixels.
      expression: coefficients.
      head: rotation.
    """

    regressor: FaceRegressor
    images: Float[np.ndarray, "n h w 3"]
    points: Float[np.ndarray, "n k 2"]
    expression: Float[np.ndarray, "n e"]
    head: Float[np.ndarray, "n 3 3"]

    @classmethod
    def of_folder(
        cls, folder: RecordFolder, regressor: FaceRegressor, *, view: float, split: str = "validation"
    ) -> "HeldFaces":
        """Reads pictures of a split, spread evenly, and cuts their middle out."""
        records = regressor_data.records_of(folder, split)
        chosen = records[np.linspace(0, len(records) - 1, min(COUNT, len(records))).astype(int)]
        known = list(held_pairs.readable(lambda record: Known(folder)[int(record)], chosen))
        size, design = regressor.design.size, regressor.design
        axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * view
        grid = np.stack(np.meshgrid(axis, axis), axis=-1)
        images = [
            grid_sample(
                jnp.asarray(each["image"], jnp.float32) / 255.0,
                jnp.asarray(grid),
                padding="border",
                align_corners=False,
                units="normalised",
            )
            for each in known
        ]
        points = np.stack([each["points"] for each in known])
        head = regressor_data.head_of(jnp.stack([each["rotations"] for each in known]), jnp.zeros(len(known)))
        expression = np.stack([each["coefficients"] for each in known])[:, design.identity :]
        return cls(regressor, np.stack(images), ((points - 0.5) / view + 0.5) * size, expression, np.asarray(head))

    def numbers(self, state: TrainState) -> dict[str, float]:
        """Returns errors: landmarks relative to the eyes' distance (percent), angles in degrees, and correlations."""
        points, angles, expression, certain = self._find(state.average[NETWORK], len(self.images))
        error = faces.landmark_error(points[:, :68], self.points[:, :68])
        turned = np.asarray(parameters.rotation(jnp.asarray(angles)))
        found = {
            "held/landmarks_68": 100 * float(error.mean()),
            "held/head_degrees": float(faces.rotation_error(turned, self.head).mean()),
            "held/expression_correlation": faces.correlation(expression, self.expression),
            "held/certain": float(certain.mean()),
        }
        return {**found, "held/score": -found["held/landmarks_68"]}

    def sheet(self, state: TrainState) -> UInt8[np.ndarray, "h w 3"]:
        """Draws the first pictures with the landmarks that are found."""
        points, _, _, _ = self._find(state.average[NETWORK], SHOWN)
        drawn = []
        for image, marks in zip(self.images[:SHOWN], points[:, 68:], strict=True):
            picture = PIL.Image.fromarray((image * 255).clip(0, 255).astype(np.uint8))
            pencil = PIL.ImageDraw.Draw(picture)
            pencil.point([tuple(mark) for mark in marks.tolist()], fill=(0, 255, 0))
            drawn.append(np.asarray(picture))
        rows = [np.concatenate(drawn[at : at + 8], axis=1) for at in range(0, len(drawn), 8) if at + 8 <= len(drawn)]
        return np.concatenate(rows or [np.concatenate(drawn, axis=1)])

    def _find(self, params: Params, count: int) -> tuple[np.ndarray, ...]:
        parts = [
            _look(params, self.images[at : at + AT_A_TIME], regressor=self.regressor)
            for at in range(0, count, AT_A_TIME)
        ]
        return tuple(np.concatenate([np.asarray(part[k]) for part in parts])[:count] for k in range(4))


@functools.partial(jax.jit, static_argnames="regressor")
def _look(params: Params, images: Array, *, regressor: FaceRegressor) -> tuple[Array, ...]:
    found = regressor.find(params, images)
    assert found.points is not None
    return found.points, found.face.angles, found.face.expression, found.confidence
