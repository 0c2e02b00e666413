"""The batch script of SLURM: what it starts, when it puts itself back into the queue, and when it does not."""

import pytest

from tests.launch.stubs import Stubs, refused

SCRIPT = "launch/slurm/train.sbatch"
JOB = {"SLURM_JOB_ID": "17", "SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "2"}


@pytest.fixture
def slurm(tmp_path):
    return Stubs(tmp_path, ["srun", "scontrol"])


def run(slurm, *arguments, **environment):
    workdir = slurm.folder / "run"
    workdir.mkdir(exist_ok=True)
    given = arguments or ("--config", "configs/atw/small.py", f"--workdir={workdir}", "--config.note=two words")
    return slurm.run(SCRIPT, *given, **{**JOB, **environment})


def test_it_starts_the_training_on_every_task_and_ends_when_that_is_finished(slurm):
    slurm.answer(srun=[{"touch": str(slurm.folder / "run" / "finished.json")}])
    done = run(slurm, PYTHON="python3.11")
    assert done.returncode == 0, done.stderr
    (call,) = slurm.calls()
    workdir = f"--workdir={slurm.folder / 'run'}"
    flags = ["--config", "configs/atw/small.py", workdir, "--config.note=two words"]
    start = call.index("python3.11")
    assert call[start:] == ["python3.11", "-m", "launch.train", "--cluster", *flags]
    assert call[:start] == ["srun", "--kill-on-bad-exit=1", "--label", "--unbuffered"]
    assert "4 processes on 2 nodes" in done.stdout


def test_stopped_before_the_end_it_goes_back_into_the_queue(slurm):
    done = run(slurm)
    assert done.returncode == 0
    assert slurm.calls("scontrol") == [["scontrol", "requeue", "17"]]


@pytest.mark.parametrize("code", [75, 134, 137])
def test_where_a_process_was_gone_it_goes_back_into_the_queue(slurm, code):
    slurm.answer(srun=[{"code": code}])
    assert run(slurm).returncode == 0
    assert slurm.calls("scontrol") == [["scontrol", "requeue", "17"]]


@pytest.mark.parametrize("code", [134, 137])
def test_killed_again_and_again_it_gives_up(slurm, code):
    """Three starts in a row that save nothing; one that saves begins the count anew."""
    slurm.answer(srun=[{"code": code}])
    checkpoints = slurm.folder / "run" / "checkpoints"
    codes = []
    for start in range(5):
        if start == 1:
            slurm.answer(srun=[{"code": code, "mkdir": str(checkpoints / "00000010")}])
        if start == 2:
            slurm.answer(srun=[{"code": code}])
        codes.append(run(slurm, SLURM_RESTART_COUNT=str(start)).returncode)
    assert codes == [0, 0, 0, 0, code]
    assert len(slurm.calls("scontrol")) == 4


def test_a_process_that_is_alone_and_killed_is_not_started_again(slurm):
    slurm.answer(srun=[{"code": 137}])
    assert run(slurm, SLURM_NTASKS="1", SLURM_JOB_NUM_NODES="1").returncode == 137
    assert not slurm.calls("scontrol")


@pytest.mark.parametrize(("note", "expected"), [("2\n", 2), ("3\n", 3), ("", 1)], ids=["2", "3", "full disk"])
def test_what_a_process_that_failed_by_itself_has_left_counts(slurm, note, expected):
    path = str(slurm.folder / "run" / ".failed-17")
    slurm.answer(srun=[{"code": 137, "write": [path, note]}])
    done = run(slurm)
    assert done.returncode == expected
    assert f"exit code {expected}: not put back" in done.stderr
    assert not slurm.calls("scontrol")
    slurm.answer(srun=[{"code": 75}])  # the note was that of the start before
    assert run(slurm).returncode == 0
    slurm.answer(srun=[{"code": 0, "write": [path, "2\n"]}])  # of a process that did not belong to the run
    assert run(slurm).returncode == 0
    assert len(slurm.calls("scontrol")) == 2


@pytest.mark.parametrize("code", [1, 2, 3, 143])
def test_after_an_error_it_does_not(slurm, code):
    slurm.answer(srun=[{"code": code}])
    done = run(slurm)
    assert done.returncode == code
    assert not slurm.calls("scontrol")
    assert f"exit code {code}: not put back" in done.stderr


def test_cancelled_it_does_not(slurm):
    slurm.answer(srun=[{"terminate": True}])
    done = run(slurm)
    assert done.returncode == 0
    assert not slurm.calls("scontrol")
    assert "cancelled" in done.stderr


def test_it_gives_up_after_so_many_times(slurm):
    assert run(slurm, SLURM_RESTART_COUNT="2", MAX_REQUEUES="3").returncode == 0
    done = run(slurm, SLURM_RESTART_COUNT="3", MAX_REQUEUES="3")
    assert done.returncode == 1
    assert "not finished after 3 requeues" in done.stderr
    assert len(slurm.calls("scontrol")) == 1


def test_a_requeue_that_is_refused_is_said(slurm):
    slurm.answer(scontrol=[{"code": 1}])
    done = run(slurm)
    assert done.returncode == 1
    assert "submit the job again" in done.stderr


@pytest.mark.parametrize(("tasks", "gpus", "expected"), [("2", "4", "0,1,2,3"), ("8", "4", ""), ("2", "1", "")])
def test_one_process_on_a_node_takes_all_its_gpus(slurm, tasks, gpus, expected):
    (slurm.bin / "srun").write_text('#!/bin/sh\necho "gpus=$JAX_LOCAL_DEVICE_IDS cpus=$SRUN_CPUS_PER_TASK"\n')
    done = run(slurm, SLURM_NTASKS=tasks, SLURM_GPUS_ON_NODE=gpus, SLURM_CPUS_PER_TASK="6")
    assert f"gpus={expected} cpus=6\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--workdir", "x"], {}, "--config FILE is missing"),
        (["--config=x"], {}, "--workdir DIR is missing"),
        (["--config=x", "--workdir"], {}, "--workdir DIR is missing"),
        (["--config=x", "--workdir=y"], {"SLURM_JOB_ID": ""}, "submit it with sbatch"),
        (["--config=x", "--workdir=y"], {"MAX_REQUEUES": "often"}, "MAX_REQUEUES=often is not a number"),
        (["--config=x", "--workdir=y"], {"SLURM_NTASKS": "3"}, "3 processes do not spread evenly over 2 nodes"),
        (["--config=x", "--workdir=y"], {"SLURM_GPUS_ON_NODE": "8"}, "2 processes on each node, but 8 GPUs"),
    ],
    ids=str,
)
def test_bad_parameters_are_refused(slurm, arguments, environment, said):
    assert refused(run(slurm, *arguments, **environment), said)
    assert not slurm.calls()
