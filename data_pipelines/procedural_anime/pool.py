"""A pool of rendered training pairs that worker processes fill and keep renewing while a training reads it."""

import concurrent.futures

import numpy as np
from jaxtyping import Float, Int, UInt8

from data_pipelines import workers as processes
from data_pipelines.procedural_anime import poses
from data_pipelines.procedural_anime.character import Sample, render_pair
from data_pipelines.procedural_anime.design import CharacterDesign


def render_numbered(design: CharacterDesign, seed: int, number: int) -> Sample:
    """Renders the pair with a given number: a pure function of (seed, number)."""
    return render_pair(design, poses.random_pose(np.random.default_rng([seed, number])))


class PairPool:
    """Holds `size` pairs in arrays. Pair n of the stream replaces pair n - size.

    Attributes:
      pose, rest, posed, flow_px: the pairs, as in `Sample`, stacked; flow as float16.
      rendered: number of the pair that is taken next.
    """

    def __init__(self, design: CharacterDesign, *, size: int, seed: int, workers: int, first: int = 0):
        self.pose: Float[np.ndarray, "n 45"] = np.zeros((size, 45), np.float32)
        self.rest: UInt8[np.ndarray, "n 512 512 4"] = np.zeros((size, 512, 512, 4), np.uint8)
        self.posed: UInt8[np.ndarray, "n 512 512 4"] = np.zeros((size, 512, 512, 4), np.uint8)
        self.flow_px: Float[np.ndarray, "n 512 512 2"] = np.zeros((size, 512, 512, 2), np.float16)
        self.rendered, self._taken = first, 0
        self._design, self._seed, self._size = design, seed, size
        self._workers = processes.pool(workers)
        self._ahead = 2 * workers
        self._pending = [self._submit(first + n) for n in range(self._ahead)]

    def _submit(self, number: int) -> "concurrent.futures.Future[Sample]":
        return self._workers.submit(render_numbered, self._design, self._seed, number)

    def take(self, count: int) -> None:
        """Waits for the next `count` pairs of the stream and stores them."""
        for _ in range(count):
            sample = self._pending.pop(0).result()
            self._pending.append(self._submit(self.rendered + self._ahead))
            slot = self.rendered % self._size
            self.pose[slot], self.rest[slot], self.posed[slot] = sample.pose, sample.rest, sample.posed
            self.flow_px[slot] = sample.flow_px
            self.rendered += 1
            self._taken += 1

    def choose(self, rng: np.random.Generator, count: int) -> Int[np.ndarray, " n"]:
        """Draws which pairs to train on, of those that were taken."""
        held = min(self._taken, self._size)
        return (self.rendered - held + rng.integers(0, held, count)) % self._size

    def close(self) -> None:
        """Ends the workers."""
        self._workers.shutdown(wait=False, cancel_futures=True)
