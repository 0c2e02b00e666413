"""How far two pictures are apart for a network that has learnt to see (Johnson et al. 2016), one number per example."""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxanim.core.types import Array, Float, Params
from jaxanim.losses import reconstruction
from jaxanim.nn.apply import apply
from jaxanim.nn.vgg import Vgg19
from jaxanim.ops.gaussian_down import gaussian_down


def pyramid_distance(
    params: Params,
    prediction: Float[Array, "b h w 3"],
    target: Float[Array, "b h w 3"],
    *,
    scales: Sequence[int],
) -> Float[Array, " b"]:
    """Returns the mean absolute differences of VGG-19's features, summed over its five layers and over scales.

    Args:
      params: of `nn.vgg.Vgg19`.
      prediction: in [0, 1].
      target: in [0, 1].
      scales: by how much both are made smaller (`ops.gaussian_down`), e.g. 1, 2, 4 and 8.

    Raises:
      ValueError: there are no scales, one does not divide the sides, or leaves fewer than 16 pixels.
    """
    if not scales:
        raise ValueError("at least one scale is needed")
    distances = [_distance(params, gaussian_down(prediction, s), gaussian_down(target, s)) for s in scales]
    return jnp.stack(distances).sum(axis=0)


def _distance(
    params: Params, prediction: Float[Array, "b h w 3"], target: Float[Array, "b h w 3"]
) -> Float[Array, " b"]:
    first, second = (apply(Vgg19(), params, picture) for picture in (prediction, target))
    return reconstruction.feature_matching(first.layers, second.layers)
