"""PIPNet, a network that finds the 98 points of WFLW on a coarse grid."""

from jaxanim.tracking.pipnet.pipnet import PIPNetLandmarks

__all__ = ["PIPNetLandmarks"]
