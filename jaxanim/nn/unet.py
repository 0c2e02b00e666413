"""The pose-conditioned U-Net of THA4's body networks (a diffusion U-Net at the fixed time t = 0).

Paper: THA4 section 4.1, appendix A.1, table 8. Where the released code differs (6 attention blocks instead of 5, one
group norm followed by two scale-and-shifts) it is the code that is followed.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float, Params
from jaxanim.nn import attention, conv, norms
from jaxanim.nn.apply import apply
from jaxanim.ops import pyramid

EMBEDDING = 256  # width of the time and pose embeddings
HEADS = 8


Resample = Callable[[Float[Array, "b h w c"]], Float[Array, "b i j c"]]


def keep(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Returns `x`."""
    return x


def double_nearest(x: Float[Array, "b h w c"]) -> Float[Array, "b 2*h 2*w c"]:
    """Doubles height and width by repeating pixels."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


class Embedding(nn.Module):
    """Two dense layers with a SiLU between them."""

    @nn.compact
    def __call__(self, x: Float[Array, "b d"]) -> Float[Array, "b e"]:
        return nn.Dense(EMBEDDING, name="dense1")(nn.silu(nn.Dense(EMBEDDING, name="dense0")(x)))


Conditions = tuple[tuple[str, Float[Array, "b e"]], ...]  # (name of the dense layer, embedding), applied in this order


class ConditionedBlock(nn.Module):
    """A residual block that is scaled and shifted by one embedding after the other.

    Attributes:
      features: channels of the result.
      resample: changes the size, after the first norm and on the shortcut (`keep`, `pyramid.downsample_area`,
        `double_nearest`).
    """

    features: int
    resample: Resample = keep

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], conditions: Conditions) -> Float[Array, "b i j d"]:
        y = self.resample(nn.silu(norms.group_norm(x.shape[-1], "norm0")(x)))
        y = norms.group_norm(self.features, "norm1")(conv.conv3x3(self.features, "conv0")(y))
        for name, embedding in conditions:
            scale, shift = jnp.split(nn.Dense(2 * self.features, name=name)(nn.silu(embedding)), 2, axis=-1)
            y = y * (1.0 + scale[:, None, None, :]) + shift[:, None, None, :]
        y = conv.conv3x3(self.features, "conv1", kernel_init=conv.ZEROS)(nn.silu(y))
        shortcut = self.resample(x)
        if x.shape[-1] != self.features:
            shortcut = conv.conv1x1(self.features, "shortcut")(shortcut)
        return shortcut + y


class PoseUNet(nn.Module):
    """Maps an image and a pose to raw output channels of the same size.

    Attributes:
      widths: channels of each level, finest first; attention stands at the coarsest.
      outputs: channels of the result.
      time_branch: whether the parameters still hold the time embedding (as released), or `fold_time` has removed it.
    """

    widths: tuple[int, ...]
    outputs: int
    time_branch: bool = True

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w c"],
        pose: Float[Array, "b p"],
        extra: Float[Array, "b h w d"] | None,
    ) -> Float[Array, "b h w o"]:
        """Runs the U-Net; `extra`, if given, is added to the features of the first convolution."""
        conditions = self._conditions(pose)
        x = conv.conv3x3(self.widths[0], "first_conv")(image)
        if extra is not None:
            x = x + extra
        skips = [x]
        last = len(self.widths) - 1
        for level, width in enumerate(self.widths):
            x = ConditionedBlock(width, name=f"down{level}_block")(x, conditions)
            if level == last:
                x = attention.SelfAttention(HEADS, name=f"down{level}_attention")(x)
            skips.append(x)
            if level != last:
                x = ConditionedBlock(width, pyramid.downsample_area, name=f"down{level}_halve")(x, conditions)
                skips.append(x)
        x = self._middle(x, conditions)
        for level in reversed(range(len(self.widths))):
            for block in (0, 1):
                x = jnp.concatenate([x, skips.pop()], axis=-1)
                x = ConditionedBlock(self.widths[level], name=f"up{level}_block{block}")(x, conditions)
                if level == last:
                    x = attention.SelfAttention(HEADS, name=f"up{level}_attention{block}")(x)
            if level:
                x = ConditionedBlock(self.widths[level], double_nearest, name=f"up{level}_double")(x, conditions)
        x = nn.silu(norms.group_norm(self.widths[0], "last_norm")(x))
        return conv.conv3x3(self.outputs, "last_conv", kernel_init=conv.ZEROS)(x)

    def _conditions(self, pose: Float[Array, "b p"]) -> Conditions:
        pose_condition = ("pose", Embedding(name="pose_embed")(pose))
        if not self.time_branch:
            return (pose_condition,)
        time = Embedding(name="time_embed")(_time_zero(pose.shape[0], self.widths[0]))
        return (("time", time), pose_condition)

    def _middle(self, x: Float[Array, "b h w c"], conditions: Conditions) -> Float[Array, "b h w c"]:
        for block in range(7):
            if block % 2:
                x = attention.SelfAttention(HEADS, name=f"middle{block}_attention")(x)
            else:
                x = ConditionedBlock(x.shape[-1], name=f"middle{block}_block")(x, conditions)
        return x


def fold_time(params: Params, width: int) -> Params:
    """Removes the time branch, which is constant: its scales and shifts go into the norms before them.

    Args:
      params: parameters of a `PoseUNet` of finest width `width`.
      width: channels of the finest level.

    Returns:
      Parameters of the same network with `time_branch=False`.
    """
    time = apply(Embedding(), params["time_embed"], _time_zero(1, width))
    folded = {name: value for name, value in params.items() if name != "time_embed"}
    for name, block in folded.items():
        if "time" in block:
            folded[name] = _fold_block(block, nn.silu(time)[0])
    return folded


def _fold_block(block: Params, code: Float[Array, " e"]) -> Params:
    scale, shift = jnp.split(code @ block["time"]["kernel"] + block["time"]["bias"], 2)
    norm = block["norm1"]
    folded_norm = {"scale": norm["scale"] * (1.0 + scale), "bias": norm["bias"] * (1.0 + scale) + shift}
    return {**{name: value for name, value in block.items() if name != "time"}, "norm1": folded_norm}


def _time_zero(batch: int, width: int) -> Float[Array, "b d"]:
    """Returns the sinusoidal code of t = 0: cosines (1), then sines (0)."""
    half = width // 2
    code = jnp.concatenate([jnp.ones(half, jnp.float32), jnp.zeros(half, jnp.float32)])
    return jnp.broadcast_to(code, (batch, width))
