"""Models that a morphable head drives, and how a fitted head animates a photo with one of them."""

import dataclasses
import importlib.resources
import math
from pathlib import Path

import flax.struct
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxanim.animate import crop, head_drive
from jaxanim.animate.head_drive import View
from jaxanim.animate.paste import Place
from jaxanim.animate.photo import CHUNK, PhotoAnimator
from jaxanim.core.errors import InputError
from jaxanim.core.system import Frame, Phase, PosedImage, SourceCode, System
from jaxanim.core.types import Array, Key, Variables
from jaxanim.geometry import open_head
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.signals.face_track import FaceTrack
from jaxanim.systems import geometric
from jaxanim.weights.card import Card

GDPW_HEAD, GEOMETRIC_HEAD = 1.8, 2.6
"""Sides of the box around 68 landmarks: what GDPW learns from; the whole head, and room for what follows it."""

GEOMETRIC_SIZE = 256  # the largest side of small pictures
_LEAST_SHARE = 0.8  # of the side of a square that fits a model's pictures better
_BLOCK = 16  # divides that side, so that it can be halved


@flax.struct.dataclass
class PosedCode:
    """A system's code of a photo, and what its rows are turned into meshes with.

    Attributes:
      code: of the system.
      head: the morphable model.
      seen: the photo's view of it.
    """

    code: SourceCode
    head: MorphableModel
    seen: View


@dataclasses.dataclass(frozen=True)
class HeadSystem:
    """A system of `PosedImage` that takes rows of `head_drive` in place of meshes, which are large.

    Attributes:
      system: what renders.
      head: the morphable model.
      seen: the photo's view of it.
      source: the photo's own row.
    """

    system: System
    head: MorphableModel
    seen: View
    source: Float[np.ndarray, " d"]

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes the system's variables."""
        return self.system.init(key)

    def encode_source(self, variables: Variables, source: Float[Array, "h w 3"]) -> PosedCode:
        """Encodes the photo's square with the head as it is in it."""
        row = jnp.asarray(self.source, jnp.float32)[None]
        (vertices,) = head_drive.vertices_ndc(self.head, self.seen, row)
        return PosedCode(self.system.encode_source(variables, PosedImage(source, vertices)), self.head, self.seen)

    def render(self, variables: Variables, code: PosedCode, drive: Float[Array, "n d"]) -> Frame:
        """Renders one frame for each row."""
        vertices = head_drive.vertices_ndc(code.head, code.seen, drive)
        return self.system.render(variables, code.code, vertices.reshape(len(drive), -1))

    def phases(self) -> tuple[Phase, ...]:
        """Returns what the system trains."""
        return self.system.phases()


@dataclasses.dataclass(frozen=True)
class HeadModel:
    """A model that the open head drives.

    Attributes:
      card: name, licence, source.
      system: what renders.
      variables: its parameters.
      size: side of its pictures.
    """

    card: Card
    system: System
    variables: Variables
    size: int

    @property
    def small_size(self) -> tuple[int, int]:
        """Height and width of its pictures."""
        return self.size, self.size

    def animator(self, place: Place, source: FaceTrack, *, chunk: int = CHUNK) -> PhotoAnimator:
        """Makes the animator of a photo with rows of `head_drive`.

        Args:
          place: the photo and its square.
          source: the head that was fitted to it.
          chunk: see `PhotoAnimator`.
        """
        row = head_drive.source_row(source)
        head = open_head.load_open_head()
        posed = HeadSystem(self.system, head, head_drive.view(source, place), row)
        return PhotoAnimator(posed, self.variables, place, drive_size=len(row), align_corners=False, chunk=chunk)


def geometric_model(side: int) -> HeadModel:
    """Returns the model that needs no weights.

    Args:
      side: of the square of the photo that moves, in pixels. The pictures become a whole fraction of it, as large as
        `GEOMETRIC_SIZE` allows.
    """
    factor = math.ceil(side / GEOMETRIC_SIZE)
    system = geometric.for_open_head(_BLOCK * math.ceil(side / factor / _BLOCK))
    card = Card("geometric", "displacements of the open head", "Apache-2.0", "jaxanim")
    return HeadModel(card, system, {"params": {}}, system.size)


def read_gdpw(path: Path) -> HeadModel:
    """Reads a GDPW model of the open head.

    Raises:
      WeightsError: the file is damaged or something else.
      InputError: another morphable model drives it.
    """
    from jaxanim.systems.gdpw.files import FACES, MESH, is_folded
    from jaxanim.systems.gdpw.files import read_gdpw as read_file
    from jaxanim.systems.gdpw.generator import mesh_faces
    from jaxanim.systems.gdpw.system import Gdpw

    card, design, variables = read_file(path)
    head = open_head.load_open_head()
    if design.vertices != len(head.template):
        raise InputError(
            f"{path}: is driven by a mesh of {design.vertices} vertices (FLAME has 5023); heads are fitted with the "
            f"open head, which has {len(head.template)}"
        )
    faces = variables.get(MESH, {}).get(FACES)
    if faces is not None and not np.array_equal(np.asarray(faces), np.asarray(head.faces)):
        raise InputError(
            f"{path}: is driven by a mesh of other triangles than the open head's, which heads are fitted with"
        )
    system = Gdpw(design, mesh_faces(np.asarray(head.faces)), spectral=not is_folded(card))
    return HeadModel(card, system, variables, design.size)


def bundled_gdpw(folder: Path | None = None) -> Path | None:
    """Returns the first GDPW model by name that ships with the package, None as long as there is none.

    Args:
      folder: where to look; by default in the package.
    """
    folder = folder or Path(str(importlib.resources.files("jaxanim") / "assets" / "gdpw"))
    return min(folder.glob("*.safetensors"), default=None)


def fill_pixels(box: crop.Box, size: int) -> crop.Box:
    """Returns the square around the same middle whose side is a multiple of a model's size, the one nearest to it.

    Others would be padded, and the head be smaller in the model's pictures than it knows. Where the nearest would cut
    off more than a fifth, forehead and chin with it, it is the next one.
    """
    times = max(1, round(box.width / size))
    side = size * (times + 1 if size * times < _LEAST_SHARE * box.width else times)
    shift = (box.width - side) // 2
    return crop.Box(box.x + shift, box.y + shift, side, side)
