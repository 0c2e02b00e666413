"""A disk that is full, data that end or cannot be read, damaged files: what a run says, and that it goes on."""

import shutil

import pytest

from tests.reliability import damages, processes


@pytest.fixture(scope="module")
def straight(cache, tmp_path_factory):
    """A run that nothing happened to."""
    workdir = tmp_path_factory.mktemp("straight")
    assert processes.start(cache, workdir, steps=8).wait() == 0
    return workdir


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_a_message_and_it_goes_on_when_there_is_space(cache, straight, tmp_path):
    run = processes.start(cache, tmp_path, steps=8, full_at=8)
    assert run.wait() == 2
    assert "00000008 could not be written, those before it stay" in run.text()
    assert "File too large" in run.text()
    assert processes.saved(tmp_path) == ["00000004"]
    assert processes.start(cache, tmp_path, steps=8).wait() == 0
    assert processes.result(tmp_path)["first"] == 4
    processes.check_same(straight, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accident", "code", "message"),
    [({"end_at": 6}, 2, "the data ended before step 7"), ({"unreadable_at": 6}, 1, "Input/output error")],
)
def test_data_that_end_or_fail_lose_nothing(cache, straight, tmp_path, accident, code, message):
    run = processes.start(cache, tmp_path, steps=8, **accident)
    assert run.wait() == code
    assert message in run.text()
    assert "the last checkpoint is that of step 6" in run.text()
    assert processes.start(cache, tmp_path, steps=8).wait() == 0
    assert processes.result(tmp_path)["first"] == 6
    assert processes.result(tmp_path)["digest"] == processes.result(straight)["digest"]
    assert processes.metrics(tmp_path) == processes.metrics(straight)


@pytest.mark.slow
def test_a_damaged_file_is_named_and_the_checkpoint_before_it_used(cache, straight, tmp_path):
    workdir = shutil.copytree(straight, tmp_path / "run")
    names = damages.files(workdir / "checkpoints" / "00000008")
    damages.flip(workdir / "checkpoints" / "00000008" / names[0])
    run = processes.start(cache, workdir, steps=8)
    assert run.wait() == 0
    assert f"checkpoint of step 8 is damaged ({names[0]}" in run.text()
    assert processes.result(workdir)["first"] == 4
    assert processes.saved(workdir) == ["00000004", "00000008", "00000008.damaged"]
    assert processes.result(workdir)["digest"] == processes.result(straight)["digest"]
