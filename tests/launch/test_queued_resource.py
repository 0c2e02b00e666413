"""The script for TPU VMs: it asks, waits, installs, trains, asks again after a preemption, and always deletes."""

import signal
import subprocess
import sys

import pytest

from tests.launch.stubs import BASH, Stubs, refused

SCRIPT = "launch/tpu_vm/queued_resource.sh"
NEEDED = ["--name", "atw", "--zone", "z", "--type", "v6e-64", "--runtime", "r", "--repository", "https://x/y"]
FLAGS = ["--config", "configs/atw/small.py", "--workdir", "/training/atw", "--config.note=two words"]
MISSING = {"code": 1, "error": "ERROR: NOT_FOUND: Resource 'atw' was not found"}
ACTIVE = {"output": "ACTIVE"}


@pytest.fixture
def gcloud(tmp_path):
    return Stubs(tmp_path, ["gcloud"])


def run(gcloud, *options):
    return gcloud.run(SCRIPT, *NEEDED, "--poll", "0", *options, "--", *FLAGS)


def verbs(gcloud):
    """What was asked for, one word each, without the looks at the state."""
    known = ("create", "delete", "ssh")
    return [next(word for word in known if word in call) for call in gcloud.calls() if "describe" not in call]


def states(*names):
    return [MISSING if name == "MISSING" else {"output": name} for name in names]


