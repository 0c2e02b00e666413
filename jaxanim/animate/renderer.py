"""Poses in, pictures out: a system compiled once for one source."""

import math
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import jax
import numpy as np
from jax import lax
from jaxtyping import Float, UInt8

from jaxanim.core.system import Frame, SourceCode, System
from jaxanim.core.types import Array, Image, Variables

Decode = Callable[[Image], UInt8[Array, "*b h w 4"]]


@runtime_checkable
class RenderPoses(Protocol):
    """Anything that renders poses: `Renderer`, or an exported network (`export.runtime`)."""

    def __call__(self, poses: Float[np.ndarray, "n d"]) -> UInt8[np.ndarray, "n h w 4"]:
        """Renders one RGBA picture (straight alpha, sRGB) per row."""
        ...


class Renderer:
    """Renders poses of one source; compiled when it is made, never again.

    For live use make it with `frames_per_call=1` and call it with one pose at a time.

    Attributes:
      frames_per_call: how many poses the compiled program takes; other numbers are cut or filled up.
    """

    def __init__(
        self,
        system: System,
        variables: Variables,
        source: Float[np.ndarray, "h w c"],
        *,
        drive_size: int,
        decode: Decode,
        frames_per_call: int = 1,
    ):
        """Encodes the source and compiles.

        Args:
          system: the method.
          variables: its parameters.
          source: the picture as the system sees it.
          drive_size: how many numbers drive it (45 for THA4).
          decode: the system's images -> uint8 RGBA.
          frames_per_call: see the class.

        Raises:
          ValueError: `frames_per_call` is not positive.
        """
        if frames_per_call < 1:
            raise ValueError(f"frames_per_call must be positive, got {frames_per_call}")
        self.frames_per_call = frames_per_call
        self._drive_size = drive_size
        self._variables = jax.device_put(dict(variables))
        self._code = system.encode_source(self._variables, jax.device_put(source))
        # Several frames at once fill an accelerator; a CPU is full with one, and frame after frame reuses its memory.
        one_by_one = jax.default_backend() == "cpu"

        def render(variables: Variables, code: SourceCode, poses: Float[Array, "n d"]) -> UInt8[Array, "n h w 4"]:
            def picture(frame: Frame) -> UInt8[Array, "*b h w 4"]:
                return decode(frame.image)

            if one_by_one:
                return lax.map(lambda pose: picture(system.render(variables, code, pose[None]))[0], poses)
            return picture(system.render(variables, code, poses))

        poses = jax.ShapeDtypeStruct((frames_per_call, drive_size), np.float32)
        self._compiled = jax.jit(render).lower(self._variables, self._code, poses).compile()

    def __call__(self, poses: Float[np.ndarray, "n d"]) -> UInt8[np.ndarray, "n h w 4"]:
        """Renders one RGBA picture (straight alpha, sRGB) per row of `poses`.

        Raises:
          ValueError: the rows have another length than the system's drive.
        """
        poses = np.asarray(poses, np.float32)
        if poses.ndim != 2 or poses.shape[1] != self._drive_size:
            raise ValueError(f"poses must have shape (n, {self._drive_size}), got {poses.shape}")
        return np.concatenate(list(self._chunks(poses)))

    def _chunks(self, poses: Float[np.ndarray, "n d"]) -> Iterator[UInt8[np.ndarray, "m h w 4"]]:
        size = self.frames_per_call
        for chunk in range(max(1, math.ceil(len(poses) / size))):
            rows = poses[chunk * size : (chunk + 1) * size]
            filled = np.zeros((size, self._drive_size), np.float32)
            filled[: len(rows)] = rows
            yield np.asarray(self._compiled(self._variables, self._code, filled))[: len(rows)]
