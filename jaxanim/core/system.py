"""What every animation method looks like from outside: the System protocol, and what goes in and out of it.

A system is a set of pure functions over `variables`. The expensive part that depends on the source alone runs once
(`encode_source`), the rest once per frame (`render`). Training reads `phases()`.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import flax.struct

from jaxanim.core.types import Array, Float, Flow, Image, Key, Params, Variables

SourceCode = Any  # a frozen pytree of arrays, defined by each system: everything `render` needs to know of the source
Drive = Float[
    Array, "*b d"
]  # one row of driving numbers per frame; each system names its own (THA4: the 45 of `pose_vector`)


@flax.struct.dataclass
class Frame:
    """One rendered frame. Systems extend it with their named intermediates.

    Attributes:
      image: the picture, in the value range the system documents.
      flow_px: backward flow in pixels of `image` (where each pixel of the frame comes from in the source, relative to
        itself), so that residuals of a larger source can follow. None where a method has none.
    """

    image: Image
    flow_px: Flow | None


@flax.struct.dataclass
class PosedImage:
    """A picture and the mesh of the head in it: what systems take as their source that a morphable model drives.

    Their drive is one row for each frame: the mesh in the pose wanted, `vertices_ndc` flattened.

    Attributes:
      image: RGB in [-1, 1].
      vertices_ndc: x and y in [-1, 1] across the picture, y down, and the depth in the same unit, larger is farther.
    """

    image: Float[Array, "*b h w 3"]
    vertices_ndc: Float[Array, "*b v 3"]


@flax.struct.dataclass
class Phase:
    """One objective of a training step: which group of parameters it changes, and by what loss.

    Attributes:
      name: prefix of its metrics, e.g. 'face'.
      wrt: key in `variables['params']`.
      loss_fn: (group params, batch, weights) -> (scalar loss, metrics). `weights` maps the names of loss terms to
        scalars, so that a schedule can change them without compiling again.
      every: run in every n-th step only.
      keeps: key in `variables['stats']` of what the loss returns anew, such as the running statistics of norms: then
        `loss_fn` returns (scalar loss, metrics, statistics).
    """

    name: str = flax.struct.field(pytree_node=False)
    wrt: str = flax.struct.field(pytree_node=False)
    loss_fn: Callable[[Params, Any, Params], Any] = flax.struct.field(pytree_node=False)
    every: int = flax.struct.field(pytree_node=False, default=1)
    keeps: str | None = flax.struct.field(pytree_node=False, default=None)


@runtime_checkable
class System(Protocol):
    """One published animation method as pure functions over `variables`."""

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes untrained variables: plain nested dicts, grouped by what is optimised together."""
        ...

    def encode_source(self, variables: Variables, source: Any) -> SourceCode:
        """Computes, once per source (a picture, or a `PosedImage`), everything that does not depend on the drive."""
        ...

    def render(self, variables: Variables, code: SourceCode, drive: Drive) -> Frame:
        """Renders one frame for each row of `drive`."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """Lists what a training step does, in order."""
        ...
