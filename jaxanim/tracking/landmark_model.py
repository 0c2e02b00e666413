"""A morphable model cut down to its landmarks, which is all that a fit to landmarks needs.

The head turns about one joint, the neck (the root where a model has no neck); all other joints are at rest. Then a
landmark is `fixed + turned by the head's rotation`, both linear in identity and expression: the bases shrink from all
vertices to a few hundred numbers per coefficient.
"""

import dataclasses

import flax.struct
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float
from jaxanim.geometry import rotations
from jaxanim.geometry.morphable import MorphableModel

CONTOUR = {68: 17, 98: 33}
"""How many of the points, the first ones, are on the outline of the face."""

EYES = {68: (tuple(range(36, 42)), tuple(range(42, 48))), 98: (tuple(range(60, 68)), tuple(range(68, 76)))}
"""Points around each eye, the picture's left one first; their means are the eyes' centres."""


@flax.struct.dataclass
class LandmarkModel:
    """Landmarks as functions of coefficients and of the head's rotation; metres and axes of `MorphableModel`.

    Attributes:
      fixed: parts that do not turn with the head, without coefficients.
      fixed_basis: what coefficients add, identity first.
      turning: parts that turn, relative to the joint.
      turning_basis: what coefficients add.
      lowest: smallest values of the expression coefficients; -inf where they have no limits.
      highest: largest values.
      eye_distance: between the mean face's eye centres.
      identities: how many of the coefficients are of identity.
      joint: number of the joint that turns.
      parents: of all joints.
    """

    fixed: Float[Array, "l 3"]
    fixed_basis: Float[Array, "l 3 q"]
    turning: Float[Array, "l 3"]
    turning_basis: Float[Array, "l 3 q"]
    lowest: Float[Array, " e"]
    highest: Float[Array, " e"]
    eye_distance: Float[Array, ""]
    identities: int = flax.struct.field(pytree_node=False)
    joint: int = flax.struct.field(pytree_node=False)
    parents: tuple[int, ...] = flax.struct.field(pytree_node=False)


def landmark_model(model: MorphableModel, count: int) -> LandmarkModel:
    """Cuts a model down to its landmarks.

    Named expressions (blendshapes) are limited to [0, 1]; expressions without names are not limited. Offsets by the
    rotations of joints (`pose_basis`) are left out.

    Args:
      model: any with landmarks.
      count: 68 or 98.

    Raises:
      ValueError: the model has no such landmarks.
    """
    if count not in model.landmarks or count not in CONTOUR:
        raise ValueError(f"the model has landmarks {sorted(set(model.landmarks) & set(CONTOUR))}, got {count}")
    at = model.landmarks[count]
    corners = np.asarray(model.faces)[np.asarray(at.face)]
    barycentric = np.asarray(at.barycentric, np.float64)
    joint = model.joint_names.index("neck") if "neck" in model.joint_names else 0
    follows = _share_that_turns(model, joint)[corners]
    # Columns: the template, then what each coefficient adds.
    rest = np.concatenate([_with_column(model.template), _offsets(model)], axis=-1)
    place = np.tensordot(np.asarray(model.joint_regressor, np.float64)[joint], rest, axes=1)
    turning = np.einsum("lc,lc,lckq->lkq", barycentric, follows, rest[corners] - place)
    fixed = np.einsum("lc,lc,lckq->lkq", barycentric, 1 - follows, rest[corners])
    fixed += np.einsum("lc,lc,kq->lkq", barycentric, follows, place)
    neutral = (fixed + turning)[..., 0]
    left, right = (neutral[list(ring)].mean(axis=0) for ring in EYES[count])
    limit = 1.0 if model.expression_names else np.inf
    expressions = model.expression_basis.shape[-1]
    return LandmarkModel(
        fixed=_floats(fixed[..., 0]),
        fixed_basis=_floats(fixed[..., 1:]),
        turning=_floats(turning[..., 0]),
        turning_basis=_floats(turning[..., 1:]),
        lowest=jnp.full((expressions,), 0.0 if model.expression_names else -np.inf, jnp.float32),
        highest=jnp.full((expressions,), limit, jnp.float32),
        eye_distance=_floats(float(np.linalg.norm(left - right))),
        identities=model.identity_basis.shape[-1],
        joint=joint,
        parents=model.parents,
    )