def test_it_asks_waits_installs_trains_and_deletes(gcloud):
    gcloud.answer(describe=states("MISSING", "CREATING", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"))
    done = run(gcloud, "--spot", "--project", "p", "--setup", "mount /training")
    assert done.returncode == 0, done.stderr
    assert verbs(gcloud) == ["create", "ssh", "ssh", "delete"]
    assert len(gcloud.calls("describe")) == 6
    (created,) = gcloud.calls("create")
    assert created[:6] == ["gcloud", "compute", "tpus", "queued-resources", "create", "atw"]
    what = ["--node-id=atw", "--accelerator-type=v6e-64", "--runtime-version=r", "--spot"]
    assert created[6:] == ["--project=p", "--zone=z", "--quiet", *what]
    install, train = gcloud.calls("ssh")
    for call in (install, train):
        assert call[:6] == ["gcloud", "compute", "tpus", "tpu-vm", "ssh", "atw"]
        assert call[6:10] == ["--project=p", "--zone=z", "--quiet", "--worker=all"]
    assert install[10].startswith("--command=set -e; mount /training; ")
    assert "git clone --quiet --depth 1 --branch main https://x/y jaxanim" in install[10]
    assert "launch.preemptible -- -m launch.train --cluster --config configs/atw/small.py" in train[10]
    (deleted,) = gcloud.calls("delete")
    assert deleted[4:] == ["delete", "atw", "--project=p", "--zone=z", "--quiet", "--force"]


def test_one_that_is_there_is_used(gcloud):
    gcloud.answer(describe=[ACTIVE])
    assert run(gcloud).returncode == 0
    assert verbs(gcloud) == ["ssh", "ssh", "delete"]


@pytest.mark.parametrize("state", ["SUSPENDING", "SUSPENDED"])
def test_preempted_it_asks_again_and_goes_on(gcloud, state):
    gcloud.answer(
        describe=states("MISSING", "ACTIVE", state, state, "PROVISIONING", "ACTIVE"), ssh=[{}, {"code": 255}, {}]
    )
    done = run(gcloud)
    assert done.returncode == 0, done.stderr
    assert verbs(gcloud) == ["create", "ssh", "ssh", "delete", "create", "ssh", "ssh", "delete"]


@pytest.mark.parametrize("code", [75, 1, 255, 134])
def test_stopped_or_cut_off_it_goes_on_where_it_is(gcloud, code):
    gcloud.answer(describe=[ACTIVE], ssh=[{}, {"code": code}, {}])
    assert run(gcloud).returncode == 0
    assert verbs(gcloud) == ["ssh"] * 4 + ["delete"]


def test_an_error_of_the_training_ends_it(gcloud):
    gcloud.answer(describe=[ACTIVE], ssh=[{}, {"code": 70}])
    done = run(gcloud)
    assert done.returncode == 70
    assert verbs(gcloud) == ["ssh", "ssh", "delete"]
    assert "the training failed" in done.stderr


def test_it_gives_up_after_so_many_restarts(gcloud):
    gcloud.answer(describe=[ACTIVE], ssh=[{"code": 255}])
    done = run(gcloud, "--max_restarts", "2")
    assert done.returncode == 1
    assert verbs(gcloud) == ["ssh"] * 3 + ["delete"]
    assert "given up after 2 restarts" in done.stderr


def test_a_request_that_is_refused_or_fails_ends_it(gcloud):
    gcloud.answer(describe=[MISSING], create=[{"code": 1}])
    assert run(gcloud).returncode == 1
    assert verbs(gcloud) == ["create"]
    gcloud.answer(describe=states("MISSING", "FAILED"))
    done = run(gcloud)
    assert done.returncode == 1
    assert verbs(gcloud) == ["create", "create", "delete"]


def test_not_being_able_to_ask_is_not_taken_for_nothing_being_there(gcloud):
    gcloud.answer(describe=[ACTIVE, {"code": 1, "error": "no network"}, ACTIVE])
    assert run(gcloud).returncode == 0
    assert verbs(gcloud) == ["ssh", "ssh", "delete"]


def test_never_being_able_to_ask_ends_it(gcloud):
    gcloud.answer(describe=[{"code": 1, "error": "who are you?"}])
    done = run(gcloud)
    assert done.returncode == 1
    assert verbs(gcloud) == ["delete"]  # it may be there
    assert "who are you?" in done.stderr
    assert "given up asking" in done.stderr


def test_a_deletion_that_fails_and_one_that_is_not_wanted_are_said(gcloud):
    gcloud.answer(describe=[ACTIVE], delete=[{"code": 1}])
    assert "could not be deleted" in run(gcloud).stderr
    calls = len(gcloud.calls("delete"))
    assert "gcloud compute tpus queued-resources delete atw --force --zone=z" in run(gcloud, "--keep").stdout
    assert len(gcloud.calls("delete")) == calls


def test_the_command_on_the_worker_tells_errors_from_lost_connections(gcloud):
    """What runs on a worker, run here with a stand-in for its Python."""
    gcloud.answer(describe=[ACTIVE])
    run(gcloud)
    command = gcloud.calls("ssh")[1][-1].removeprefix("--command=")
    python = gcloud.folder / "jaxanim" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    for code, expected in ((0, 0), (1, 70), (2, 70), (3, 70), (75, 75), (134, 134)):
        python.write_text(f'#!/bin/sh\nprintf "%s|" "$@"\nexit {code}\n')
        python.chmod(0o755)
        done = subprocess.run([BASH, "-c", command], cwd=gcloud.folder, capture_output=True, text=True, check=False)
        assert done.returncode == expected
        assert done.stdout == "-m|launch.preemptible|--|-m|launch.train|--cluster|" + "|".join(FLAGS) + "|"
        assert not (gcloud.folder / "jaxanim" / "training.pid").exists()


def test_a_training_that_outlived_its_connection_is_ended_before_the_next(gcloud):
    gcloud.answer(describe=[ACTIVE])
    run(gcloud)
    command = gcloud.calls("ssh")[1][-1].removeprefix("--command=")
    python = gcloud.folder / "jaxanim" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    old = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (gcloud.folder / "jaxanim" / "training.pid").write_text(f"{old.pid}\n")
        started = subprocess.Popen([BASH, "-c", command], cwd=gcloud.folder)
        assert old.wait(timeout=20) == -signal.SIGTERM
        assert started.wait(timeout=20) == 0
    finally:
        old.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*NEEDED, "--hosts", "3", "--", *FLAGS], "unknown option --hosts"),
        ([*NEEDED, "--poll", "--", *FLAGS], "--poll needs a value"),
        ([*NEEDED, "--poll", "soon", "--", *FLAGS], "--poll soon is not a number"),
        ([*NEEDED, "--max_restarts", "x", "--", *FLAGS], "--max_restarts x is not a number"),
        ([*NEEDED, "--python", "a b", "--", *FLAGS], "--python a b is not a name"),
        (NEEDED, "after --"),
        ([*NEEDED, "--", "--config=x"], "--config and --workdir are needed"),
        ([*NEEDED[2:], "--", *FLAGS], "are all needed"),
    ],
    ids=str,
)
def test_bad_options_are_refused(gcloud, arguments, said):
    assert refused(gcloud.run(SCRIPT, *arguments), said)
    assert not gcloud.calls()


def test_a_missing_gcloud_is_said(tmp_path):
    assert refused(Stubs(tmp_path, []).run(SCRIPT, *NEEDED, "--", *FLAGS, path="/nowhere"), "gcloud is not installed")
