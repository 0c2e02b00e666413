"""A whole character in a pose, and training pairs with the exact flow between rest and posed picture."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from data_pipelines.procedural_anime import accessories, draw, eyes, face, hair, hair_back, outfit
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.motion import Pose, trace_back, turns_of
from data_pipelines.procedural_anime.shapes import Shape
from jaxanim.signals import pose_vector


@dataclasses.dataclass(frozen=True)
class Sample:
    """A training pair. Pictures are straight-alpha sRGB RGBA, 8 bit.

    Attributes:
      pose: the 45 numbers.
      rest: the character with the pose's face, head and body at rest.
      posed: the character in the whole pose.
      flow_px: where each pixel of `posed` comes from in `rest`, as a displacement (x, y) in pixels; 0 where shapes
        cover less than half of the pixel.
      known: where the flow leads to the same layer of `rest`; elsewhere `posed` is covered by less than half or shows
        what `rest` hides.
    """

    pose: Float[np.ndarray, "45"]
    rest: UInt8[np.ndarray, "512 512 4"]
    posed: UInt8[np.ndarray, "512 512 4"]
    flow_px: Float[np.ndarray, "512 512 2"]
    known: Bool[np.ndarray, "512 512"]


def drawing(design: CharacterDesign, pose: Pose) -> list[Shape]:
    """Returns the shapes of a character with the pose's face, back to front, not yet moved."""
    parts = hair_back.behind(design) + outfit.clothed(design) + hair_back.over_shoulders(design)
    parts += face.skin(design, pose) + accessories.earrings(design) + face.mouth(design, pose)
    for side in (1, -1):
        parts += eyes.eye(design, pose, side)
    parts += hair.front(design)
    parts += [face.brow(design, pose, side) for side in (1, -1)]
    return parts + accessories.glasses(design) + accessories.headwear(design)


def render(design: CharacterDesign, pose: Pose | None = None, *, size: int = draw.SIZE) -> Image.Image:
    """Draws a character; without a pose, at rest with its mouth closed."""
    pose = np.zeros(pose_vector.POSE_SIZE, np.float32) if pose is None else pose
    return draw.picture(drawing(design, pose), pose, size=size)


def render_pair(design: CharacterDesign, pose: Pose) -> Sample:
    """Draws the rest and the posed picture of a pose, with the exact flow between them."""
    packed = draw.pack(drawing(design, pose))
    still = np.array(pose)
    still[pose_vector.BODY] = 0.0
    rest, seen_at_rest = draw.paint(packed, still)
    posed, seen = draw.paint(packed, pose)
    flow_px = np.zeros((draw.SIZE, draw.SIZE, 2), np.float32)
    keys = np.array([layer.key for layer in packed.layers])
    known = np.zeros(seen.shape, bool)
    trace_back(seen, seen_at_rest, keys, turns_of(pose), flow_px, known)
    return Sample(np.asarray(pose, np.float32), rest, posed, flow_px, known)
