"""The networks of ATW: a generator of two stages, and two discriminators.

Paper: ATW section 3.1 and figure 2; layer by layer from the released code. Pictures are RGB in [-1, 1].

The drive reaches the generator as constant planes behind the picture, of which the first norm removes everything but
what the zero padding of the first convolution makes of it at the border: with any other padding it would be lost.
"""

import flax.struct
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float, Flow, Image
from jaxanim.nn import norms
from jaxanim.nn.encoder_decoder import append_pose
from jaxanim.ops import flow as flows

NORMAL = nn.initializers.normal(0.02)
MOTION_BLOCKS, REFINEMENT_BLOCKS = 6, 4
TRUNK_LAYERS = 6
SLOPE = 0.01  # of the leaky rectifiers
WIDEST = 4  # trunks stop doubling at four times their first layer's channels


@flax.struct.dataclass
class Generated:
    """What the generator makes of pictures and drives.

    Attributes:
      image: the refined picture, O_r.
      warped: the picture moved, O_w.
      motion: displacement as a fraction of the generator's reach, in [-1, 1].
      flow_px: backward flow in pixels.
    """

    image: Image
    warped: Image
    motion: Flow
    flow_px: Flow


class MotionBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))).

    Attributes:
      modulate: whether the drive shifts what the first norm gives, see `MotionNetwork`.
    """

    modulate: bool = False

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], drive: Float[Array, "b d"]) -> Float[Array, "b h w c"]:
        y = _conv(x.shape[-1], 3, 1, "conv0")(x)
        y = norms.instance_norm("norm0")(y)
        if self.modulate:
            shift = nn.Dense(x.shape[-1], use_bias=False, kernel_init=NORMAL, name="drive")(drive)
            y = y + shift[:, None, None, :]
        y = nn.relu(y)
        y = _conv(x.shape[-1], 3, 1, "conv1")(y)
        return x + norms.instance_norm("norm1")(y)


class RefinementBlock(nn.Module):
    """x + conv(elu(conv(x)))."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        y = nn.elu(_conv(x.shape[-1], 3, 1, "conv0")(x))
        return x + _conv(x.shape[-1], 3, 1, "conv1")(y)


class MotionNetwork(nn.Module):
    """Maps pictures and drives to displacements in [-1, 1].

    Attributes:
      width: channels of the first layer.
      modulate: whether the drive also shifts the features of every block. Neither paper nor released code; the drive
        no longer has to come in from the border, so that it is learnt in a fraction of the steps.
    """

    width: int
    modulate: bool = False

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"], drive: Float[Array, "b d"]) -> Float[Array, "b h w 2"]:
        x = _conv(self.width, 7, 2, "down0_conv")(append_pose(image, drive))
        x = nn.relu(norms.instance_norm("down0_norm")(x))
        x = _conv(2 * self.width, 4, 2, "down1_conv")(x)
        x = nn.relu(norms.instance_norm("down1_norm")(x))
        for block in range(MOTION_BLOCKS):
            x = MotionBlock(self.modulate, name=f"block{block}")(x, drive)
        x = _up(self.width, 4, "up0_conv")(x)
        x = nn.relu(norms.instance_norm("up0_norm")(x))
        return jnp.tanh(_up(2, 6, "up1_conv")(x))


