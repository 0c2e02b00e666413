"""The networks of GDPW: an encoder, a decoder that warps at every level, and a discriminator of patches.

Paper: GDPW section 3; layer by layer from the released code. Pictures are RGB in [0, 1]. Levels are numbered from the
full size (0) down; level n has half the sides of level n - 1.
"""

import flax.struct
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxanim.core.types import Array, Float, Flow
from jaxanim.nn import conv
from jaxanim.nn.batch_norm import BatchNorm
from jaxanim.nn.spade import SLOPE, SpadeBlock
from jaxanim.nn.spectral import SpectralConv
from jaxanim.ops import flow as flows
from jaxanim.ops.gaussian_down import gaussian_down
from jaxanim.systems.gdpw.presets import Design

CRITIC_LAYERS = 4


@flax.struct.dataclass
class Encoded:
    """What the encoder makes of a source.

    Attributes:
      bottom: features of the last level.
      shortcuts: features of the other levels, from the full size down, as the decoder warps them.
    """

    bottom: Float[Array, "b h w c"]
    shortcuts: tuple[Float[Array, "b _ _ _"], ...]


@flax.struct.dataclass
class Decoded:
    """What the decoder makes of a source and a target's geometry.

    Attributes:
      image: in (0, 1).
      alpha: how much of `image` the released code's blending would show, in (0, 1).
      flows_px: backward flows that were predicted, in pixels of their own size, from the full size down: what is
        sampled, the grid's half pixel included (see `Design.exact_grid`).
    """

    image: Float[Array, "b h w 3"]
    alpha: Float[Array, "b h w 1"]
    flows_px: tuple[Float[Array, "b _ _ 2"], ...]


class ConvBlock(nn.Module):
    """lrelu(norm(conv(x))), then halved by averages where asked for.

    Attributes:
      features: output channels.
      size: of the kernel.
      padding: zeros around the picture.
      halve: whether to average pairs of rows and columns.
      spectral: see `SpectralConv`.
    """

    features: int
    size: int = 3
    padding: int = 1
    halve: bool = False
    spectral: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool) -> Float[Array, "b _ _ d"]:
        convolution = SpectralConv(self.features, self.size, self.padding, spectral=self.spectral, name="conv")
        x = BatchNorm(name="norm")(convolution(x, train=train), train=train)
        x = nn.leaky_relu(x, SLOPE)
        return _halved(x) if self.halve else x


class Encoder(nn.Module):
    """Features of a source at every level.

    Attributes:
      design: sizes.
      spectral: see `SpectralConv`.
    """

    design: Design
    spectral: bool = True

    @nn.compact
    def __call__(self, source: Float[Array, "b h w c"], *, train: bool) -> Encoded:
        """Encodes a picture in [0, 1], with the codes painted on its mesh behind it where there are any."""
        x, shortcuts = source, []
        for level, width in enumerate(self.design.widths):
            x = ConvBlock(width, halve=level > 0, spectral=self.spectral, name=f"down{level}")(x, train=train)
            if level < self.design.levels - 1:
                block = ConvBlock(width, spectral=self.spectral, name=f"shortcut{level}")
                shortcuts.append(block(x, train=train))
        return Encoded(x, tuple(shortcuts))


class Decoder(nn.Module):
    """Paints the target, level by level: predicts a flow, warps the source's features by it, and joins them.

    Attributes:
      design: sizes and guidance.
      spectral: see `SpectralConv`.
    """

    design: Design
    spectral: bool = True

    @nn.compact
    def __call__(
        self,
        encoded: Encoded,
        modulation: Float[Array, "b h w m"],
        geometry_ndc: Float[Array, "b h w 2"] | None,
        *,
        train: bool,
    ) -> Decoded:
        """Decodes.

        Args:
          encoded: the source.
          modulation: what guides, at full size: codes on the target's mesh, its displacement, or both in this order.
          geometry_ndc: displacement of the mesh at full size, in halves of the picture, that the last level is warped
            by; None warps it by 0.
          train: whether norms look at the batch.
        """
        design, last = self.design, self.design.levels - 1
        bottom = encoded.bottom
        flow_ndc = jnp.zeros((*bottom.shape[:3], 2), jnp.float32)
        if geometry_ndc is not None:
            flow_ndc = gaussian_down(geometry_ndc, 2**last)
        out = jnp.concatenate([bottom, _warp(bottom, _sampled(flow_ndc, design.exact_grid))], axis=-1)
        flows_px: list[Flow] = []
        for level in range(last, 0, -1):
            guide = gaussian_down(modulation, 2**level)
            out = SpadeBlock(design.widths[level], self.spectral, name=f"spade{level}")(out, guide, train=train)
            flow_px = _upsampled(_plain(2, f"flow{level}")(out))
            flow_px = _from_released(flow_px) if not design.exact_grid else flow_px
            flows_px.insert(0, flow_px)
            out = _doubled(out)
            up = ConvBlock(design.widths[level - 1], spectral=self.spectral, name=f"up{level}")
            out = jnp.concatenate([up(out, train=train), _warp(encoded.shortcuts[level - 1], flow_px)], axis=-1)
        painted = nn.sigmoid(_plain(4, "out")(out))
        return Decoded(painted[..., :3], painted[..., 3:], tuple(flows_px))


