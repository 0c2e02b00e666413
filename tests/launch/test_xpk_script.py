"""The wrapper of xpk: what it asks for, and what it refuses."""

import shlex

import pytest

from tests.launch.stubs import Stubs, refused

SCRIPT = "launch/gke/xpk.sh"
NEEDED = ["--cluster", "pods", "--workload", "atw", "--tpu_type", "v5litepod-256", "--image", "a/b:c"]
FLAGS = ["--config", "configs/atw/small.py", "--workdir=/training/atw", "--config.note=two words; exit"]


@pytest.fixture
def xpk(tmp_path):
    return Stubs(tmp_path, ["xpk"])


def options(call):
    """The options of a call of xpk, which all have a value."""
    assert call[:4] == ["xpk", "workload", "create", "--cluster"]
    return dict(zip(call[3::2], call[4::2], strict=True))


def test_it_submits_the_training(xpk):
    more = ["--slices", "2", "--storage", "disk", "--zone", "us-east5-b", "--project", "p", "--max_restarts", "7"]
    assert xpk.run(SCRIPT, *NEEDED, *more, "--", *FLAGS).returncode == 0
    (call,) = xpk.calls()
    given = options(call)
    command = shlex.split(given.pop("--command"))
    assert command == ["python", "-m", "launch.preemptible", "--", "-m", "launch.train", "--cluster", *FLAGS]
    assert given == {
        "--cluster": "pods",
        "--workload": "atw",
        "--tpu-type": "v5litepod-256",
        "--num-slices": "2",
        "--docker-image": "a/b:c",
        "--max-restarts": "7",
        "--restart-on-exit-codes": "75",
        "--termination-grace-period-seconds": "180",
        "--storage": "disk",
        "--zone": "us-east5-b",
        "--project": "p",
    }


def test_a_failure_of_xpk_is_passed_on_and_a_dry_run_is_one(xpk):
    xpk.answer(xpk=[{"code": 3}])
    assert xpk.run(SCRIPT, *NEEDED, "--dry_run", "--", *FLAGS).returncode == 3
    assert xpk.calls("--dry-run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*NEEDED, "--pods", "3", "--", *FLAGS], "unknown option --pods"),
        ([*NEEDED, *FLAGS], "unknown option --config"),
        ([*NEEDED, "--slices", "--", *FLAGS], "--slices needs a value"),
        ([*NEEDED, "--slices", "0", "--", *FLAGS], "--slices 0 is not a number from 1 on"),
        ([*NEEDED, "--max_restarts", "x", "--", *FLAGS], "--max_restarts x is not a number"),
        ([*NEEDED, "--grace", "x", "--", *FLAGS], "--grace x is not a number"),
        ([*NEEDED, "--workload", "A_W", "--", *FLAGS], "--workload A_W: up to 40"),
        (NEEDED, "after --"),
        ([*NEEDED, "--", "--config=x"], "--config and --workdir are needed"),
        ([*NEEDED[2:], "--", *FLAGS], "--cluster, --workload, --tpu_type and --image are all needed"),
    ],
    ids=str,
)
def test_bad_options_are_refused(xpk, arguments, said):
    assert refused(xpk.run(SCRIPT, *arguments), said)
    assert not xpk.calls()


def test_a_missing_xpk_is_said(tmp_path):
    done = Stubs(tmp_path, []).run(SCRIPT, *NEEDED, "--", *FLAGS, path="/nowhere")
    assert refused(done, "pip install xpk")
