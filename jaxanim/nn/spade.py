"""Spatially adaptive normalisation (SPADE, Park et al. 2019) with batch norm and spectral norm, as GDPW uses it."""

from flax import linen as nn

from jaxanim.core.types import Array, Float
from jaxanim.nn.batch_norm import BatchNorm
from jaxanim.nn.spectral import SpectralConv

SLOPE = 0.1  # of the leaky rectifiers


class Spade(nn.Module):
    """norm(x) * (1 + gamma) + beta, with gamma and beta made of a map by convolutions.

    Attributes:
      width: channels of the convolution that gamma and beta share.
      spectral: see `SpectralConv`.
    """

    width: int
    spectral: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], modulation: Float[Array, "b h w m"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        channels = x.shape[-1]
        shared = SpectralConv(self.width, spectral=self.spectral, name="shared_conv")(modulation, train=train)
        shared = nn.leaky_relu(shared, SLOPE)
        gamma = SpectralConv(channels, spectral=self.spectral, name="gamma_conv")(shared, train=train)
        beta = SpectralConv(channels, spectral=self.spectral, name="beta_conv")(shared, train=train)
        return BatchNorm(affine=False, name="norm")(x, train=train) * (1.0 + gamma) + beta


class SpadeBlock(nn.Module):
    """Two convolutions, each behind a `Spade` and a leaky rectifier, and a 1x1 convolution around both.

    Attributes:
      width: channels of the result.
      spectral: see `SpectralConv`.
    """

    width: int
    spectral: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], modulation: Float[Array, "b h w m"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        y = x
        for index in range(2):
            y = Spade(self.width, self.spectral, name=f"spade{index}")(y, modulation, train=train)
            y = nn.leaky_relu(y, SLOPE)
            y = SpectralConv(self.width, spectral=self.spectral, name=f"conv{index}")(y, train=train)
        around = SpectralConv(self.width, 1, 0, spectral=self.spectral, name="shortcut_conv")(x, train=train)
        return y + around