@flax.struct.dataclass
class Judgement:
    """What the discriminator says of pictures.

    Attributes:
      realness: of patches, not squashed; high for real.
      features: of each layer.
    """

    realness: Float[Array, "b i j"]
    features: tuple[Float[Array, "b _ _ _"], ...]


class Discriminator(nn.Module):
    """Judges patches of pictures in [0, 1].

    Attributes:
      width: channels of the first layer; doubles with each.
    """

    width: int = 32

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"], *, train: bool) -> Judgement:
        x, features = image, []
        for layer in range(CRITIC_LAYERS):
            x = ConvBlock(self.width * 2**layer, 4, 2, halve=True, name=f"layer{layer}")(x, train=train)
            features.append(x)
        realness = nn.Conv(1, (4, 4), padding=2, kernel_init=conv.TORCH_UNIFORM, name="out")(x)
        return Judgement(realness[..., 0], tuple(features))


def warp_source(image: Float[Array, "b h w c"], flow_px: Float[Array, "b i j 2"]) -> Float[Array, "b i j c"]:
    """Warps a picture by a predicted flow of its own size; outside of it is 0, as in training."""
    return _warp(image, flow_px)


def _plain(features: int, name: str) -> nn.Conv:
    return nn.Conv(features, (3, 3), padding=1, kernel_init=conv.TORCH_UNIFORM, name=name)


def _warp(image: Float[Array, "b h w c"], flow_px: Flow) -> Float[Array, "b h w c"]:
    return flows.warp(image, flow_px, padding="zeros")


def _halved(x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ c"]:
    """Averages pairs of rows and columns; an odd last one is dropped."""
    return 0.25 * nn.pool(x, 0.0, lax.add, (2, 2), (2, 2), "VALID")


def _doubled(x: Float[Array, "b h w c"]) -> Float[Array, "b _ _ c"]:
    """Repeats rows and columns."""
    b, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, 2, w, 2, c)).reshape(b, 2 * h, 2 * w, c)


def _upsampled(flow: Float[Array, "b h w 2"]) -> Float[Array, "b _ _ 2"]:
    """Interpolates to twice the size; the numbers are pixels of the larger size already."""
    b, h, w, _ = flow.shape
    return jax.image.resize(flow.astype(jnp.float32), (b, 2 * h, 2 * w, 2), "linear", antialias=False)


def _from_released(flow_px: Flow) -> Flow:
    """Turns displacements of the released code into those that it samples.

    Its grid is 2 i / (n - 1) - 1 (through the corners) plus 2 t / (n - 1), sampled with corners not aligned: position
    ((g + 1) n - 1) / 2. Without t that is i n / (n - 1) - 1/2, so that borders move by half a pixel.
    """
    height, width = flow_px.shape[-3:-1]
    grow = jnp.asarray([width / (width - 1), height / (height - 1)], jnp.float32)
    ends = jnp.asarray([width - 1, height - 1], jnp.float32)
    still = flows.pixel_grid(height, width) / ends[None, None, :] - 0.5
    return flow_px * grow[None, None, None, :] + still[None]


def _sampled(flow_ndc: Flow, exact_grid: bool) -> Flow:
    """Turns displacements in halves of the picture into those that are sampled, in pixels."""
    if exact_grid:
        return flows.ndc_to_px(flow_ndc)
    height, width = flow_ndc.shape[-3:-1]
    corners = jnp.asarray([(width - 1) / 2, (height - 1) / 2], jnp.float32)
    return _from_released(flow_ndc * corners[None, None, None, :])
