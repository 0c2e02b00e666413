"""What is compared in moving heads: trained networks, the mesh alone, and the source as it is.

All of them take a `PosedImage` and one row per frame, the mesh wanted, and return pictures in [-1, 1].
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.errors import WeightsError
from jaxanim.core.system import Frame, Phase, PosedImage, System
from jaxanim.core.types import Array, Key, Variables
from jaxanim.geometry.morphable import MorphableModel
from launch.evaluations.head_pairs import HeadPairs

WARPED = "{}, warped alone"
Results = dict[str, UInt8[np.ndarray, "n s s 3"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Method:
    """A system with its parameters.

    Attributes:
      name: in tables.
      system: what renders.
      variables: its parameters.
    """

    name: str
    system: System
    variables: Variables

    def results(self, pairs: HeadPairs) -> Results:
        """Returns the sources of pairs as their meshes are wanted, and warped alone where the system has that.

        Raises:
          WeightsError: a picture is not finite.
        """
        render = self._compiled()
        found: dict[str, list[np.ndarray]] = {}
        for image, mesh, wanted in zip(pairs.source, pairs.source_ndc, pairs.wanted_ndc, strict=True):
            source = PosedImage(image.astype(np.float32) / np.float32(127.5) - np.float32(1), mesh)
            for name, picture in jax.device_get(render(self.variables, source, wanted.reshape(1, -1))).items():
                found.setdefault(name, []).append(_as_bytes(picture[0], self.name))
        return {name: np.stack(each) for name, each in found.items()}

    def _compiled(self) -> Callable[[Variables, PosedImage, Float[np.ndarray, "1 d"]], dict[str, Array]]:
        """Returns the program that makes one frame of one source."""

        def render(variables: Variables, source: PosedImage, drive: Float[Array, "1 d"]) -> dict[str, Array]:
            frame = self.system.render(variables, self.system.encode_source(variables, source), drive)
            warped = getattr(frame, "warped", None)
            return {self.name: frame.image} | ({} if warped is None else {WARPED.format(self.name): warped})

        return jax.jit(render)


class Copy:
    """Shows the source as it is, whatever is asked for: what every method must be better than."""

    def init(self, key: Key[Array, ""]) -> Variables:
        """Returns no parameters."""
        del key
        return {}

    def encode_source(self, variables: Variables, source: PosedImage) -> Float[Array, "h w 3"]:
        """Keeps the picture."""
        del variables
        return jnp.asarray(source.image)

    def render(self, variables: Variables, code: Float[Array, "h w 3"], drive: Float[Array, "b d"]) -> Frame:
        """Returns the picture once per row."""
        del variables
        return Frame(jnp.broadcast_to(code, (drive.shape[0], *code.shape)), None)

    def phases(self) -> tuple[Phase, ...]:
        """Returns nothing: there is nothing to train."""
        return ()


def copy() -> Method:
    """Returns the source as it is."""
    return Method("copy", Copy(), {})


def geometric(size: int) -> Method:
    """Returns the open head's own displacements, without a network."""
    from jaxanim.systems.geometric import for_open_head

    system: System = for_open_head(size)
    return Method("geometric", system, system.init(jax.random.key(0)))


def gdpw(weights: Path, head: MorphableModel, size: int) -> Method:
    """Returns trained networks.

    Raises:
      WeightsError: the file is damaged, or its networks are for another mesh or another size.
    """
    from jaxanim.systems.gdpw.files import is_folded, read_gdpw
    from jaxanim.systems.gdpw.generator import mesh_faces
    from jaxanim.systems.gdpw.system import Gdpw

    card, design, variables = read_gdpw(weights)
    if (design.vertices, design.size) != (len(head.template), size):
        raise WeightsError(
            f"{weights}: for meshes of {design.vertices} vertices and pictures of {design.size}, those of the data "
            f"have {len(head.template)} and {size}"
        )
    return Method("gdpw", Gdpw(design, mesh_faces(np.asarray(head.faces)), spectral=not is_folded(card)), variables)


def _as_bytes(picture: Float[np.ndarray, "h w 3"], name: str) -> UInt8[np.ndarray, "h w 3"]:
    if not np.isfinite(picture).all():
        raise WeightsError(f"{name} returns NaN or infinite numbers: its weights are damaged")
    return np.round((picture + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
