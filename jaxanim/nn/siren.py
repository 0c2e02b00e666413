"""Networks of sine layers over positions (SIREN), alone and as a coarse-to-fine pyramid.

Sitzmann et al. 2020, with omega_0 = 30 in every layer and the initialisation of the THA4 code. Sines of large arguments
need full float32 products: bfloat16 or TF32 passes visibly change the picture, so every product asks for HIGHEST.

A layer that takes features, positions and a code per example never joins them: its matrix is cut in three. The code's
part is one small product per example, the positions' part is two multiplications, and the features' part, where
features come from a coarser level, is computed before they are doubled (both are linear, so the order does not
matter): 28 % of the work of THA4's body student falls away.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float, Key
from jaxanim.ops import pyramid

OMEGA = 30.0
HIGHEST = lax.Precision.HIGHEST
Sine = Callable[[Array], Array]


def _uniform(bound: float) -> Callable[..., Array]:
    def init(key: Key[Array, ""], shape: Sequence[int], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, tuple(shape), dtype, -bound, bound)

    return init


def _sine_bound(inputs: int) -> float:
    return math.sqrt(6.0 / inputs) / OMEGA


def _bias_init(inputs: int) -> Callable[..., Array]:
    return _uniform(1.0 / math.sqrt(inputs))


class SineLayer(nn.Module):
    """sin(30 (W x + b)).

    Attributes:
      features: channels of the result.
      sine: `jnp.sin` or an equal function.
    """

    features: int
    sine: Sine = jnp.sin

    @nn.compact
    def __call__(self, x: Float[Array, "*b c"]) -> Float[Array, "*b d"]:
        inputs = x.shape[-1]
        dense = nn.Dense(
            self.features,
            precision=HIGHEST,
            kernel_init=_uniform(_sine_bound(inputs)),
            bias_init=_bias_init(inputs),
            name="dense",
        )
        return self.sine(OMEGA * dense(x))


class FirstSineLayer(nn.Module):
    """sin(30 (W [features, x, y, code] + b)) at the pixels of a grid, without joining the inputs.

    Attributes:
      features: channels of the result.
      sine: `jnp.sin` or an equal function.
    """

    features: int
    sine: Sine = jnp.sin

    @nn.compact
    def __call__(
        self, coarse: Float[Array, "b i j d"] | None, positions: Float[Array, "h w 2"], code: Float[Array, "b p"]
    ) -> Float[Array, "b h w o"]:
        """`coarse` holds features at half the resolution of `positions`, with equal margins to spare, or is None."""
        inherited = 0 if coarse is None else coarse.shape[-1]
        inputs = inherited + 2 + code.shape[-1]
        # Raw coordinates are initialised with larger weights than sines of them.
        bound = 1.0 / inputs if coarse is None else _sine_bound(inputs)
        kernel, bias = _DenseParameters(inputs, self.features, _uniform(bound), name="dense")()
        across, down = kernel[None, None, inherited], kernel[None, None, inherited + 1]
        z = (positions[..., :1] * across + positions[..., 1:] * down)[None]
        z = z + (jnp.matmul(code, kernel[inherited + 2 :], precision=HIGHEST) + bias[None])[:, None, None, :]
        if coarse is not None:
            inner = jnp.matmul(coarse, kernel[:inherited], precision=HIGHEST)
            z = z + crop_centre(pyramid.upsample_bilinear(inner), *positions.shape[:2])
        return self.sine(OMEGA * z)


class _DenseParameters(nn.Module):
    """The parameters of a dense layer, under the names that `nn.Dense` gives them."""

    inputs: int
    features: int
    kernel_init: Callable[..., Array]

    @nn.compact
    def __call__(self) -> tuple[Float[Array, "i o"], Float[Array, " o"]]:
        kernel = self.param("kernel", self.kernel_init, (self.inputs, self.features))
        bias = self.param("bias", _bias_init(self.inputs), (self.features,))
        return jnp.asarray(kernel), jnp.asarray(bias)


def last_dense(features: int, inputs: int, name: str) -> nn.Dense:
    """Returns the linear layer that ends a SIREN."""
    return nn.Dense(
        features,
        precision=HIGHEST,
        kernel_init=nn.initializers.he_normal(),
        bias_init=_bias_init(inputs),
        name=name,
    )


class Siren(nn.Module):
    """Maps positions and one code per example to values at these positions.

    Attributes:
      widths: channels of the sine layers.
      outputs: channels of the result (no activation).
      sine: `jnp.sin` or an equal function.
    """

    widths: tuple[int, ...]
    outputs: int
    sine: Sine = jnp.sin

    @nn.compact
    def __call__(self, positions: Float[Array, "h w 2"], code: Float[Array, "b p"]) -> Float[Array, "b h w o"]:
        x = FirstSineLayer(self.widths[0], self.sine, name="sine0")(None, positions, code)
        for index, width in enumerate(self.widths[1:], start=1):
            x = SineLayer(width, self.sine, name=f"sine{index}")(x)
        return last_dense(self.outputs, self.widths[-1], "last")(x)


class SirenPyramid(nn.Module):
    """A SIREN whose first layers run on a coarse grid and whose last layers run on the full one.

    Between levels the features are doubled bilinearly and joined by position and code again. `positions[l]` may be a
    window of the image: level l + 1 may be smaller than twice level l by an even margin, which is cut off, so that a
    window with a border of its neighbours gives exactly what the whole image gives there.

    Attributes:
      widths: channels of the sine layers of each level, coarsest first.
      outputs: channels of the result (no activation).
      sine: `jnp.sin` or an equal function.
    """

    widths: tuple[tuple[int, ...], ...]
    outputs: int
    sine: Sine = jnp.sin

    @nn.compact
    def __call__(
        self, positions: tuple[Float[Array, "_ _ 2"], ...], code: Float[Array, "b p"]
    ) -> Float[Array, "b h w o"]:
        x = None
        for level, widths in enumerate(self.widths):
            x = FirstSineLayer(widths[0], self.sine, name=f"level{level}_sine0")(x, positions[level], code)
            for index, width in enumerate(widths[1:], start=1):
                x = SineLayer(width, self.sine, name=f"level{level}_sine{index}")(x)
        return last_dense(self.outputs, self.widths[-1][-1], "last")(x)


def crop_centre(x: Float[Array, "b h w c"], height: int, width: int) -> Float[Array, "b i j c"]:
    """Cuts equal margins off all sides.

    Raises:
      ValueError: the margins would be negative or odd.
    """
    top, left = x.shape[1] - height, x.shape[2] - width
    if top < 0 or left < 0 or top % 2 or left % 2:
        raise ValueError(f"cannot cut {x.shape[1]}x{x.shape[2]} to {height}x{width} with equal margins")
    rows = lax.slice_in_dim(x, top // 2, top // 2 + height, axis=1)
    return lax.slice_in_dim(rows, left // 2, left // 2 + width, axis=2)
