"""H3R, a network that finds the 98 points of WFLW by heatmaps."""

from jaxanim.tracking.h3r.h3r import H3RLandmarks

__all__ = ["H3RLandmarks"]
