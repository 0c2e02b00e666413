"""Real processes that meet with accidents or are asked to stop: the run goes on as if nothing had happened.

`python -m benchmarks.reliability` is the long form: more kills, every file damaged, more numbers of processes.
"""

import signal
import time

import pytest

from tests.reliability import processes

DAMAGED = [3, 50, 77]  # records
STEPS = 14
KILLED = -signal.SIGKILL
# In order: each run goes on from where the one before it was, and ends with a code and something it says.
ACCIDENTS = (
    ({"die_in_save": (4, "arrays")}, KILLED, ""),
    ({"die_in_save": (4, "listed")}, KILLED, ""),
    ({"die_in_save": (8, "manifest")}, KILLED, ""),
    ({"full_at": 8}, 2, "00000008 could not be written, those before it stay: OUT_OF_RANGE"),
    ({"die_in_save": (12, "removal")}, KILLED, ""),
    ({"unreadable_at": 13}, 1, "Input/output error\nthe last checkpoint is that of step 13"),
    ({"end_at": 13}, 2, "the data ended before step 14; the last checkpoint is that of step 13"),
)


@pytest.mark.slow
def test_a_run_of_many_accidents_ends_bit_for_bit_as_one_without(cache, tmp_path):
    straight, unlucky = tmp_path / "straight", tmp_path / "unlucky"
    assert processes.start(cache, straight, steps=STEPS, damaged=DAMAGED).wait() == 0
    for accident, code, message in ACCIDENTS:
        run = processes.start(cache, unlucky, steps=STEPS, damaged=DAMAGED, **accident)
        assert (run.wait(), accident) == (code, accident)
        assert message in run.text()
        assert not (unlucky / "result_0.json").exists()
    assert processes.saved(unlucky) == ["00000012", "00000013"]  # what was half written or half removed is gone
    assert processes.start(cache, unlucky, steps=STEPS, damaged=DAMAGED).wait() == 0
    assert processes.result(unlucky)["first"] == 13
    processes.check_same(straight, unlucky)
    assert processes.result(unlucky)["corrupt"] == ["3", "50", "77"]  # counted over all restarts
    assert sorted(processes.order(unlucky)) == list(range(STEPS))


def kept(workdir):
    return max((int(name) for name in processes.saved(workdir) if name.isdecimal()), default=0)


@pytest.mark.slow
def test_one_of_two_processes_dies_or_is_asked_to_stop(cache, tmp_path):
    forever = {"steps": 5000, "fsdp": 2, "pause": 0.02, "damaged": DAMAGED}
    pair = processes.start_several(cache, tmp_path, 2, silence=5, **forever)
    end = time.monotonic() + 100
    while not kept(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    pair[1].process.kill()
    assert pair[0].wait(40) not in (0, KILLED)  # it ends by itself
    assert "another process is gone" in pair[0].text() or "another task died" in pair[0].text()
    before = kept(tmp_path)

    pair = processes.start_several(cache, tmp_path, 2, terminate_at=before + 3, **forever)
    assert processes.wait(pair) == [0, 0]
    first, second = processes.result(tmp_path, 0), processes.result(tmp_path, 1)
    assert first == second
    assert (first["first"], first["devices"]) == (before, 4)
    assert before + 3 < first["step"] == kept(tmp_path) < 5000

    steps = first["step"] + 4
    alone = processes.start_several(cache, tmp_path, 1, steps=steps, fsdp=2, damaged=DAMAGED)
    assert processes.wait(alone) == [0]
    last = processes.result(tmp_path)
    assert (last["first"], last["step"]) == (first["step"], steps)
    assert last["corrupt"] == ["3", "50", "77"]  # those that either process has met
    assert sorted(processes.order(tmp_path)) == list(range(steps))
