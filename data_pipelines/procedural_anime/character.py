"""A whole character in a pose, and training pairs with the exact flow between rest and posed picture."""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from data_pipelines.procedural_anime import accessories, draw, eyes, face, hair, outfit
from data_pipelines.procedural_anime.design import CharacterDesign
from data_pipelines.procedural_anime.motion import Pose, unmove
from data_pipelines.procedural_anime.shapes import Shape
from jaxanim.signals import pose_vector


@dataclasses.dataclass(frozen=True)
class Sample:
    """A training pair. Pictures are straight-alpha sRGB RGBA, 8 bit.

    Attributes:
      pose: the 45 numbers.
      rest: the character with the pose's face, head and body at rest.
      posed: the character in the whole pose.
      flow_px: where each pixel of `posed` comes from in `rest`, as a displacement (x, y) in pixels.
    """

    pose: Float[np.ndarray, "45"]
    rest: UInt8[np.ndarray, "512 512 4"]
    posed: UInt8[np.ndarray, "512 512 4"]
    flow_px: Float[np.ndarray, "512 512 2"]


def drawing(design: CharacterDesign, pose: Pose) -> list[Shape]:
    """Returns the shapes of a character with the pose's face, back to front, not yet moved."""
    parts = hair.behind(design) + outfit.body(design) + face.skin(design, pose) + face.mouth(design, pose)
    for side in (1, -1):
        parts += eyes.eye(design, pose, side)
    parts += hair.front(design)
    parts += [face.brow(design, pose, side) for side in (1, -1)]
    return parts + accessories.accessory(design)


def render(design: CharacterDesign, pose: Pose | None = None, *, size: int = draw.SIZE) -> Image.Image:
    """Draws a character; without a pose, at rest with its mouth closed."""
    pose = np.zeros(pose_vector.POSE_SIZE, np.float32) if pose is None else pose
    return draw.paint(drawing(design, pose), pose, size=size)


def render_pair(design: CharacterDesign, pose: Pose) -> Sample:
    """Draws the rest and the posed picture of a pose, with the exact flow between them."""
    shapes = drawing(design, pose)
    still = np.array(pose)
    still[pose_vector.BODY] = 0.0
    return Sample(
        pose=np.asarray(pose, np.float32),
        rest=np.asarray(draw.paint(shapes, still)),
        posed=np.asarray(draw.paint(shapes, pose)),
        flow_px=_flow(shapes, pose),
    )


def _flow(shapes: list[Shape], pose: Pose) -> Float[np.ndarray, "512 512 2"]:
    """Returns the backward flow: each pixel follows the layer seen there; empty pixels stay where they are."""
    index, layers = draw.layer_map(shapes, pose)
    flow = np.zeros((draw.SIZE, draw.SIZE, 2), np.float32)
    for number, layer in enumerate(layers):
        y, x = np.nonzero(index == number)
        if len(x):
            # Pixel (column, row) has its centre half a pixel further in the continuous coordinates of the drawing.
            centers = np.stack([x, y], axis=1) + 0.5
            flow[y, x] = unmove(centers, layer, pose) - centers
    return flow
