"""Lists of windows or pairs in parts, because a kernel's scalar memory bounds how long its list may be.

All parts write to one array, one after the other, in place. A list has a fixed room: where a flow needs more in any of
its parts (a random flow on a large image), the list does not `fit`, and XLA takes over.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import jax.numpy as jnp
from jax import lax

from jaxanim.core.types import Array, Bool, Int
from jaxanim.ops.grid_sample.pallas_tpu.tiles import Boxes

Listed = TypeVar("Listed", bound=tuple[Array, ...])
# Makes the list of some tiles: of their boxes, the number of the first, and the room for entries.
MakeList = Callable[[Boxes, Any, int], Listed]
_EMPTY = -(2**20)  # the lower end of a box that needs nothing


class Parts(Generic[Listed]):
    """The lists for all tiles of one output.

    Attributes:
      number: how many parts.
      fits: whether every part has room for its list.
    """

    def __init__(
        self,
        box: Boxes,
        count: Int[Array, " t"],
        make_list: MakeList[Listed],
        *,
        tiles_per_part: int,
        entries_per_tile: int,
    ):
        """Divides the tiles, each with `count` entries, evenly."""
        tiles = count.size
        self.number = -(-tiles // tiles_per_part)
        self._size = -(-tiles // self.number)
        self._room = self._size * entries_per_tile
        self._make_list = make_list
        missing = self.number * self._size - tiles
        self._box = Boxes(*(jnp.pad(end, (0, missing), constant_values=_EMPTY * (i % 2)) for i, end in enumerate(box)))
        # A single tile with more entries than there is room for says enough, and the sum stays small.
        few = jnp.minimum(jnp.pad(count, (0, missing)), self._room + 1)
        self.fits: Bool[Array, ""] = few.reshape(self.number, self._size).sum(axis=1).max() <= self._room

    def fold(self, run: Callable[[Listed, Array | None], Array], start: Callable[[], Array | None]) -> Array:
        """Runs a kernel on each list, on what it made of the last one, the first time on what `start` makes."""
        if self.number == 1:
            return run(self._make_list(self._box, 0, self._room), start())

        def step(part: Int[Array, ""], array: Array) -> Array:
            first = part * self._size
            box = Boxes(*(lax.dynamic_slice_in_dim(end, first, self._size) for end in self._box))
            return run(self._make_list(box, first, self._room), array)

        begun = start()
        if begun is None:
            raise ValueError("a list in several parts needs an array to write them to")
        return lax.fori_loop(0, self.number, step, begun)
