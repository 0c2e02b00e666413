"""Driving a photo by a mesh alone: no networks, no weights. Pictures are RGB in [-1, 1], square, of any size.

Where the mesh of the target's pose is seen, every pixel goes to where the same point of the skin is in the source, as
far as it is seen there; everything else follows smoothly and holds still at the picture's edge (`completion`). The
picture is the source moved so, and the inside of a mouth that opens is darkened. What this cannot do is in README.md.
"""

import dataclasses

import flax.struct
import jax.numpy as jnp
import numpy as np

from jaxanim.core import checks
from jaxanim.core.system import Drive, Frame, Phase, PosedImage
from jaxanim.core.types import Array, Float, Flow, Int, Key, Mask, Variables
from jaxanim.geometry import open_head, render
from jaxanim.ops import flow as flows
from jaxanim.ops import rasterize as raster
from jaxanim.systems.geometric import completion

INTERIOR = ("lining", "upper_teeth", "lower_teeth", "tongue")
"""Parts of the open head that lie in the mouth."""

EARS = ("left_ear", "right_ear")
"""Parts that are left out: behind hair there are none to be seen, and in the open they move with the skin around."""

SOFTENING = 2  # passes of (1, 2, 1) over the flow: what tears at noses, lids and lips is drawn over some pixels
_DARKNESS = 0.8  # of a mouth that opens: the lips' colour, so much darker
_EDGE = 0.4  # of half a side: so far from the picture's edge the head moves as it should
_LIDS_MOVE = 0.002  # metres of a blink, from which on skin is an eyelid's
_HIDDEN_BEHIND = 0.03  # of the half of the mesh's depth: as much nearer must something be to hide a vertex
_TURNED = 0.1  # of a unit normal, towards the viewer; less is the rim, where a fit shows what lies behind


@flax.struct.dataclass
class GeometricCode:
    """What rendering needs to know of the source.

    Attributes:
      image: the picture.
      vertices_ndc: the mesh in it.
      seen: 1 for vertices that the picture shows, 0 for those that are hidden or outside of it.
    """

    image: Float[Array, "h w 3"]
    vertices_ndc: Float[Array, "v 3"]
    seen: Float[Array, "v 1"]


@flax.struct.dataclass
class GeometricFrame(Frame):
    """A frame and how it came about.

    Attributes:
      known: 1 where the flow is that of the mesh, 0 where it was completed.
      opened: how much of each pixel is the inside of the mouth that the source does not show.
    """

    known: Mask
    opened: Mask


@dataclasses.dataclass(frozen=True, eq=False)
class Geometric:
    """Moves a picture by two poses of a mesh; it has no parameters.

    Attributes:
      faces: triangles, counter-clockwise seen from outside.
      inside_mouth: 1 for vertices in the mouth.
      on_lids: 1 for vertices of eyelids. An open eye folds them away; what the picture shows in their place is skin of
        the lid, too, and closes the eye.
      size: side of the pictures.
      softening: passes of a small blur over the flow.
    """

    faces: Int[np.ndarray, "f 3"]
    inside_mouth: Float[np.ndarray, " v"]
    on_lids: Float[np.ndarray, " v"]
    size: int = 256
    softening: int = SOFTENING

    def init(self, key: Key[Array, ""]) -> Variables:
        """Returns variables without any parameters."""
        del key
        return {"params": {}}

    def encode_source(self, variables: Variables, source: PosedImage) -> GeometricCode:
        """Finds what of the mesh the picture shows.

        Raises:
          ValueError: the picture is not of the system's size.
        """
        del variables
        checks.check_trailing_shape("image", source.image, (self.size, self.size, 3))
        checks.check_trailing_shape("vertices_ndc", source.vertices_ndc, (len(self.inside_mouth), 3))
        seen = seen_vertices(source.vertices_ndc, jnp.asarray(self.faces), size=self.size)
        seen = jnp.maximum(seen, jnp.asarray(self.on_lids, seen.dtype)[:, None])
        return GeometricCode(jnp.asarray(source.image), jnp.asarray(source.vertices_ndc), seen)

    def render(self, variables: Variables, code: GeometricCode, drive: Drive) -> GeometricFrame:
        """Renders one frame for each pose.

        Args:
          variables: not used.
          code: the source.
          drive: for each frame, `vertices_ndc` of the pose wanted, flattened.

        Raises:
          ValueError: a row does not have the mesh's number of vertices.
        """
        del variables
        source = code.vertices_ndc
        checks.check_trailing_shape("drive", drive, (source.size,))
        targets = drive.reshape(*drive.shape[:-1], *source.shape)
        sources = jnp.broadcast_to(source, targets.shape)
        inside = jnp.asarray(self.inside_mouth, drive.dtype)[:, None]
        marks = jnp.concatenate([code.seen, inside], axis=-1)
        marks = jnp.broadcast_to(marks, (*targets.shape[:-1], 2))
        painted = render.paint(
            render.to_pixels(targets, height=self.size, width=self.size),
            jnp.asarray(self.faces),
            jnp.concatenate([sources[..., :2] - targets[..., :2], marks], axis=-1),
            height=self.size,
            width=self.size,
            culling="after",
        )
        known = (painted[..., 2:3] > 0.5).astype(painted.dtype)
        mesh_px = flows.ndc_to_px(painted[..., :2])
        completed_px = completion.soften(completion.complete(mesh_px, known), self.softening)
        flow_px = completed_px * jnp.broadcast_to(_rest_at_edge(self.size), completed_px.shape)
        images = jnp.broadcast_to(code.image, (*drive.shape[:-1], *code.image.shape))
        opened = completion.soften(painted[..., 3:] * (1.0 - known) * _stretch(flow_px), 1)
        moved = flows.warp(images, flow_px, padding="border")
        return GeometricFrame(moved - _DARKNESS * opened * (moved + 1.0), flow_px, known, opened)

    def phases(self) -> tuple[Phase, ...]:
        """Returns nothing: there is nothing to train."""
        return ()


