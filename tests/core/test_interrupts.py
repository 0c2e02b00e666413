"""Ctrl-C waits for the end of a block, comes through where it is allowed, and leaves the handler as it was."""

import contextlib
import signal
import threading

import pytest

from jaxanim.core import interrupts

pytestmark = pytest.mark.usefixtures("ctrl_c")


def test_it_waits_for_the_end():
    done = []

    def work():
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("first")
            signal.raise_signal(signal.SIGINT)
            done.append("second")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["first", "second"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_blocks_nest():
    done = []

    def work():
        with interrupts.deferred():
            with interrupts.deferred():
                signal.raise_signal(signal.SIGINT)
            done.append("after the inner one")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_it_comes_through_where_it_is_allowed():
    caught = []
    with interrupts.deferred() as allowed:
        with contextlib.suppress(KeyboardInterrupt), allowed():
            signal.raise_signal(signal.SIGINT)
            caught.append("not at once")
        assert not caught


def test_what_was_held_comes_through_first_where_it_is_allowed():
    reached = []

    def work():
        with interrupts.deferred() as allowed:
            signal.raise_signal(signal.SIGINT)
            with allowed():
                reached.append("came through late")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not reached


def test_an_error_goes_before():
    def work():
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("by itself")

    with pytest.raises(ValueError, match="by itself"):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.deferred() as allowed, allowed():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_go_on():
    failed = []

    def work():
        try:
            with interrupts.deferred() as allowed, allowed():
                pass
        except ValueError as error:  # signals are for the main thread only
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
