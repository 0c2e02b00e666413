"""Chooses the backend of the warp and hands it its batch."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import jax

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import native, pallas_gpu, pallas_tpu, xla
from jaxanim.ops.grid_sample.positions import Positions

Implementation = Literal["xla", "pallas_gpu", "mosaic_gpu", "pallas_tpu", "native"]
IMPLEMENTATIONS: tuple[Implementation, ...] = get_args(Implementation)
_PLATFORMS = {"pallas_gpu": "gpu", "mosaic_gpu": "gpu", "pallas_tpu": "tpu", "native": "cpu"}
_KERNELS: dict[Implementation, Callable[[Array, Array], Array]] = {
    "pallas_gpu": pallas_gpu.read_triton,
    "mosaic_gpu": pallas_gpu.read_mosaic,
    "pallas_tpu": pallas_tpu.read,
}

# What measured best of that which needs no building, by the start of the device's kind, with the day it was measured.
# On CPUs, 'native' is faster once built. No accelerator has been measured yet, so that XLA serves them all; the kernels
# are there to be asked for.
MEASURED: dict[str, tuple[Implementation, str]] = {
    "cpu": ("xla", "2026-11-21"),
}


def read(
    image: Float[Array, "*b h w c"], positions: Positions, implementation: Implementation | None
) -> Float[Array, "*b i j c"]:
    """Reads images that are 0 outside at resolved positions, by the backend asked for or the best one known.

    Raises:
      NotImplementedError: the backend asked for does not run on this platform or does not take this shape.
    """
    chosen = choose(target_device()[1]) if implementation is None else implementation
    check_platform(chosen)
    if chosen == "native":
        return native.read(image, positions.stacked())
    # One batch axis. Of several, XLA can split the first.
    batch = image.shape[:-3]
    count = math.prod(batch)
    images, shape = image.reshape(count, *image.shape[-3:]), positions.x.shape[-2:]
    if chosen == "xla" or count * math.prod(shape) == 0:  # a kernel must have something to read
        x, y = (along.reshape(count, *shape) for along in (positions.x, positions.y))
        out = xla.read(images, x, y, positions.inside, target_device()[0] == "cpu")
    else:
        out = _KERNELS[chosen](images, positions.stacked().reshape(count, *shape, 2))
    return out.reshape(*batch, *shape, image.shape[-1])


def check_platform(implementation: Implementation) -> None:
    """Raises NotImplementedError unless a backend runs on the device that is compiled for."""
    platform, kind = target_device()
    wanted = _PLATFORMS.get(implementation, platform)
    if platform != wanted:
        raise NotImplementedError(
            f"implementation {implementation!r} runs on {wanted.upper()}s only, not on {platform} ({kind})"
        )


def choose(kind: str) -> Implementation:
    """Returns the backend that measured best on a kind of device, XLA where none was measured."""
    return next((best for start, (best, _) in MEASURED.items() if kind.startswith(start)), "xla")


def target_device() -> tuple[str, str]:
    """Returns platform and kind of the device that is compiled for: that of the mesh in use, else the default one."""
    abstract = getattr(jax.sharding.get_abstract_mesh(), "abstract_device", None)
    if abstract is not None:
        return abstract.platform, abstract.device_kind
    default = getattr(jax.config, "jax_default_device")  # noqa: B009 - it has no declared type
    device = default if isinstance(default, jax.Device) else jax.devices()[0]
    return device.platform, device.device_kind
