"""One interface to all morphable face models: FLAME, BFM, ICT-FaceKit and the open head.

A model is arrays; what it does are functions of them. Vertices are the template plus identity, expression and pose
offsets, turned around joints by linear blend skinning (FLAME: Li et al. 2017, section 3; the released code). Models
without joints have one, the root, and no pose offsets.

Units are metres, x to the picture's right, y up, z towards the camera; seen from outside, triangles are
counter-clockwise.
"""

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core import checks
from jaxanim.core.types import Array, Float, Int
from jaxanim.geometry import skinning


@flax.struct.dataclass
class LandmarkEmbedding:
    """Points on a surface: a triangle and barycentric coordinates each.

    Attributes:
      face: number of the triangle.
      barycentric: weights of its corners, which sum to 1.
    """

    face: Int[Array, " l"]
    barycentric: Float[Array, "l 3"]


@flax.struct.dataclass
class MorphableModel:
    """A face model. Coefficients of bases are in standard deviations if `*_sigmas` says what one is, else plain.

    Attributes:
      template: mean face.
      identity_basis: offsets by identity; the last axis is the coefficients'.
      expression_basis: offsets by expression.
      identity_sigmas: what a coefficient of 1 is multiplied by.
      expression_sigmas: the same for expressions.
      pose_basis: offsets by the rotations of all joints but the root, 9 numbers each, minus the identity; may be empty.
      joint_regressor: joints as weighted sums of vertices.
      skinning_weights: how much each joint moves each vertex; rows sum to 1.
      faces: triangles.
      uv: texture coordinates, [0, 1], y up; may be empty.
      uv_faces: the triangles' corners in `uv`.
      landmarks: embeddings by their number of points, 68 and 98 where the model has them.
      parents: each joint's parent; -1 for the root, which comes first. Parents come before their children.
      joint_names: such as ('root', 'neck', 'jaw', 'left_eye', 'right_eye').
      expression_names: of each expression coefficient; empty where they have no names.
    """

    template: Float[Array, "v 3"]
    identity_basis: Float[Array, "v 3 i"]
    expression_basis: Float[Array, "v 3 e"]
    identity_sigmas: Float[Array, " i"]
    expression_sigmas: Float[Array, " e"]
    pose_basis: Float[Array, "v 3 p"]
    joint_regressor: Float[Array, "j v"]
    skinning_weights: Float[Array, "v j"]
    faces: Int[Array, "f 3"]
    uv: Float[Array, "u 2"]
    uv_faces: Int[Array, "g 3"]
    landmarks: dict[int, LandmarkEmbedding]
    parents: tuple[int, ...] = flax.struct.field(pytree_node=False)
    joint_names: tuple[str, ...] = flax.struct.field(pytree_node=False)
    expression_names: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())


@flax.struct.dataclass
class FaceParameters:
    """What a model is driven by; leading axes are batches and must agree.

    Attributes:
      identity: coefficients; fewer than the model has mean zeros for the rest.
      expression: coefficients, likewise.
      rotations: of every joint, root first, as axis times angle in radians.
    """

    identity: Float[Array, "*b i"]
    expression: Float[Array, "*b e"]
    rotations: Float[Array, "*b j 3"]


@flax.struct.dataclass
class Surface:
    """A posed model.

    Attributes:
      vertices: metres.
      joints: where the joints are after posing.
    """

    vertices: Float[Array, "*b v 3"]
    joints: Float[Array, "*b j 3"]


def pose(model: MorphableModel, parameters: FaceParameters) -> Surface:
    """Returns the surface of a model for parameters with any leading batch axes.

    Raises:
      ValueError: there are more coefficients than the model has, or another number of joints.
    """
    _check(model, parameters)
    with jax.default_matmul_precision("highest"):  # millimetres are lost otherwise on devices that round to bfloat16
        return _posed(model, parameters)


def _posed(model: MorphableModel, parameters: FaceParameters) -> Surface:
    offsets = _offsets(model.identity_basis, model.identity_sigmas, parameters.identity)
    offsets += _offsets(model.expression_basis, model.expression_sigmas, parameters.expression)
    rest = jnp.broadcast_to(model.template, offsets.shape) + offsets
    return Surface(
        *skinning.skin(
            rest, model.joint_regressor, model.skinning_weights, model.pose_basis, model.parents, parameters.rotations
        )
    )


def embed(vertices: Float[Array, "*b v 3"], faces: Int[Array, "f 3"], at: LandmarkEmbedding) -> Float[Array, "*b l 3"]:
    """Returns the points of an embedding on a posed surface."""
    corners = vertices[..., faces[at.face], :]
    return jnp.einsum("...lck,lc->...lk", corners, at.barycentric, precision="highest")


def _offsets(basis: Array, sigmas: Array, coefficients: Float[Array, "*b k"]) -> Float[Array, "*b v 3"]:
    count = coefficients.shape[-1]
    scaled = coefficients * jnp.broadcast_to(sigmas[:count], coefficients.shape)
    vertices = basis.shape[0]
    flat = basis[..., :count].reshape(vertices * 3, count)
    return (scaled @ flat.T).reshape(*coefficients.shape[:-1], vertices, 3)


def _check(model: MorphableModel, parameters: FaceParameters) -> None:
    for name in ("identity", "expression"):
        given, known = getattr(parameters, name).shape[-1], getattr(model, f"{name}_basis").shape[-1]
        if given > known:
            raise ValueError(f"the model has {known} {name} coefficients, got {given}")
    checks.check_trailing_shape("rotations", parameters.rotations, (len(model.parents), 3))
