"""A small training step with a warp in its middle, for compiling on whole slices.

A convolutional network predicts a flow, moves its own feature map by it, and is trained by Adam on an L1 loss. The
batch is split over all chips in one of two ways: 'jit' leaves the network to XLA and cuts only the warp by hand,
'shard_map' cuts the whole step by hand and averages gradients with pmean. In neither may a chip see another's images.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxanim.core.types import Array, Float, Params
from jaxanim.ops import flow, grid_sample, pyramid

Sharding = Literal["jit", "shard_map"]
SHARDINGS: tuple[Sharding, ...] = get_args(Sharding)
AXIS = "batch"
SIZE, PER_DEVICE, CHANNELS = 256, 4, 128  # pixels a side, images of a chip, channels of the feature map
_OPTIMIZER = optax.adam(1e-4)
_WARP: dict[str, Any] = {"padding": "border", "align_corners": False, "units": "pixel"}
Warp = Callable[[Array, Array], Array]


class WarpNetwork(nn.Module):
    """Predicts an image from another by moving its features, at half its size, along a flow."""

    warp: Warp

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b h w 3"]:
        """Returns an image of the same size."""
        features = nn.relu(nn.Conv(CHANNELS, (3, 3), strides=2, name="encode")(image))
        flow_px = nn.Conv(2, (3, 3), name="flow")(features)
        moved = self.warp(features, flow.pixel_grid(*features.shape[1:3])[None] + flow_px)
        return nn.Conv(3, (3, 3), name="decode")(pyramid.upsample_bilinear(moved))


def program(
    mesh: Mesh, sharding: Sharding, implementation: grid_sample.Implementation
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Returns the training step over the mesh's only axis, and the shapes of its arguments."""
    if sharding == "jit":
        warp = functools.partial(
            grid_sample.grid_sample_sharded, mesh=mesh, batch_axis=AXIS, implementation=implementation, **_WARP
        )
        return functools.partial(_step, WarpNetwork(warp), lambda tree: tree), _arguments(mesh)
    warp = functools.partial(grid_sample.grid_sample, implementation=implementation, **_WARP)
    local = functools.partial(_step, WarpNetwork(warp), functools.partial(jax.lax.pmean, axis_name=AXIS))
    whole, part = PartitionSpec(), PartitionSpec(AXIS)
    # check_vma: Pallas calls do not say over which axes their results vary.
    step = jax.shard_map(
        local, mesh=mesh, in_specs=(whole, whole, part, part), out_specs=(whole, whole, whole), check_vma=False
    )
    return step, _arguments(mesh)


def _step(
    network: WarpNetwork,
    average: Callable[[Any], Any],
    params: Params,
    optimizer: Any,
    image: Float[Array, "b h w 3"],
    target: Float[Array, "b h w 3"],
) -> tuple[Params, Any, Array]:
    """Returns new parameters, the optimizer's new state, and the loss."""

    def loss_of(params: Params) -> Array:
        predicted: Any = network.apply({"params": params}, image)
        return jnp.abs(predicted - target).mean()

    loss, gradients = average(jax.value_and_grad(loss_of)(params))
    updates, optimizer = _OPTIMIZER.update(gradients, optimizer, params)
    return optax.apply_updates(params, updates), optimizer, loss


def _arguments(mesh: Mesh) -> tuple[Any, ...]:
    """Returns the arguments' shapes on the mesh: parameters on every device, images split."""
    split, everywhere = NamedSharding(mesh, PartitionSpec(AXIS)), NamedSharding(mesh, PartitionSpec())
    still = WarpNetwork(lambda image, grid: image)  # the warp has no parameters
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    params: Params = jax.eval_shape(still.init, jax.random.key(0), image)["params"]
    optimizer = jax.eval_shape(_OPTIMIZER.init, params)
    replicated = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere), (params, optimizer)
    )
    images = jax.ShapeDtypeStruct((mesh.size * PER_DEVICE, SIZE, SIZE, 3), jnp.float32, sharding=split)
    return *replicated, images, images
