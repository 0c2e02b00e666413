"""What a regressor finds: coefficients of a morphable model and a pose, as one row of numbers.

Paper: F3A-GAN, equation 1: X = s R (mean + A_id a_id + A_exp a_exp) + t. Coordinates are those of the picture that the
network sees, in shares of its side, x right, y up, z towards the camera, from the lower left corner. Angles are those
of 3DDFA: R = Rx Ry Rz, each the transpose of the usual one.
"""

import flax.struct
import jax.numpy as jnp

from jaxanim.core.types import Array, Float
from jaxanim.geometry import rotations
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel, embed
from jaxanim.tracking.regressor.design import POSE


@flax.struct.dataclass
class Statistics:
    """Mean and standard deviation of each number among the faces a regressor learnt from."""

    mean: Float[Array, " p"]
    sigma: Float[Array, " p"]

    def numbers(self, scores: Float[Array, "b p"]) -> Float[Array, "b p"]:
        """Returns what scores stand for."""
        return self.mean[None] + self.sigma[None] * scores

    def scores(self, numbers: Float[Array, "b p"]) -> Float[Array, "b p"]:
        """Returns how many standard deviations from the mean numbers are."""
        return (numbers - self.mean[None]) / self.sigma[None]


@flax.struct.dataclass
class FaceNumbers:
    """A row of numbers, taken apart.

    Attributes:
      identity, expression: coefficients of the model.
      angles: radians about x, y and z.
      translation: shares of the side; the last one is depth, which no picture shows.
      scale: shares of the side per unit of the model.
    """

    identity: Float[Array, "*b i"]
    expression: Float[Array, "*b e"]
    angles: Float[Array, "*b 3"]
    translation: Float[Array, "*b 3"]
    scale: Float[Array, "*b"]


@flax.struct.dataclass
class Basis:
    """A model's landmarks as linear functions of its coefficients, without its joints.

    Attributes:
      mean: landmarks of the mean face.
      identity, expression: what one unit of each coefficient adds.
    """

    mean: Float[Array, "k 3"]
    identity: Float[Array, "k 3 i"]
    expression: Float[Array, "k 3 e"]


def basis_of(model: MorphableModel, *embeddings: LandmarkEmbedding) -> Basis:
    """Returns the landmarks of some embeddings, one after the other."""

    def points(offsets: Float[Array, "v 3"]) -> Float[Array, "k 3"]:
        return jnp.concatenate([embed(offsets, model.faces, at) for at in embeddings])

    def of_basis(basis: Float[Array, "v 3 n"], sigmas: Float[Array, " n"]) -> Float[Array, "k 3 n"]:
        moved = jnp.moveaxis(basis * sigmas[None, None], -1, 0)
        parts = [embed(moved, model.faces, at) for at in embeddings]
        return jnp.moveaxis(jnp.concatenate(parts, axis=1), 0, -1)

    return Basis(
        points(model.template),
        of_basis(model.identity_basis, model.identity_sigmas),
        of_basis(model.expression_basis, model.expression_sigmas),
    )


def take_apart(numbers: Float[Array, "*b p"], identity: int, expression: int) -> FaceNumbers:
    """Names the numbers of rows, which hold identity, expression, angles, translation and scale in this order.

    Raises:
      ValueError: rows are of another length.
    """
    if numbers.shape[-1] != identity + expression + POSE:
        raise ValueError(f"rows of {identity + expression + POSE} numbers were expected, got {numbers.shape[-1]}")
    ends = (identity, identity + expression, identity + expression + 3, identity + expression + 6)
    of_identity, of_expression, angles, translation, scale = jnp.split(numbers, ends, axis=-1)
    return FaceNumbers(of_identity, of_expression, angles, translation, scale[..., 0])


def join(face: FaceNumbers) -> Float[Array, "*b p"]:
    """Returns rows of numbers; the opposite of `take_apart`."""
    parts = [face.identity, face.expression, face.angles, face.translation, face.scale[..., None]]
    return jnp.concatenate(parts, axis=-1)


def rotation(angles: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Returns R of 3DDFA's angles."""
    return rotations.euler_to_matrix(-angles, order="XYZ")


def angles_of(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3"]:
    """Returns 3DDFA's angles of a rotation."""
    return -rotations.matrix_to_euler(matrix, order="XYZ")


def shape(basis: Basis, identity: Float[Array, "*b i"], expression: Float[Array, "*b e"]) -> Float[Array, "*b k 3"]:
    """Returns landmarks before they are turned, in units of the model."""
    moved = jnp.einsum("kxn,...n->...kx", basis.identity, identity, precision="highest")
    return (
        jnp.broadcast_to(basis.mean, moved.shape)
        + moved
        + jnp.einsum("kxn,...n->...kx", basis.expression, expression, precision="highest")
    )


def project(basis: Basis, face: FaceNumbers) -> Float[Array, "*b k 2"]:
    """Returns landmarks in shares of the picture's side from its upper left corner, y down."""
    turned = jnp.einsum(
        "...xy,...ky->...kx", rotation(face.angles), shape(basis, face.identity, face.expression), precision="highest"
    )
    placed = face.scale[..., None, None] * turned[..., :2] + face.translation[..., None, :2]
    return jnp.stack([placed[..., 0], 1.0 - placed[..., 1]], axis=-1)


def place(
    turned: Float[Array, "*b k 3"], points: Float[Array, "*b k 2"]
) -> tuple[Float[Array, "*b 3"], Float[Array, "*b"]]:
    """Returns translation and scale that bring turned landmarks nearest to points of the picture (least squares)."""
    wanted = jnp.stack([points[..., 0], 1.0 - points[..., 1]], axis=-1)
    centre, middle = turned[..., :2].mean(axis=-2), wanted.mean(axis=-2)
    away = turned[..., :2] - centre[..., None, :]
    scale = (away * (wanted - middle[..., None, :])).sum(axis=(-2, -1)) / (away * away).sum(axis=(-2, -1))
    shift = middle - scale[..., None] * centre
    return jnp.concatenate([shift, jnp.zeros_like(shift[..., :1])], axis=-1), scale
