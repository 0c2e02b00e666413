"""Computing our networks in float64, as goldens were, to tell a mistake from rounding.

The library computes positions of warps in float32; here a plain bilinear warp takes their place.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Params


@contextlib.contextmanager
def computing(flows: Any) -> Iterator[None]:
    """Whatever is traced here can have float64; `flows` is the module whose `warp` networks call."""
    with (
        jax.enable_x64(True),
        jax.numpy_dtype_promotion("standard"),
        mock.patch.object(flows, "warp", warp),
    ):
        yield


def widened(params: Params) -> Params:
    """Returns parameters as float64."""
    return jax.tree.map(lambda array: jnp.asarray(np.asarray(array, np.float64)), params)


def warp(image: jax.Array, flow_px: jax.Array, *, padding: str) -> jax.Array:
    """Does what `ops.flow.warp` does with zeros outside, in the type of its inputs."""
    if padding != "zeros":
        raise ValueError(f"padding must be 'zeros', got {padding!r}")
    height, width, channels = image.shape[1:]
    rows, columns = jnp.arange(height, dtype=flow_px.dtype)[:, None], jnp.arange(width, dtype=flow_px.dtype)[None, :]

    def one(picture: jax.Array, flow: jax.Array) -> jax.Array:
        at = [rows + flow[..., 1], columns + flow[..., 0]]
        read = [jax.scipy.ndimage.map_coordinates(picture[..., k], at, 1, "constant") for k in range(channels)]
        return jnp.stack(read, axis=-1)

    return jax.vmap(one)(image, flow_px)
