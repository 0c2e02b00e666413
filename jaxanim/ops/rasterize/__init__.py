"""Triangles to fragments: which face each pixel sees, where on it, and how far away."""

from jaxanim.ops.rasterize.api import rasterize
from jaxanim.ops.rasterize.coverage import Culling
from jaxanim.ops.rasterize.fragments import Fragments, interpolate, pixel_centres
from jaxanim.ops.rasterize.host import HostFragments, interpolate_host, rasterize_host

__all__ = [
    "Culling",
    "Fragments",
    "HostFragments",
    "interpolate",
    "interpolate_host",
    "pixel_centres",
    "rasterize",
    "rasterize_host",
]