def place(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    expression: Float[Array, " e"],
    rotation: Float[Array, "3 3"],
) -> Float[Array, "l 3"]:
    """Returns the landmarks of a face whose head is turned by a matrix, in metres."""
    fixed, turned = parts(model, identity, expression, rotation)
    return fixed + turned


def parts(
    model: LandmarkModel,
    identity: Float[Array, " i"],
    expression: Float[Array, " e"],
    rotation: Float[Array, "3 3"],
) -> tuple[Float[Array, "l 3"], Float[Array, "l 3"]]:
    """Returns the summands of `place`: what stays, and what was turned, relative to the joint."""
    coefficients = jnp.concatenate([identity, expression])
    fixed = model.fixed + model.fixed_basis @ coefficients
    turning = model.turning + model.turning_basis @ coefficients
    return fixed, turning @ rotation.T


def of_somebody(model: LandmarkModel, identity: Float[Array, " i"]) -> LandmarkModel:
    """Returns the landmarks of one person: a model without identities."""
    first = model.identities
    return dataclasses.replace(
        model,
        fixed=model.fixed + model.fixed_basis[..., :first] @ identity,
        fixed_basis=model.fixed_basis[..., first:],
        turning=model.turning + model.turning_basis[..., :first] @ identity,
        turning_basis=model.turning_basis[..., first:],
        identities=0,
    )


def head_rotation(rotation: Float[Array, "*b j 3"], model: LandmarkModel) -> Float[Array, "*b 3 3"]:
    """Returns how the head is turned in the world, from axes times angles of all joints: those above it add up."""
    joint, result = model.joint, rotations.axis_angle_to_matrix(rotation[..., model.joint, :])
    while model.parents[joint] >= 0:
        joint = model.parents[joint]
        result = rotations.axis_angle_to_matrix(rotation[..., joint, :]) @ result
    return result


def head_degrees(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3"]:
    """Returns yaw (positive to the picture's right), pitch (positive down) and roll (positive to its left)."""
    return jnp.degrees(rotations.matrix_to_euler(matrix, order="YXZ"))


def neutral_eye_distance(model: LandmarkModel, identity: Float[Array, "*b i"], count: int) -> Float[Array, "*b"]:
    """Returns the distance of somebody's eye centres without expression, in metres."""
    basis = (model.fixed_basis + model.turning_basis)[..., : identity.shape[-1]]
    left, right = (jnp.asarray(ring) for ring in EYES[count])
    mean = (model.fixed + model.turning)[right].mean(axis=0) - (model.fixed + model.turning)[left].mean(axis=0)
    across = basis[right].mean(axis=0) - basis[left].mean(axis=0)
    apart = jnp.broadcast_to(mean, (*identity.shape[:-1], 3)) + identity @ across.T
    return jnp.linalg.norm(apart, axis=-1)


def _share_that_turns(model: MorphableModel, joint: int) -> np.ndarray:
    """Returns how much each vertex follows a joint or those below it, (v,)."""
    below = {joint}
    for child, parent in enumerate(model.parents):
        if parent in below:
            below.add(child)
    return np.asarray(model.skinning_weights, np.float64)[:, sorted(below)].sum(axis=1)


def _offsets(model: MorphableModel) -> np.ndarray:
    scaled = [
        np.asarray(basis, np.float64) * np.asarray(sigmas, np.float64)
        for basis, sigmas in (
            (model.identity_basis, model.identity_sigmas),
            (model.expression_basis, model.expression_sigmas),
        )
    ]
    return np.concatenate(scaled, axis=-1)


def _with_column(array: Array) -> np.ndarray:
    return np.asarray(array, np.float64)[..., None]


def _floats(array: np.ndarray | float) -> Array:
    return jnp.asarray(array, jnp.float32)
