"""Every shell script is sound, as far as a machine can see without running it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.stubs import BASH, ROOT

SCRIPTS = sorted(path for kind in ("*.sh", "*.sbatch") for path in (ROOT / "launch").rglob(kind))
SHELLCHECK = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(Path(sys.executable).parent))


def test_there_are_scripts():
    assert {path.name for path in SCRIPTS} == {"train.sbatch", "xpk.sh", "queued_resource.sh"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_it(script):
    assert subprocess.run([BASH, "-n", script], capture_output=True, check=True).stderr == b""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing(script):
    done = subprocess.run([SHELLCHECK, "--shell=bash", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
