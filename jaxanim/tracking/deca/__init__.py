"""DECA: parameters of FLAME from one look at a face, as GDPW fits faces to pictures."""

from jaxanim.tracking.deca.crop import Crop, FaceBox
from jaxanim.tracking.deca.deca import DecaCode, FittedFace

__all__ = ["Crop", "DecaCode", "FaceBox", "FittedFace"]
