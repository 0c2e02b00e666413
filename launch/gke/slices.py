"""Slices of TPUs as Kubernetes asks for them: 'v5e:16x16' is 256 chips on 64 hosts of one kind of node."""

import dataclasses
import math

from jaxanim.core.errors import InputError

CHIPS_OF_A_HOST = 4

# kind -> the label that nodes of that kind carry in GKE, and the number of dimensions of their topology
_KINDS = {
    "v4": ("tpu-v4-podslice", 3),
    "v5e": ("tpu-v5-lite-podslice", 2),
    "v5p": ("tpu-v5p-slice", 3),
    "v6e": ("tpu-v6e-slice", 2),
    "tpu7x": ("tpu7x", 3),
}
_FLAT = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")  # all that v5e and v6e come in
_SMALL_CUBES = ("2x2x1", "2x2x2", "2x2x4", "2x4x4")  # larger ones are made of cubes of 4x4x4
_LARGEST_SIDE = 32


@dataclasses.dataclass(frozen=True)
class Slice:
    """What a pod has to ask for so that it lands on one host of a slice."""

    accelerator: str  # label of the nodes
    topology: str
    hosts: int
    chips: int  # of one host


def parse(text: str) -> Slice:
    """Returns the slice that is named as `launch.aot` names it, such as 'v5e:16x16' or 'v5p:4x4x4'.

    Raises:
      InputError: there is no such slice.
    """
    kind, _, topology = text.partition(":")
    if kind not in _KINDS or not topology:
        raise InputError(f"--topology {text}: expected KIND:SHAPE, such as v5e:16x16; kinds are {', '.join(_KINDS)}")
    accelerator, dimensions = _KINDS[kind]
    if not (topology in _FLAT if dimensions == 2 else _is_of_cubes(topology)):
        possible = ", ".join(_FLAT if dimensions == 2 else _SMALL_CUBES)
        more = "" if dimensions == 2 else f", or three rising multiples of 4 up to {_LARGEST_SIDE}, such as 4x4x8"
        raise InputError(f"--topology {text}: {kind} comes in {possible}{more}")
    chips = math.prod(int(side) for side in topology.split("x"))
    on_a_host = min(chips, CHIPS_OF_A_HOST)
    return Slice(accelerator, topology, chips // on_a_host, on_a_host)


def _is_of_cubes(topology: str) -> bool:
    if topology in _SMALL_CUBES:
        return True
    sides = [int(side) if side.isdecimal() else 0 for side in topology.split("x")]
    fits = all(0 < side <= _LARGEST_SIDE and side % 4 == 0 for side in sides)
    return len(sides) == 3 and fits and sides == sorted(sides)
