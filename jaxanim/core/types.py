"""Names of arrays and shapes used everywhere in jaxanim.

Layout is NHWC. Shape letters, lower case: `b` batch, `t` frames, `h w` image rows and columns, `c` channels, `v`
vertices, `f` faces, `k` keypoints, `d` features, `l` levels or latent layers, `p` pose parameters, `n` anything else.
`*b` stands for any number of leading batch axes. The last axis of grids and flows is (x, y).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt8

# A function typed with `AnyArray` computes on the host for numpy input and on the device for JAX input.
AnyArray = TypeVar("AnyArray", jax.Array, np.ndarray)

Image = Float[Array, "*b h w c"]  # float32 or bfloat16; the docstring of each function states the value range
Mask = Float[Array, "*b h w 1"]  # 0 keeps, 1 replaces, unless stated otherwise
Grid = Float[Array, "*b i j 2"]  # where to sample: one (x, y) per output pixel
Flow = Float[Array, "*b h w 2"]  # backward flow: output pixel -> where it comes from, as a displacement (x, y)

Params = Mapping[str, Any]  # nested dict of arrays, as Flax makes it
Variables = Mapping[str, Any]  # {'params': {group: Params}, 'stats': {...}}; a group is what one optimizer trains
Metrics = dict[str, Array]  # flat, names separated by '/'

__all__ = [
    "AnyArray",
    "Array",
    "Bool",
    "Float",
    "Flow",
    "Grid",
    "Image",
    "Int",
    "Key",
    "Mask",
    "Metrics",
    "Params",
    "UInt8",
    "Variables",
]
