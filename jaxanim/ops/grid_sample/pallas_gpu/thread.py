"""What one GPU thread does in the fused backward pass: both gradients of one position, for four channels.

It is written for a `Machine`, of which there are two: the compiler of `mosaic`, and numpy in the tests, because Mosaic
has no interpreter for code of single threads.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

VECTOR = 4  # channels of a thread
THREADS = 128  # of a block
Value = Any  # a number that the machine knows


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of an image (n, h, w, c) and its output; c is a multiple of 4."""

    height: int
    width: int
    channels: int
    points: int
    points_per_image: int

    @property
    def threads(self) -> int:
        """How many threads have something to do."""
        return self.points * (self.channels // VECTOR)

    @property
    def blocks(self) -> int:
        """How many blocks of threads that takes."""
        return -(-self.threads // THREADS)


@runtime_checkable
class Machine(Protocol):
    """The instructions. Integers and numbers (float32) do not mix; arrays go by name, offsets count numbers."""

    def thread(self) -> Value:
        """Returns the number of this thread, an integer."""

    def integer(self, value: int) -> Value:
        """Returns a constant."""

    def number(self, value: float) -> Value:
        """Returns a constant."""

    def add(self, a: Value, b: Value) -> Value:
        """Returns a + b."""

    def subtract(self, a: Value, b: Value) -> Value:
        """Returns a - b."""

    def multiply(self, a: Value, b: Value) -> Value:
        """Returns a * b, or a vector times a number."""

    def divide(self, a: Value, b: int) -> tuple[Value, Value]:
        """Returns quotient and remainder of an integer that is not negative."""

    def floor(self, a: Value) -> Value:
        """Returns the whole number below."""

    def to_integer(self, a: Value) -> Value:
        """Returns a whole number as an integer."""

    def at_least(self, a: Value, b: Value) -> Value:
        """Returns whether a >= b; not so if one is NaN."""

    def less(self, a: Value, b: Value) -> Value:
        """Returns whether a < b, of integers."""

    def both(self, a: Value, b: Value) -> Value:
        """Returns a and b."""

    def load(self, array: str, offset: Value) -> Value:
        """Returns a number."""

    def load_vector(self, array: str, offset: Value) -> Value:
        """Returns four numbers that lie together."""

    def dot(self, a: Value, b: Value) -> Value:
        """Returns the sum of the products of two vectors."""

    def add_vector_to(self, array: str, offset: Value, vector: Value) -> None:
        """Adds four numbers to an array that other threads add to."""

    def add_pair_to(self, array: str, offset: Value, first: Value, second: Value) -> None:
        """Adds two numbers to an array that other threads add to."""

    def when(self, condition: Value, then: Callable[[], Value | None]) -> Value:
        """Runs `then` where the condition holds; returns the number that it returns, 0 elsewhere."""


def pull(machine: Machine, sizes: Sizes) -> None:
    """Adds to 'image_gradient' and 'position_gradient' from 'image', 'position' and 'cotangent', all float32."""
    m, thread = machine, machine.thread()

    def work() -> None:
        point, group = m.divide(thread, sizes.channels // VECTOR)
        channel = m.multiply(group, m.integer(VECTOR))
        place = m.multiply(point, m.integer(2))
        x, y = m.load("position", place), m.load("position", m.add(place, m.integer(1)))
        low = m.number(-2.0)  # resolved positions are not below, but may be NaN
        known = m.both(m.at_least(x, low), m.at_least(y, low))
        m.when(known, lambda: _pull_known(m, sizes, point, channel, (x, y)))

    m.when(m.less(thread, m.integer(sizes.threads)), work)


def _pull_known(m: Machine, sizes: Sizes, point: Value, channel: Value, position: tuple[Value, Value]) -> None:
    image, _ = m.divide(point, sizes.points_per_image)
    first = m.multiply(image, m.integer(sizes.height * sizes.width))
    channels = m.integer(sizes.channels)
    cotangent = m.load_vector("cotangent", m.add(m.multiply(point, channels), channel))
    left, top = (m.floor(along) for along in position)
    after = m.subtract(position[0], left), m.subtract(position[1], top)
    before = m.subtract(m.number(1.0), after[0]), m.subtract(m.number(1.0), after[1])
    corner = m.to_integer(left), m.to_integer(top)

    def pull_corner(right: int, down: int) -> Value:
        column, row = m.add(corner[0], m.integer(right)), m.add(corner[1], m.integer(down))
        weight = m.multiply((after if right else before)[0], (after if down else before)[1])
        inside = m.both(_is_within(m, column, sizes.width), _is_within(m, row, sizes.height))

        def inside_work() -> Value:
            pixel = m.add(first, m.add(m.multiply(row, m.integer(sizes.width)), column))
            offset = m.add(m.multiply(pixel, channels), channel)
            m.add_vector_to("image_gradient", offset, m.multiply(cotangent, weight))
            return m.dot(m.load_vector("image", offset), cotangent)

        return m.when(inside, inside_work)

    a, b, c, d = pull_corner(0, 0), pull_corner(1, 0), pull_corner(0, 1), pull_corner(1, 1)

    def mix(one: Value, other: Value, axis: int) -> Value:
        return m.add(m.multiply(one, before[axis]), m.multiply(other, after[axis]))

    along_x = mix(m.subtract(b, a), m.subtract(d, c), 1)
    along_y = mix(m.subtract(c, a), m.subtract(d, b), 0)
    m.add_pair_to("position_gradient", m.multiply(point, m.integer(2)), along_x, along_y)


def _is_within(m: Machine, index: Value, size: int) -> Value:
    return m.both(m.less(m.integer(-1), index), m.less(index, m.integer(size)))
