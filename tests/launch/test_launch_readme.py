"""The page on launching names only what there is."""

import re

import pytest

from tests.launch.stubs import ROOT

PAGE = (ROOT / "launch" / "README.md").read_text()
CODE = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", PAGE, re.DOTALL)
COMMANDS = [line for pair in CODE for text in pair for line in text.splitlines()]


def test_there_are_commands():
    assert sum("launch" in command for command in COMMANDS) >= 9


def test_files_and_modules_exist():
    paths = set(re.findall(r"\b(?:launch|configs)/[\w/]+\.(?:py|sh|sbatch|yaml)", "\n".join(COMMANDS)))
    modules = set(re.findall(r"-m (launch[\w.]*)", "\n".join(COMMANDS)))
    assert {"launch.train", "launch.local_multi", "launch.gke", "launch.aot"} <= modules
    for path in paths:
        assert (ROOT / path).is_file(), path
    for module in modules:
        place = ROOT.joinpath(*module.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module


@pytest.mark.parametrize(
    ("program", "file"),
    [
        ("launch.local_multi", "launch/local_multi.py"),
        ("launch.gke ", "launch/gke/__main__.py"),
        ("xpk.sh", "launch/gke/xpk.sh"),
        ("queued_resource.sh", "launch/tpu_vm/queued_resource.sh"),
    ],
)
def test_options_exist(program, file):
    (command,) = (each for each in COMMANDS if program in each)
    own = command.partition(program)[2].partition(" -- ")[0]
    options = re.findall(r"--\w+", own)
    assert options
    text = (ROOT / file).read_text()
    for option in options:
        assert f"{option})" in text or f'"{option}"' in text, option
