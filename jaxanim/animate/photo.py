"""Animates a face in a photo: rows of driving numbers through a system, its frames back into the photo, one by one."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.animate import ahead
from jaxanim.animate.paste import Paster, Place, fade_out
from jaxanim.core.errors import WeightsError
from jaxanim.core.system import SourceCode, System
from jaxanim.core.types import Array, Flow, Image, Variables

CHUNK = 8  # small frames that are rendered at once; of the large ones there are no more than `ahead` makes


class PhotoAnimator:
    """Renders frames of one photo by any system whose frames have a flow.

    Pictures of the system are RGB in [-1, 1], of the size of `place.residuals.small`.

    Attributes:
      chunk: how many rows the compiled program takes; the last ones are filled up.
    """

    def __init__(
        self,
        system: System,
        variables: Variables,
        place: Place,
        *,
        drive_size: int,
        align_corners: bool,
        chunk: int = CHUNK,
    ):
        """Encodes the source and compiles.

        Args:
          system: the method.
          variables: its parameters.
          place: the photo, and what of it moves.
          drive_size: how many numbers drive the system.
          align_corners: how its displacements grow, see `residual_warp.assemble`.
          chunk: see the class.

        Raises:
          ValueError: the chunk is empty, or the system has no flow.
        """
        if chunk < 1:
            raise ValueError(f"chunk must be positive, got {chunk}")
        self.chunk, self._drive_size = chunk, drive_size
        self._variables = jax.device_put(dict(variables))
        source, mask = place.residuals.small, place.mask
        self._code = system.encode_source(self._variables, source)
        self._paste = Paster(place, align_corners=align_corners)

        def render(variables: Variables, code: SourceCode, drives: Float[Array, "n d"]) -> tuple[Image, Flow]:
            frame = system.render(variables, code, drives)
            if frame.flow_px is None:
                raise ValueError(f"{type(system).__name__} returns no flow, which the photo's details could follow")
            return fade_out(frame.image, frame.flow_px, source, mask)

        drives = jax.ShapeDtypeStruct((chunk, drive_size), jnp.float32)
        self._render = jax.jit(render).lower(self._variables, self._code, drives).compile()

    def frames(self, drives: Float[np.ndarray, "n d"]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yields the photo as each row of `drives` makes it.

        Raises:
          ValueError: the rows have another length than the system's drive.
          WeightsError: the system returns numbers that are not finite.
        """
        drives = np.asarray(drives, np.float32)
        if drives.ndim != 2 or drives.shape[1] != self._drive_size:
            raise ValueError(f"drives must have shape (n, {self._drive_size}), got {drives.shape}")
        yield from ahead.mapped(lambda frame: self._paste(*frame), self._small_frames(drives))

    def _small_frames(self, drives: Float[np.ndarray, "n d"]) -> Iterator[tuple[Image, Flow]]:
        for first in range(0, len(drives), self.chunk):
            rows = drives[first : first + self.chunk]
            filled = np.concatenate([rows, np.repeat(rows[-1:], self.chunk - len(rows), axis=0)])
            images, flows_px = self._render(self._variables, self._code, filled)
            if not (np.isfinite(images).all() and np.isfinite(flows_px).all()):
                raise WeightsError("the network returns NaN or infinite numbers: its weights are damaged")
            for index in range(len(rows)):
                yield images[index], flows_px[index]
