"""The pool of pairs: each a pure function of seed and number, taken in order, the oldest replaced."""

import concurrent.futures
import multiprocessing
import time

import numpy as np
import pytest

from data_pipelines.procedural_anime import HOUSE_CHARACTER, character, pool, poses
from tests.data_pipelines.procedural_anime.inline_executor import InlineExecutor


def numbered(design, seed, number):
    """Returns a pair whose values tell its seed and number."""
    del design
    picture = np.full((512, 512, 4), number, np.uint8)
    flow = np.full((512, 512, 2), number + 0.5, np.float32)
    return character.Sample(np.full(45, seed, np.float32), picture, picture + 100, flow, flow[..., 0] > 0)


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", InlineExecutor)
    monkeypatch.setattr(pool, "render_numbered", numbered)
    return lambda **options: pool.PairPool(HOUSE_CHARACTER, **({"size": 3, "seed": 5, "workers": 1} | options))


def held(pairs):
    return pairs.rest[:, 0, 0, 0].tolist()


def test_pairs_are_functions_of_seed_and_number():
    first = pool.render_numbered(HOUSE_CHARACTER, 3, 14)
    again = pool.render_numbered(HOUSE_CHARACTER, 3, 14)
    np.testing.assert_array_equal(first.pose, poses.random_pose(np.random.default_rng([3, 14])))
    np.testing.assert_array_equal(first.posed, again.posed)
    np.testing.assert_array_equal(first.flow_px, again.flow_px)
    assert (pool.render_numbered(HOUSE_CHARACTER, 4, 14).pose != first.pose).any()


def test_pairs_are_taken_in_order(make):
    pairs = make()
    assert pairs.rendered == 0
    pairs.take(2)
    assert (pairs.rendered, held(pairs)) == (2, [0, 1, 0])  # the third place is still empty
    assert pairs.posed[1, 0, 0, 0] == 101
    assert pairs.flow_px[1, 0, 0].tolist() == [1.5, 1.5]
    assert (pairs.pose[:2] == 5).all()


def test_new_pairs_replace_the_oldest(make):
    pairs = make()
    pairs.take(3)
    pairs.take(1)
    assert held(pairs) == [3, 1, 2]
    pairs.take(4)
    assert (pairs.rendered, held(pairs)) == (8, [6, 7, 5])


def test_continuing_gives_the_same_pairs_in_the_same_places(make):
    """A pool that starts at pair 4 holds what one that came there holds."""
    old, new = make(), make(first=4)
    old.take(7)
    new.take(3)
    assert (new.rendered, held(new)) == (old.rendered, held(old))


@pytest.mark.parametrize("workers", [1, 3])
def test_two_pairs_per_worker_are_rendered_ahead(make, workers):
    pairs = make(workers=workers)
    assert pairs._workers.submitted == list(range(2 * workers))
    pairs.take(1)
    assert pairs._workers.submitted == list(range(2 * workers + 1))


def test_choose_draws_from_what_is_there(make):
    pairs = make(size=10)
    pairs.take(2)
    assert set(pairs.choose(np.random.default_rng(0), 50)) == {0, 1}
    pairs.take(10)
    chosen = pairs.choose(np.random.default_rng(0), 200)
    assert set(chosen) == set(range(10))
    np.testing.assert_array_equal(chosen, pairs.choose(np.random.default_rng(0), 200))


def test_close_ends_the_workers(make):
    pairs = make()
    pairs.close()
    assert pairs._workers.ended


def test_real_workers_render_and_end():
    """One spawned process renders the pairs that the function renders here; after `close` it is gone."""
    before = set(multiprocessing.active_children())
    pairs = pool.PairPool(HOUSE_CHARACTER, size=1, seed=2, workers=1)
    try:
        pairs.take(1)
        want = pool.render_numbered(HOUSE_CHARACTER, 2, 0)
        np.testing.assert_array_equal(pairs.posed[0], want.posed)
        np.testing.assert_array_equal(pairs.rest[0], want.rest)
        np.testing.assert_array_equal(pairs.flow_px[0], want.flow_px.astype(np.float16))
    finally:
        pairs.close()
    deadline = time.monotonic() + 20
    while set(multiprocessing.active_children()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(multiprocessing.active_children()) - before
