"""What is around a person: background, lights and the camera."""

import dataclasses

import numpy as np

from data_pipelines.procedural_faces import atlas
from data_pipelines.procedural_faces.shading import Light

_BACKGROUND = 64  # texels; a lens would blur it


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole on the z axis that looks along -z.

    Attributes:
      distance: from the origin, in units.
      focal: focal length, in sides of the picture.
      center: where the axis meets the picture, in sides of the picture from its upper left corner, (2,).
    """

    distance: float
    focal: float
    center: np.ndarray

    def project(self, place: np.ndarray, size: int) -> np.ndarray:
        """Returns pixels and depth in units from the camera, (n, 3), float32; nothing may be behind the camera."""
        depth = np.float32(self.distance) - place[:, 2]
        scale = np.float32(self.focal * size) / depth
        x = place[:, 0] * scale + np.float32(self.center[0] * size)
        y = place[:, 1] * -scale + np.float32(self.center[1] * size)
        return np.stack([x, y, depth], axis=-1).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything but the person.

    Attributes:
      background: linear colours, (b, b, 3).
      light: what lights the person.
      camera: what sees it.
    """

    background: np.ndarray
    light: Light
    camera: Camera


def random_scene(seed: int) -> Scene:
    """Draws a scene; the same one for the same seed."""
    rng = np.random.default_rng([seed, 0x5CE2E])
    return Scene(_background(rng), _light(rng), _camera(rng))


def backdrop(scene: Scene, size: int) -> np.ndarray:
    """Returns the background enlarged to a picture, (size, size, 3), float32."""
    at = (np.arange(size, dtype=np.float32) + 0.5) * (_BACKGROUND / size) - 0.5
    left = np.clip(np.floor(at).astype(int), 0, _BACKGROUND - 2)
    share = np.clip(at - left, 0, 1).astype(np.float32)[:, None, None]
    rows = scene.background[left] * (1 - share) + scene.background[left + 1] * share
    columns = rows.transpose(1, 0, 2)
    return np.ascontiguousarray((columns[left] * (1 - share) + columns[left + 1] * share).transpose(1, 0, 2))


def _background(rng: np.random.Generator) -> np.ndarray:
    """A wall or a room out of focus: a gradient, and soft shapes before it."""
    y, x = (np.mgrid[:_BACKGROUND, :_BACKGROUND] + 0.5) / _BACKGROUND

    def muted() -> np.ndarray:
        return np.asarray(
            np.clip(rng.uniform(0.08, 0.85) + rng.uniform(-0.5, 0.5, 3) * rng.uniform(0.05, 0.3), 0.02, 1)
        )

    angle = rng.uniform(0, 2 * np.pi)
    share = np.clip(0.5 + (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle), 0, 1)[..., None]
    first = muted()
    picture = first * (1 - share) + np.clip(first + rng.normal(0, 0.12, 3), 0.02, 1) * share
    for _ in range(int(rng.choice([0, 3, 6, 9]))):
        middle, reach, soft = rng.random(2), rng.uniform(0.05, 0.35), rng.uniform(0.012, 0.06)
        dx, dy = np.abs(x - middle[0]), np.abs(y - middle[1]) * rng.uniform(0.4, 2.5)
        away = np.hypot(dx, dy) if rng.random() < 0.4 else np.maximum(dx, dy)
        weight = rng.uniform(0.3, 0.9) / (1 + np.exp(np.clip((away - reach) / soft, -30, 30)))
        picture += (muted() - picture) * weight[..., None]
    picture += 0.012 * atlas.noise(rng, (_BACKGROUND, _BACKGROUND), (7, 7))[..., None]
    return np.asarray(np.clip(picture, 0.01, 1) ** 2, np.float32)


def _light(rng: np.random.Generator) -> Light:
    direction = np.array([rng.uniform(-0.85, 0.85), rng.uniform(0.15, 0.75), rng.uniform(0.6, 1.0)])
    warmth = rng.normal(0, 0.06)
    key = np.array([1 + warmth, 0.97, 0.94 - warmth]) * rng.uniform(0.75, 1.1)
    ambient = np.array([0.40, 0.41, 0.43]) * rng.uniform(0.7, 1.2) * (1 - 0.5 * warmth * np.array([1, 0, -1]))
    return Light(direction / np.linalg.norm(direction), key, ambient, float(rng.uniform(0.08, 0.35)))


def _camera(rng: np.random.Generator) -> Camera:
    """Head and shoulders: the face takes up a third to a half of the picture."""
    distance, units = rng.uniform(8.0, 15.0), rng.uniform(0.27, 0.33)
    middle = np.array([0.5 + rng.normal(0, 0.015), 0.44 + rng.normal(0, 0.015)])
    return Camera(float(distance), float(units * distance), middle - np.array([0, 0.1 * units]))
