"""Counts what a compiled TPU program moves to and from the chip's main memory, from the program's text.

XLA's own count takes the dearer branch of every conditional, for the warp the fallback that smooth flows never need,
and knows nothing of padding. Here the branches with kernels count, arrays have the size of their tiles, and arrays in
the vector memory are free. Every instruction reads its operands and writes its result once: a kernel that reads
overlapping windows moves more, a fusion that reads a slice less. A loop counts as often as it is said to run, and once
where that is not said: the parts of the warp's lists, which together write every block once, are such loops.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

KERNEL = 'custom_call_target="tpu_custom_call"'
_ARRAY = re.compile(r"\b(pred|[a-z]+\d+)\w*\[([\d,]*)\](?:\{([^{}]*)\})?")
_ELSEWHERE = re.compile(r"S\([1-9]\d*\)")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%([\w.-]+) = (.*)")
_HEADER = re.compile(r"(?:ENTRY )?%([\w.-]+) \(.*\{")
_NOTHING_MOVES = {
    "after-all", "bitcast", "constant", "get-tuple-element", "parameter", "partition-id", "replica-id", "tuple",
}  # fmt: skip
_COMPILER_HINTS = ("AllocateBuffer", "AssumeGatherIndicesInBound")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction: its name, the type of its result, and the rest of its line in parts."""

    name: str
    result: str  # its type
    opcode: str
    operands: tuple[str, ...]
    attributes: str


Program = Mapping[str, Sequence[Instruction]]


def main_memory_bytes(text: str) -> float:
    """Returns the bytes that an optimised HLO module moves, as the text of `compiled.as_text()`."""
    program, entry = parse(text)
    return _computation(program, entry)


def array_bytes(array: str) -> int:
    """Returns what arrays of a type, or of a tuple of types, take of the main memory, such as 'f32[8,3]{1,0:T(8,128)}'.

    Arrays in other memories, 'S(1)' in the layout, take nothing.
    """
    total = 0
    for kind, sizes, layout in _ARRAY.findall(array):
        if _ELSEWHERE.search(layout):
            continue
        shape = [int(size) for size in sizes.split(",") if size]
        order, _, tiling = layout.partition(":")
        tile = re.search(r"T\(([\d,]+)\)", tiling)
        minor_first = [int(axis) for axis in order.split(",") if axis]
        if tile:
            for axis, size in zip(minor_first, reversed(tile[1].split(",")), strict=False):
                shape[axis] = -(-shape[axis] // int(size)) * int(size)
        bits = 8 if kind == "pred" else int(re.sub(r"\D", "", kind))
        total += math.prod(shape) * bits // 8
    return total


def parse(text: str) -> tuple[Program, str]:
    """Returns the instructions of every computation, and the name of the entry."""
    program: dict[str, list[Instruction]] = {}
    current, entry = "", ""
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = header[1]
            program[current] = []
            entry = current if line.startswith("ENTRY") else entry
        elif current and (found := _INSTRUCTION.match(line)):
            program[current].append(_instruction(found[1], found[2]))
    return program, entry


def _instruction(name: str, text: str) -> Instruction:
    """Reads 'TYPE opcode(operands), attributes'."""
    end = _closing(text, 0) if text.startswith("(") else text.index(" ")
    opening = text.index("(", end + 1)
    closing = _closing(text, opening)
    operands = re.findall(r"%([\w.-]+)", text[opening : closing + 1])
    return Instruction(name, text[: end + 1], text[end + 1 : opening].strip(), tuple(operands), text[closing + 1 :])


def _closing(text: str, opening: int) -> int:
    """Returns where the parenthesis at `opening` closes."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place
    raise ValueError(f"a parenthesis does not close: {text[:80]}")


def _computation(program: Program, name: str) -> float:
    types = {instruction.name: instruction.result for instruction in program[name]}
    return sum(_moved(program, types, instruction) for instruction in program[name])


def _moved(program: Program, types: Mapping[str, str], instruction: Instruction) -> float:
    """Returns the bytes that one instruction moves, those of the computations it runs included."""
    opcode, attributes = instruction.opcode, instruction.attributes
    if opcode in _NOTHING_MOVES or any(f'"{hint}"' in attributes for hint in _COMPILER_HINTS):
        return 0.0
    if opcode == "slice-done":  # a part of an array comes into the vector memory, or goes from there
        return float(array_bytes(_ELSEWHERE.sub("", instruction.result)))
    if opcode == "slice-start" or opcode.endswith("-done"):
        return 0.0
    inner = called(attributes)
    if opcode == "conditional":
        branches = sorted(inner, key=lambda branch: _computation(program, branch))
        return _computation(
            program, next((branch for branch in branches if _has_kernel(program, branch)), branches[-1])
        )
    if opcode == "while":
        return trip_count(instruction) * sum(_computation(program, one) for one in inner)
    if opcode == "call":
        return sum(_computation(program, one) for one in inner)
    aliased = {int(number) for number in re.findall(r"\((\d+), \{\}", _value(attributes, "output_to_operand_aliasing"))}
    read = [types.get(name, "") for number, name in enumerate(instruction.operands) if number not in aliased]
    if opcode == "copy-start":  # its result names target and source
        return float(array_bytes(instruction.result))
    return float(sum(map(array_bytes, read)) + array_bytes(instruction.result))


def trip_count(loop: Instruction) -> int:
    """Returns how often a loop runs, as the program says; 1 where it does not say."""
    trips = re.search(r'"known_trip_count":\{"n":"(\d+)"', loop.attributes)
    return int(trips[1]) if trips else 1


def called(attributes: str) -> list[str]:
    """Returns the computations that an instruction names, but for those that run inside one kernel."""
    names = [
        _value(attributes, "branch_computations"),
        *re.findall(r"(?:body|to_apply|_computation)=(%[\w.-]+)", attributes),
    ]
    return re.findall(r"%([\w.-]+)", " ".join(names))


def _value(attributes: str, name: str) -> str:
    """Returns the part of the attributes that an attribute in braces takes, '' where it is not there."""
    found = re.search(rf"\b{name}=(\{{.*?\}})(?:, \w+=|$)", attributes)
    return found[1] if found else ""


def _has_kernel(program: Program, name: str) -> bool:
    """Returns whether a computation, or one that it runs, calls a kernel."""
    return any(
        KERNEL in instruction.attributes
        or (instruction.opcode != "fusion" and any(_has_kernel(program, one) for one in called(instruction.attributes)))
        for instruction in program[name]
    )
