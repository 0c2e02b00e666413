"""Geometry Driven Progressive Warping: so far its front end, which fits faces to pictures with DECA."""

from jaxanim.systems.gdpw.crop import Crop, FaceBox
from jaxanim.systems.gdpw.deca import DecaCode, FittedFace

__all__ = ["Crop", "DecaCode", "FaceBox", "FittedFace"]
