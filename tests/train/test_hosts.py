"""What one process does alone, and how a process ends when there are others."""

import logging
import os
import sys

import jax
import pytest

from jaxanim.core.errors import InputError
from jaxanim.train import hosts


class LeftError(Exception):
    """In place of the end of this process."""


@pytest.fixture
def two_processes(monkeypatch):
    def leave(code):
        raise LeftError(code)

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(logging, "shutdown", lambda: None)  # the suite goes on
    monkeypatch.setattr(jax, "process_count", lambda: 2)


def test_one_process_needs_nobody():
    hosts.meet("here")
    assert hosts.all_here("here")
    assert hosts.agreed(7) == 7
    assert hosts.gathered({3: "broken"}) == [{"3": "broken"}]


@pytest.mark.parametrize("error", [InputError("wrong"), KeyError("bug"), SystemExit(3)])
def test_one_process_passes_errors_on(error):
    with pytest.raises(type(error)), hosts.end_together():
        raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("wrong"), 2),
        (KeyError("bug"), 1),
        (SystemExit(3), 3),
        (SystemExit("said"), 1),
        (hosts.HostLostError("process 1 is gone"), hosts.START_AGAIN),
        (jax.errors.JaxRuntimeError("connection reset"), hosts.START_AGAIN),
        (jax.errors.JaxRuntimeError("INVALID_ARGUMENT: Gloo allreduce: connection closed"), hosts.START_AGAIN),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes"), 1),
    ],
)
def test_one_of_two_ends_at_once(two_processes, tmp_path, capsys, error, code):
    note = tmp_path / "failed"
    with pytest.raises(LeftError) as left, hosts.end_together(note):
        raise error
    assert left.value.args == (code,)
    assert note.exists() == (code != hosts.START_AGAIN)
    assert not note.exists() or note.read_text() == f"{code}\n"
    assert "process 0 of 2" in capsys.readouterr().err


def test_a_lost_host_behind_another_error_counts(two_processes):
    error = RuntimeError("metrics could not be fetched")
    error.__cause__ = hosts.HostLostError("gone")
    with pytest.raises(LeftError) as left, hosts.end_together():
        raise error
    assert left.value.args == (hosts.START_AGAIN,)


@pytest.mark.parametrize("code", [0, None])
def test_the_end_of_a_program_is_not_a_failure(two_processes, code):
    with pytest.raises(SystemExit), hosts.end_together():
        sys.exit(code)
