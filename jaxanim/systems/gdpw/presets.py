"""Sizes of GDPW's networks: those of the released code, and what a design of one's own can choose."""

import dataclasses
from typing import Literal, get_args

from jaxanim.core import checks

Guidance = Literal["geom_disp", "neural_codes", "both"]
GUIDANCES: tuple[Guidance, ...] = get_args(Guidance)
CodeKind = Literal["learnt", "nmfc"]
CODE_KINDS: tuple[CodeKind, ...] = get_args(CodeKind)


@dataclasses.dataclass(frozen=True)
class Design:
    """What decides the shapes of GDPW's networks, and what guides them.

    Attributes:
      guidance: 'geom_disp' for the displacements of the mesh, 'neural_codes' for codes of its vertices painted in both
        poses, 'both' (paper, section 3.2 and, for 'both', 4.5).
      vertices: of the morphable model's mesh; 5023 for FLAME.
      size: side of the pictures.
      levels: sizes that pictures are worked on, each half of the one before.
      width: channels at full size; doubles with each level.
      widest: where the channels stop doubling.
      code_size: numbers of a vertex's code.
      codes: 'learnt', or 'nmfc' for the vertices' places in the mean face, which is the paper's ablation.
      blend: whether the warped source shows where the second output says so (released code, off by default).
      exact_grid: whether a flow of 0 shows the source as it is. The released code lays its grid through the corners
        and samples it as if it did not, which shifts borders by half a pixel; its weights need that.
      flow_gain: what the mesh's displacements are multiplied by before they modulate the decoder. Halves of the picture
        make small numbers, which spectral norm keeps small; 1 as published.
      antialias: whether silhouettes of the maps are antialiased, as the released code does.
      critic_width: channels of the discriminator's first layer.
    """

    guidance: Guidance = "neural_codes"
    vertices: int = 5023
    size: int = 256
    levels: int = 6
    width: int = 32
    widest: int = 1024
    code_size: int = 16
    codes: CodeKind = "learnt"
    blend: bool = False
    exact_grid: bool = False
    flow_gain: float = 1.0
    antialias: bool = True
    critic_width: int = 32

    def __post_init__(self) -> None:
        """Checks what no network could be built of."""
        checks.check_option("guidance", self.guidance, GUIDANCES)
        checks.check_option("codes", self.codes, CODE_KINDS)
        if self.levels < 2 or min(self.vertices, self.width, self.widest, self.code_size, self.critic_width) < 1:
            raise ValueError(f"levels must be 2 or more, widths and counts positive, got {self}")
        if self.codes == "nmfc" and self.code_size != 3:
            raise ValueError(f"places in the mean face have 3 numbers, got code_size={self.code_size}")
        smallest = 2 ** (self.levels - 1)
        if self.size % smallest or self.size // smallest < 2:
            raise ValueError(f"size must be {2 * smallest} or more, and {smallest} divide it, got {self.size}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, from the full size down."""
        return tuple(min(self.widest, self.width * 2**level) for level in range(self.levels))

    @property
    def has_codes(self) -> bool:
        """Whether codes of vertices are painted."""
        return self.guidance != "geom_disp"

    @property
    def painted(self) -> int:
        """Channels of the painted codes, 0 without."""
        return self.code_size if self.has_codes else 0

    @property
    def modulation(self) -> int:
        """Channels of the map that guides the decoder."""
        return self.painted + (0 if self.guidance == "neural_codes" else 2)


RELEASED = {guidance: Design(guidance) for guidance in GUIDANCES}