class RefinementNetwork(nn.Module):
    """Repaints a warped picture; not clipped.

    Attributes:
      width: channels of the first layer.
      downs: how often it halves.
    """

    width: int
    downs: int = 1

    @nn.compact
    def __call__(self, warped: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
        x = nn.elu(_conv(self.width, 7, 2, "down0_conv")(warped))
        if self.downs == 2:
            x = nn.elu(_conv(2 * self.width, 4, 2, "down1_conv")(x))
        for block in range(REFINEMENT_BLOCKS):
            x = RefinementBlock(name=f"block{block}")(x)
        if self.downs == 2:
            x = nn.elu(_up(self.width, 4, "up0_conv")(x))
        return _up(3, 6, "up_last_conv")(x)


class Generator(nn.Module):
    """Moves a picture, then repaints it.

    Attributes:
      width: channels of the first layers.
      reach: farthest displacement, as a fraction of the distance between the corner pixels' centres.
      refine: whether to repaint.
      refine_downs: see `RefinementNetwork`.
      modulate: see `MotionNetwork`.
    """

    width: int
    reach: float
    refine: bool = True
    refine_downs: int = 1
    modulate: bool = False

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w 3"], drive: Float[Array, "b d"], amount: Float[Array, " b"]
    ) -> Generated:
        """Generates pictures; `amount` multiplies the motion: 0 stays, 1 goes all the way."""
        height, width = image.shape[1:3]
        motion = MotionNetwork(self.width, self.modulate, name="motion")(image, drive) * amount[:, None, None, None]
        # Positions need float32 at least, whatever the networks compute in.
        wide = jnp.promote_types(motion.dtype, jnp.float32)
        span = self.reach * jnp.asarray([width - 1, height - 1], wide)[None, None, None, :]
        flow_px = motion.astype(wide) * span
        # Pixels from outside are 0 here; residuals of large photos repeat their edge instead (`ops.residual_warp`).
        warped = flows.warp(image, flow_px, padding="zeros")
        refined = warped
        if self.refine:
            refined = jnp.clip(RefinementNetwork(self.width, self.refine_downs, name="refinement")(warped), -1.0, 1.0)
        return Generated(refined, warped, motion, flow_px)


@flax.struct.dataclass
class Judgement:
    """What a discriminator says of pictures.

    Attributes:
      adversarial: realness of patches, high for real; None from a discriminator of warped pictures.
      drive: logits of classes, or intensities of action units in the networks' unit.
      features: of the trunk.
    """

    adversarial: Float[Array, "b i j"] | None
    drive: Float[Array, "b d"]
    features: Float[Array, "b i j c"]


class Discriminator(nn.Module):
    """Judges pictures: whether they are real, and which drive they show.

    Attributes:
      drives: how many numbers drive the generator.
      width: channels of the first layer.
      adversarial: whether it judges realness; the discriminator of warped pictures does not.
    """

    drives: int
    width: int = 64
    adversarial: bool = True

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Judgement:
        height, width = image.shape[1:3]
        if height != width or height % 2**TRUNK_LAYERS:
            raise ValueError(f"pictures must be square, of a multiple of 64 pixels, got {height}x{width}")
        x = image
        for layer in range(TRUNK_LAYERS):
            features = self.width * min(2**layer, WIDEST)
            x = nn.leaky_relu(_conv(features, 4, 2, f"trunk{layer}_conv", use_bias=True)(x), SLOPE)
        size = x.shape[1]
        head = nn.Conv(
            self.drives, (size, size), padding="VALID", use_bias=False, kernel_init=NORMAL, name="drive_conv"
        )
        drive = head(x)[:, 0, 0, :]
        patches = _conv(1, 3, 1, "adversarial_conv")(x)[..., 0] if self.adversarial else None
        return Judgement(patches, drive, x)


def _conv(features: int, size: int, stride: int, name: str, *, use_bias: bool = False) -> nn.Conv:
    """A convolution with PyTorch's symmetric padding of (size - 1) // 2."""
    return nn.Conv(
        features,
        (size, size),
        strides=stride,
        padding=(size - 1) // 2,
        use_bias=use_bias,
        kernel_init=NORMAL,
        name=name,
    )


def _up(features: int, size: int, name: str) -> nn.ConvTranspose:
    """A transposed convolution that doubles: PyTorch's of stride 2, padded by (size - 2) / 2, with a flipped kernel."""
    around = size // 2
    return nn.ConvTranspose(
        features,
        (size, size),
        strides=(2, 2),
        padding=((around, around), (around, around)),
        use_bias=False,
        kernel_init=NORMAL,
        name=name,
    )
