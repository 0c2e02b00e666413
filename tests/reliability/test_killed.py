"""Real processes that are killed at bad moments, or asked to stop: the run goes on as if nothing had happened."""

import signal
import time

import pytest

from tests.reliability import processes

DAMAGED = [3, 50, 77]
STEPS = 14


@pytest.fixture(scope="module")
def straight(cache, tmp_path_factory):
    """A run that nothing happened to."""
    workdir = tmp_path_factory.mktemp("straight")
    assert processes.start(cache, workdir, steps=STEPS, damaged=DAMAGED).wait() == 0
    return workdir


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_bit_for_bit_as_one_that_was_not(cache, straight, tmp_path):
    accidents = (
        {"die_in_save": (4, "arrays")},
        {"die_in_save": (4, "listed")},
        {"die_in_save": (8, "manifest")},
        {"die_in_save": (12, "removal")},
        {"kill_at": 13},
    )
    for accident in accidents:
        run = processes.start(cache, tmp_path, steps=STEPS, damaged=DAMAGED, **accident)
        assert run.wait() == -signal.SIGKILL
        assert not (tmp_path / "result_0.json").exists()
    assert processes.saved(tmp_path) == ["00000008", "00000012"]
    assert processes.start(cache, tmp_path, steps=STEPS, damaged=DAMAGED).wait() == 0
    assert processes.result(tmp_path)["first"] == 12
    processes.check_same(straight, tmp_path)
    assert processes.saved(tmp_path) == ["00000012", "00000014"]  # nothing is left over
    assert processes.result(tmp_path)["corrupt"] == ["3", "50", "77"]  # counted over all restarts
    assert sorted(processes.order(tmp_path)) == list(range(STEPS))


@pytest.mark.slow
def test_two_processes_stop_at_one_step_and_another_number_goes_on(cache, tmp_path):
    forever = {"steps": 5000, "fsdp": 2, "pause": 0.02, "damaged": DAMAGED}
    assert processes.wait(processes.start_several(cache, tmp_path, 2, terminate_at=3, **forever)) == [0, 0]
    first, second = processes.result(tmp_path, 0), processes.result(tmp_path, 1)
    assert first == second
    assert first["devices"] == 4
    assert 3 < first["step"] < 5000
    steps = first["step"] + 4
    alone = processes.start_several(cache, tmp_path, 1, steps=steps, fsdp=2, damaged=DAMAGED)
    assert processes.wait(alone) == [0]
    last = processes.result(tmp_path)
    assert (last["first"], last["step"]) == (first["step"], steps)
    assert set(first["corrupt"]) <= set(last["corrupt"])  # of both processes


@pytest.mark.slow
def test_when_a_process_is_gone_the_other_one_ends_too(cache, tmp_path):
    pair = processes.start_several(cache, tmp_path, 2, steps=5000, fsdp=2, pause=0.02, silence=5)
    end = time.monotonic() + 100
    while not any(name.isdecimal() for name in processes.saved(tmp_path)) and time.monotonic() < end:
        time.sleep(0.05)
    pair[1].process.kill()
    assert pair[0].wait(40) != 0
    message = pair[0].text()
    assert "another process is gone" in message or "another task died" in message
    kept = max(name for name in processes.saved(tmp_path) if name.isdecimal())
    assert processes.wait(processes.start_several(cache, tmp_path, 1, steps=int(kept) + 1, fsdp=2)) == [0]
    assert processes.result(tmp_path)["first"] == int(kept)
