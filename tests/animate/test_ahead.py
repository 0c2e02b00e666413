"""Frames that are made ahead of time: in order, no more than asked for, and nothing left running."""

import threading
import time

import pytest

from jaxanim.animate import ahead


def test_results_come_in_order():
    def slow_at_first(number):
        time.sleep(0.02 * (number % 3 == 0))
        return number * number

    assert list(ahead.mapped(slow_at_first, range(20), threads=3)) == [number * number for number in range(20)]
    assert list(ahead.mapped(slow_at_first, [])) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_two_at_once_and_few_ahead(threads):
    taken, working, most, lock = [], [], [], threading.Lock()

    def make(number):
        with lock:
            working.append(number)
            most.append(len(working))
        time.sleep(0.01)
        with lock:
            working.remove(number)
        return number

    for number in ahead.mapped(make, iter(lambda: taken.append(0) or len(taken), 13), threads=threads):
        assert len(taken) - number <= threads
    assert max(most) == threads


def test_errors_come_where_their_result_would():
    def fail(number):
        if number == 3:
            raise ValueError("three")
        return number

    found = []
    with pytest.raises(ValueError, match="three"):
        found.extend(ahead.mapped(fail, range(6)))
    results = ahead.mapped(fail, range(6))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_whoever_stops_early_leaves_nothing_behind():
    made = []
    results = ahead.mapped(made.append, range(100))
    next(results)
    results.close()
    count = len(made)
    assert count <= 1 + ahead.THREADS
    time.sleep(0.05)
    assert len(made) == count
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("frames")]


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads must be positive, got 0"):
        next(ahead.mapped(abs, [1], threads=0))
