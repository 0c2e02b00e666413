"""Candidates take turns, and what each spends is told apart."""

import time

import pytest

from benchmarks import timing


def test_candidates_take_turns():
    ran = []
    seconds = timing.interleaved({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=2)
    assert ran == ["a", "b"] * 3  # once to warm up
    assert [len(each) for each in seconds.values()] == [2, 2]


def test_waiting_takes_no_processor():
    spent = timing.measured({"wait": lambda: time.sleep(0.05)}, rounds=3)["wait"]
    assert min(spent.wall) >= 0.05
    assert min(spent.processor) < 0.02


def test_the_median_in_milliseconds_per_frame():
    assert timing.milliseconds([0.1, 0.3, 0.2], frames=4) == pytest.approx(50.0)
