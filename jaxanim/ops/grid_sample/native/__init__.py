"""The warp for CPUs in C++, compiled where it runs: `python -m jaxanim.ops.grid_sample.native` builds it.

It is used only when asked for (`implementation="native"`): a call into C++ cannot be exported, it needs a compiler, and
XLA does not split it over devices (`grid_sample_sharded` does). Values and gradients are those of `reference.py`, units
and padding included. The same numbers come out every time, whatever the number of threads.
"""

from jaxanim.ops.grid_sample.native.calls import read, sample
from jaxanim.ops.grid_sample.native.library import build, load

__all__ = ["build", "load", "read", "sample"]