def for_open_head(size: int = 256) -> Geometric:
    """Returns the system for fits of the open head."""
    head, parts = open_head.load_open_head(), open_head.load_parts()
    template, faces = np.asarray(head.template), np.asarray(head.faces)
    eyes, teeth = (template[slice(*parts[name])].mean(axis=0) for name in ("left_eyeball", "upper_teeth"))
    in_mouth = _marks(INTERIOR, len(template), parts)
    # The lining is that of the eyes' sockets, too.
    in_mouth &= template[:, 1] < 0.5 * (eyes[1] + teeth[1])
    blinks = [head.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    moves = np.linalg.norm(np.asarray(head.expression_basis)[:, :, blinks], axis=1).max(axis=1)
    on_lids = _marks(("skin",), len(template), parts) & (moves > _LIDS_MOVE)
    of_ears = _marks(EARS, len(template), parts)
    return Geometric(faces[~of_ears[faces].any(axis=1)], in_mouth.astype(np.float32), on_lids.astype(np.float32), size)


def _marks(names: tuple[str, ...], count: int, parts: open_head.Parts) -> np.ndarray:
    """Returns which of the head's vertices are of these parts."""
    result = np.zeros(count, bool)
    for name in names:
        result[slice(*parts[name])] = True
    return result


def _rest_at_edge(size: int) -> Float[Array, "{size} {size} 1"]:
    """Returns 0 at the picture's edge, which rises to 1 towards its middle."""
    axis = jnp.clip((1.0 - jnp.abs(flows.normalised_axis(size, align_corners=False))) / _EDGE, 0.0, 1.0)
    smooth = axis * axis * (3.0 - 2.0 * axis)
    return (smooth[:, None] * smooth[None, :])[..., None]


def _stretch(flow_px: Flow) -> Mask:
    """Returns how much the source is stretched at each pixel: 1 where a line becomes an area, 0 where nothing does."""
    padded = jnp.pad(flow_px, [(0, 0)] * (flow_px.ndim - 3) + [(1, 1), (1, 1), (0, 0)], mode="edge")
    across = 0.5 * (padded[..., 1:-1, 2:, :] - padded[..., 1:-1, :-2, :])
    down = 0.5 * (padded[..., 2:, 1:-1, :] - padded[..., :-2, 1:-1, :])
    area = (1.0 + across[..., 0]) * (1.0 + down[..., 1]) - across[..., 1] * down[..., 0]
    return jnp.clip(1.0 - jnp.abs(area), 0.0, 1.0)[..., None]


def seen_vertices(vertices_ndc: Float[Array, "v 3"], faces: Int[Array, "f 3"], *, size: int) -> Float[Array, "v 1"]:
    """Returns 1 for vertices that a picture of a mesh shows: inside of it, turned to the viewer, and not hidden.

    Args:
      vertices_ndc: of one mesh.
      faces: triangles.
      size: side of the picture.
    """
    pixels = render.to_pixels(vertices_ndc, height=size, width=size)
    fragments = raster.rasterize(pixels, faces, height=size, width=size)
    depth = jnp.pad(jnp.where(fragments.face >= 0, fragments.depth, jnp.inf), 1, constant_values=-jnp.inf)
    inside = (jnp.abs(vertices_ndc[:, :2]) < 1.0).all(axis=-1)
    column, row = (jnp.clip(jnp.floor(pixels[:, axis]).astype(jnp.int32), 0, size - 1) for axis in (0, 1))
    # The farthest of nine: next to a silhouette, what is behind it does not count as hidden.
    around = jnp.stack([depth[row + y, column + x] for y in range(3) for x in range(3)])
    in_front = pixels[:, 2] <= around.max(axis=0) + _HIDDEN_BEHIND
    towards_viewer = -render.vertex_normals(vertices_ndc, faces)[:, 2] > _TURNED
    return (inside & in_front & towards_viewer).astype(vertices_ndc.dtype)[:, None]
