"""What the devices of a compiled program exchange: the collectives in its text, with what they are made for.

A collective in a loop counts as often as the loop is said to run, one in a branch of a conditional counts in full: a
GAN's generator learns in some steps only, and those are the ones that have to fit.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from launch.aot import traffic

KINDS = ("all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter")
_START = re.compile(rf"({'|'.join(KINDS)})(-start)?")
_SIZES = re.compile(r"\b(?:pred|[a-z]+\d+\w*)\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Exchange:
    """One collective of a program.

    Attributes:
      kind: one of `KINDS`.
      times: how often it happens in a step.
      bytes: of the arrays that it leaves on a device, each time; without the padding of their tiles.
      sizes: shape of each of these arrays.
      source: what the program's author wrote there, as JAX names it.
    """

    kind: str
    times: int
    bytes: int
    sizes: tuple[tuple[int, ...], ...]
    source: str


def find(text: str) -> list[Exchange]:
    """Returns the collectives of an optimised module, `compiled.as_text()`; asynchronous ones count once."""
    program, entry = traffic.parse(text)
    return list(_of_computation(program, entry, 1, {}))


def count(exchanges: Iterable[Exchange]) -> dict[str, int]:
    """Returns how many collectives of each kind there are, of those that occur."""
    found = list(exchanges)
    counts = {kind: sum(each.times for each in found if each.kind == kind) for kind in KINDS}
    return {kind: number for kind, number in counts.items() if number}


def total_bytes(exchanges: Iterable[Exchange]) -> dict[str, int]:
    """Returns the bytes of each kind, of those that occur."""
    found = list(exchanges)
    totals = {kind: sum(each.times * each.bytes for each in found if each.kind == kind) for kind in KINDS}
    return {kind: number for kind, number in totals.items() if number}


def of_activations(exchanges: Iterable[Exchange], parameters: Iterable[Sequence[int]]) -> list[Exchange]:
    """Returns the collectives that move what a device computed of its part of the batch to other devices.

    All-reduces and reduce-scatters sum, as gradients and means of losses need it. What else moves must be a parameter
    that is split over devices, whole or in part.

    Args:
      exchanges: of a training step.
      parameters: shapes of the arrays that are split over devices, whole.
    """
    allowed = {_sorted_sizes(shape) for shape in parameters}
    moving = [each for each in exchanges if each.kind not in ("all-reduce", "reduce-scatter")]
    return [each for each in moving if not all(_sorted_sizes(shape) in allowed for shape in each.sizes)]


def _sorted_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """Returns what is left of a shape where the compiler adds axes of one and changes their order."""
    return tuple(sorted(size for size in shape if size != 1))


def _of_computation(program: traffic.Program, name: str, times: int, seen: dict[str, str]) -> Iterator[Exchange]:
    """Yields the collectives of a computation and of those it runs.

    An asynchronous one that the compiler has spread over several fusions stands in each of them: `seen` has the
    instruction of each channel, of which only the first counts.
    """
    for instruction in program[name]:
        if found := _START.fullmatch(instruction.opcode):
            place = f"{name}/{instruction.name}"
            channel = re.search(r"channel_id=(\d+)", instruction.attributes)
            if channel is None or seen.setdefault(channel[1], place) == place:
                yield _exchange(found[1], bool(found[2]), instruction, times)
        trips = traffic.trip_count(instruction) if instruction.opcode == "while" else 1
        fused = re.findall(r"\bcalls=%([\w.-]+)", instruction.attributes)
        for inner in (*traffic.called(instruction.attributes), *fused):
            yield from _of_computation(program, inner, times * trips, seen)


def _exchange(kind: str, asynchronous: bool, instruction: traffic.Instruction, times: int) -> Exchange:
    """Reads one collective. The start of an asynchronous one gives (operands, results) but for sums in place."""
    result = instruction.result
    if asynchronous and kind in ("all-gather", "collective-permute") and result.startswith("("):
        result = _second_half(result)
    shapes = tuple(tuple(int(size) for size in sizes.split(",") if size) for sizes in _SIZES.findall(result))
    source = re.search(r'op_name="([^"]*)"', instruction.attributes)
    return Exchange(kind, times, traffic.array_bytes(_without_layout(result)), shapes, source[1] if source else "")


def _without_layout(result: str) -> str:
    return re.sub(r"\{[^{}]*\}", "", result)


def _second_half(result: str) -> str:
    """Returns the results of '(operands, results, counters)': the arrays after as many as the operands are."""
    plain = _without_layout(result)
    arrays = re.findall(r"\b\w+\[[\d,]*\]", plain)
    arrays = [array for array in arrays if not re.fullmatch(r"[us]32\[\]", array)]
    return ", ".join(arrays[len(arrays) // 2 :])


def summary(counts: Mapping[str, int], sizes: Mapping[str, int]) -> str:
    """Returns counts and bytes in words, such as '12 all-reduce of 57.3 MB'."""
    parts = [f"{number} {kind} of {sizes.get(kind, 0) / 1e6:.1f} MB" for kind, number in counts.items()]
    return ", ".join(parts) or "none"
