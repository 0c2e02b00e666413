"""How good pictures are: metrics, each with its definition and source."""

from jaxanim.evaluate.quality import l1, psnr, ssim
from jaxanim.evaluate.regions import eyes_and_mouth

__all__ = ["eyes_and_mouth", "l1", "psnr", "ssim"]
