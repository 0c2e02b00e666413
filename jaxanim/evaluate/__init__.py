"""How good pictures are: metrics, each with its definition and source."""

from jaxanim.evaluate.quality import psnr
from jaxanim.evaluate.regions import eyes_and_mouth

__all__ = ["eyes_and_mouth", "psnr"]
