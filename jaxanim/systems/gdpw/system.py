"""GDPW as a system: a face in a picture, moved as the mesh of a morphable model moves.

Pictures are RGB in [-1, 1] outside, in [0, 1] inside the networks. A source is a `core.system.PosedImage`; a drive is
one row per frame, the mesh in the pose wanted, `vertices_ndc` flattened (v * 3 numbers).
"""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.system import Frame, Phase, PosedImage
from jaxanim.core.types import Array, Float, Image, Key, Variables
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw import objectives
from jaxanim.systems.gdpw.generator import MeshFaces
from jaxanim.systems.gdpw.networks import Encoded
from jaxanim.systems.gdpw.objectives import GENERATOR, Objective
from jaxanim.systems.gdpw.presets import Design


@flax.struct.dataclass
class GdpwCode:
    """What rendering needs to know of the source: its picture in [0, 1], its mesh, and its features."""

    image: Float[Array, "h w 3"]
    vertices_ndc: Float[Array, "v 3"]
    encoded: Encoded


@flax.struct.dataclass
class GdpwFrame(Frame):
    """A frame and how it came about.

    Attributes:
      warped: the source moved, before it was repainted; in [-1, 1].
      mask: 1 where the target's mesh is seen.
    """

    warped: Image
    mask: Float[Array, "*b h w 1"]


@dataclasses.dataclass(frozen=True, eq=False)
class Gdpw:
    """The generator and its discriminator.

    `variables` have 'params' and 'stats' (running statistics of norms) of 'generator' and 'discriminator'. Rendering
    needs the first only.

    Attributes:
      design: sizes and guidance.
      mesh: triangles of the morphable model, `generator.mesh_faces`.
      objective: what training minimises.
      spectral: False for networks whose spectral norm has been folded into their kernels (`files.fold_generator`).
      mean_codes: `generator.mean_face_codes`, for designs with these.
    """

    design: Design
    mesh: MeshFaces
    objective: Objective = objectives.OFFICIAL
    spectral: bool = True
    mean_codes: Float[Array, "v 3"] | None = None

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes untrained networks.

        Raises:
          ValueError: the design wants places in the mean face as codes, and there are none.
        """
        return generators.untrained(key, self.design, spectral=self.spectral, mean_codes=self.mean_codes)

    def encode_source(self, variables: Variables, source: PosedImage) -> GdpwCode:
        """Encodes a picture of the design's size.

        Raises:
          ValueError: the picture is not of the design's size, or the mesh has other vertices.
        """
        design = self.design
        checks.check_trailing_shape("image", source.image, (design.size, design.size, 3))
        checks.check_trailing_shape("vertices_ndc", source.vertices_ndc, (design.vertices, 3))
        params, stats = variables["params"][GENERATOR], variables["stats"][GENERATOR]
        image, vertices = (jnp.asarray(source.image) + 1.0) / 2.0, jnp.asarray(source.vertices_ndc)
        with jax.default_matmul_precision("highest"):
            codes = generators.codes_of(design, params, stats)
            painted = generators.paint_source(design, self.mesh, codes, vertices[None])
            given = generators.encoder_input(design, image[None], painted)
            encoded = generators.encode(design, params, stats, given, spectral=self.spectral)
        return GdpwCode(image, vertices, encoded)

    def render(self, variables: Variables, code: GdpwCode, drive: Float[Array, "b d"]) -> GdpwFrame:
        """Renders one frame per row.

        Raises:
          ValueError: a row is not a mesh of the design's vertices.
        """
        design = self.design
        checks.check_trailing_shape("drive", drive, (3 * design.vertices,))
        params, stats = variables["params"][GENERATOR], variables["stats"][GENERATOR]
        count = drive.shape[0]
        targets = drive.reshape(count, design.vertices, 3)
        sources, images, encoded = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)),
            (code.vertices_ndc, code.image, jax.tree.map(lambda leaf: leaf[0], code.encoded)),
        )
        with jax.default_matmul_precision("highest"):
            codes = generators.codes_of(design, params, stats)
            maps = generators.paint_target(design, self.mesh, codes, sources, targets)
            decoded = generators.decode(design, params, stats, encoded, maps, spectral=self.spectral)
            made = generators.compose(design, images, decoded, maps.mask)
        return GdpwFrame(2.0 * made.image - 1.0, made.flows_px[0], 2.0 * made.warped - 1.0, made.mask)

    def phases(self) -> tuple[Phase, ...]:
        """Returns what a training step does, see `objectives`."""
        return objectives.phases(self.design, self.mesh, self.objective)
