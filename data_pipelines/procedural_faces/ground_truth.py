"""What is known of a drawn frame: landmarks, what every pixel shows, and how pictures of one clip move.

Positions count from the picture's upper left corner; the first pixel's centre is (0.5, 0.5).
"""

import dataclasses

import numpy as np

from data_pipelines.compiled import compiled
from data_pipelines.procedural_faces import anatomy
from data_pipelines.procedural_faces.figure import Figure, PosedFigure
from data_pipelines.procedural_faces.scene import Camera
from jaxanim.ops import rasterize
from jaxanim.ops.rasterize import HostFragments

LABELS = ("background", "skin", "eyes", "mouth", "hair", "clothes", "glasses")
_LABEL_OF_MATERIAL = np.array([1, 2, 3, 3, 4, 5, 6], np.uint8)
"""In the order of `shading`'s materials."""

_TOLERANCE, _TOLERANCE_PER_PIXEL = 0.02, 1.5  # of depth, in units and in widths of a pixel


@dataclasses.dataclass(frozen=True)
class View:
    """A posed figure as a camera sees it, a fragment per pixel.

    Attributes:
      pixels: vertices in the picture, from its corner, and depth, (v, 3).
      samples: fragments of (2 * size, 2 * size): those of even rows and columns at the pixels' centres, the others
        between them.
      pixel: how wide a pixel is at the head, in units.
    """

    pixels: np.ndarray
    samples: HostFragments
    pixel: float

    @property
    def fragments(self) -> HostFragments:
        """What the pixels' centres show, (size, size)."""
        samples = self.samples
        return HostFragments(samples.face[::2, ::2], samples.barycentric[::2, ::2], samples.depth[::2, ::2])


def view(figure: Figure, posed: PosedFigure, camera: Camera, size: int) -> View:
    """Projects a posed figure."""
    pixels = camera.project(posed.place, size)
    # Every second sample of a finer picture, whose first pixel's centre is that of the coarser one's.
    finer = pixels * np.array([2, 2, 1], np.float32) - np.array([0.5, 0.5, 0], np.float32)
    samples = rasterize.rasterize_host(finer, figure.paint.faces, height=2 * size, width=2 * size)
    return View(pixels, samples, camera.distance / (camera.focal * size))


def labels(figure: Figure, seen: View) -> np.ndarray:
    """Returns which of `LABELS` each pixel's centre shows, uint8, (size, size)."""
    face = seen.fragments.face
    return np.where(face < 0, np.uint8(0), _LABEL_OF_MATERIAL[figure.paint.material[np.maximum(face, 0)]])


def landmarks(seen: View, count: int) -> np.ndarray:
    """Returns 68 or 98 points, whether or not they are hidden, (count, 2)."""
    head = anatomy.anatomy()
    face, weights = head.landmarks[count]
    corners = seen.pixels[head.faces[face]]
    along = weights * corners[..., 2]  # from the surface to its picture
    along = along / along.sum(axis=1, keepdims=True)
    return np.asarray((corners[..., :2] * along[..., None]).sum(axis=1), np.float32)


def flow(figure: Figure, target: View, source: View) -> tuple[np.ndarray, np.ndarray]:
    """Returns where what each pixel shows was in another picture of the clip.

    Args:
      figure: whom both pictures show.
      target: the picture whose pixels are asked about.
      source: the other one.

    Returns:
      Backward flow in pixels, (size, size, 2), and whether the place is seen in the source, bool, (size, size). The
      background does not move.
    """
    size = target.fragments.face.shape[0]
    flow_px, visible = np.zeros((size, size, 2), np.float32), source.fragments.face < 0
    tolerance = _TOLERANCE + _TOLERANCE_PER_PIXEL * source.pixel
    depth = np.where(visible, np.float32(np.inf), source.fragments.depth)
    _follow(
        target.fragments.face,
        target.fragments.barycentric,
        figure.paint.faces,
        figure.part,
        target.pixels,
        source.pixels,
        source.fragments.face,
        depth,
        tolerance,
        flow_px,
        visible,
    )
    return flow_px, visible


@compiled
def _follow(
    face: np.ndarray,
    weights: np.ndarray,
    faces: np.ndarray,
    part: np.ndarray,
    target: np.ndarray,
    source: np.ndarray,
    seen: np.ndarray,
    depth: np.ndarray,
    tolerance: float,
    flow_px: np.ndarray,
    visible: np.ndarray,
) -> None:
    """Fills in the pixels that show a face; a place is seen if a pixel beside it there has its part and depth."""
    height, width = face.shape
    for i in range(height):
        for j in range(width):
            if face[i, j] < 0:
                continue
            corners = faces[face[i, j]]
            # Weights along the surface, then along its picture in the source.
            total, x, y, z = 0.0, 0.0, 0.0, 0.0
            for k in range(3):
                weight = weights[i, j, k] / target[corners[k], 2]
                nearer = weight * source[corners[k], 2]
                total += weight
                x += nearer * source[corners[k], 0]
                y += nearer * source[corners[k], 1]
                z += nearer
            x, y, z = x / z - 0.5, y / z - 0.5, z / total
            flow_px[i, j, 0], flow_px[i, j, 1] = x - j, y - i
            visible[i, j] = False
            if x >= 0 and y >= 0 and x <= width - 1 and y <= height - 1:
                for row in (int(np.floor(y)), int(np.ceil(y))):
                    for column in (int(np.floor(x)), int(np.ceil(x))):
                        if seen[row, column] >= 0 and part[seen[row, column]] == part[face[i, j]]:
                            visible[i, j] |= abs(z - depth[row, column]) < tolerance
