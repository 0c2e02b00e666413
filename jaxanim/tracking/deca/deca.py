"""DECA as GDPW uses it: parameters of a face from one look at its picture, and the face from these parameters.

One pass of the encoder; nothing is optimised. Pictures are RGB in [0, 1]; positions are those of `crop`. Follows GDPW's
`Fit-DECA/fit_image.py`, with the detector left to the caller.
"""

import math

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Int, Params
from jaxanim.geometry import cameras, landmarks, morphable, render, shading
from jaxanim.nn.apply import apply
from jaxanim.tracking.deca import crop as crops
from jaxanim.tracking.deca import networks

_ROOT_TO_HEAD = (0, 1)  # FLAME's root and neck


@flax.struct.dataclass
class DecaCode:
    """DECA's parameters of a face.

    Attributes:
      identity: the first 100 coefficients of FLAME's identity, in standard deviations.
      texture: coefficients of a texture space, which GDPW does not use.
      expression: the first 50 coefficients of FLAME's expression.
      pose: axis times angle in radians of the whole head, then of the jaw.
      camera: scale and shift, see `cameras.from_deca`.
      light: spherical harmonics, see `shading.shade`.
      eye_pose: axis times angle of the left eye, then of the right; the encoder does not see them and leaves them 0.
    """

    identity: Float[Array, "*b 100"]
    texture: Float[Array, "*b 50"]
    expression: Float[Array, "*b 50"]
    pose: Float[Array, "*b 6"]
    camera: Float[Array, "*b 3"]
    light: Float[Array, "*b 9 3"]
    eye_pose: Float[Array, "*b 6"]


@flax.struct.dataclass
class FittedFace:
    """A face in a picture.

    Attributes:
      vertices: metres, x to the picture's right, y up, z towards the camera.
      vertices_px: x and y in pixels of the picture, y down; depth in half widths of the encoder's crop, away from the
        camera.
      landmarks_px: 68 points whose contour follows the outline that is seen.
      landmarks3d_px: 68 points fixed to the face, with depth.
    """

    vertices: Float[Array, "*b v 3"]
    vertices_px: Float[Array, "*b v 3"]
    landmarks_px: Float[Array, "*b 68 2"]
    landmarks3d_px: Float[Array, "*b 68 3"]


def encode(params: Params, image: Float[Array, "*b h w 3"]) -> DecaCode:
    """Estimates the parameters of the faces in pictures of 224x224 (`crop.encoder_crop`), RGB in [0, 1]."""
    with jax.default_matmul_precision("highest"):
        flat = image.reshape(math.prod(image.shape[:-3]), *image.shape[-3:])
        parameters = apply(networks.DecaEncoder(), params, flat).parameters
    return split(parameters.reshape(*image.shape[:-3], parameters.shape[-1]))


def split(parameters: Float[Array, "*b 236"]) -> DecaCode:
    """Gives the encoder's numbers their names."""
    checks.check_trailing_shape("parameters", parameters, (sum(networks.CODE_SIZES),))
    ends = np.cumsum(networks.CODE_SIZES)[:-1].tolist()
    identity, texture, expression, pose, camera, light = jnp.split(parameters, ends, axis=-1)
    return DecaCode(
        identity=identity,
        texture=texture,
        expression=expression,
        pose=pose,
        camera=camera,
        light=light.reshape(*light.shape[:-1], 9, 3),
        eye_pose=jnp.zeros_like(pose),
    )


def face_parameters(code: DecaCode) -> morphable.FaceParameters:
    """Returns what drives FLAME; the neck stays straight."""
    pose, eyes = (angles.reshape(*angles.shape[:-1], 2, 3) for angles in (code.pose, code.eye_pose))
    head, jaw = pose[..., :1, :], pose[..., 1:, :]
    rotations = jnp.concatenate([head, jnp.zeros_like(head), jaw, eyes], axis=-2)
    return morphable.FaceParameters(code.identity, code.expression, rotations)


def decode(
    model: morphable.MorphableModel, points: landmarks.FaceLandmarks, code: DecaCode, placed: crops.Crop
) -> FittedFace:
    """Builds the face and puts it into the picture.

    Args:
      model: FLAME, with the 68 landmarks of `flame.read_fixed_landmarks`.
      points: those of `flame.read_deca_landmarks`.
      code: its parameters.
      placed: from the encoder's crop to the picture: `crop.between(encoder_crop, gdpw_crop)` for GDPW's.

    Raises:
      ValueError: the model has no 68 landmarks, or fewer coefficients than the code.
    """
    if crops.LANDMARKS not in model.landmarks:
        raise ValueError(f"the model needs {crops.LANDMARKS} landmarks, it has {sorted(model.landmarks)}")
    with jax.default_matmul_precision("highest"):
        parameters = face_parameters(code)
        vertices = morphable.pose(model, parameters).vertices
        rows = landmarks.contour_row(
            landmarks.head_rotation(parameters.rotations, chain=_ROOT_TO_HEAD), rule=points.contour.rule
        )
        seen = landmarks.embed_face(vertices, model.faces, points, rows)
        fixed = morphable.embed(vertices, model.faces, model.landmarks[crops.LANDMARKS])
        return FittedFace(
            vertices=vertices,
            vertices_px=_place(code.camera, vertices, placed),
            landmarks_px=_place(code.camera, seen, placed)[..., :2],
            landmarks3d_px=_place(code.camera, fixed, placed),
        )


def _place(camera: Float[Array, "*b 3"], points: Float[Array, "*b n 3"], placed: crops.Crop) -> Float[Array, "*b n 3"]:
    # As released: projected pixels count from the picture's corner, and are taken as those of `crop`, which count from
    # the first pixel's centre.
    size = networks.ENCODER_SIZE
    projected = cameras.project_weak_perspective(cameras.from_deca(camera), points, height=size, width=size)
    depth = projected.depth * camera[..., :1]
    return jnp.concatenate([crops.transform(placed, projected.pixels), depth[..., None]], axis=-1)


def preview(
    face: FittedFace,
    light: Float[Array, "*b 9 3"],
    faces: Int[Array, "f 3"],
    opposites: Int[Array, "f 3"] | None,
    *,
    height: int,
    width: int,
) -> Float[Array, "*b h w 3"]:
    """Paints the face in white under the light that the encoder found, not limited to [0, 1].

    As in the released code the background is lit, too, back faces are taken out after the comparison of depths, and
    the face is half a pixel up and to the left of where it was found: here positions count from the picture's corner.

    Args:
      face: as `decode` returns it.
      light: of its code.
      faces: triangles of the model.
      opposites: `antialias.opposite_vertices` of them; None leaves edges jagged.
      height: of the picture.
      width: of the picture.
    """
    normals = render.vertex_normals(face.vertices, faces)
    painted = render.paint(
        face.vertices_px, faces, normals, height=height, width=width, culling="after", opposites=opposites
    )
    return shading.shade(painted, light)
