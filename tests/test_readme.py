"""Every command and every snippet of the README works as it stands there."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from jaxanim.animate import video
from jaxanim.data.record_folder import RecordFolder
from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals import action_units, face_signal, face_track, motions, tracks
from jaxanim.tracking import face_tracks
from tests.systems.tha4 import folders

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {
    path: path.read_text()
    for path in (ROOT / "README.md", ROOT / "data_pipelines" / "README.md", *(ROOT / "docs").glob("*.md"))
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.strip().splitlines()]
# The full system takes gigabytes and a minute; it goes last and cleans up after itself.
FULL_SYSTEM = [command for command in COMMANDS if "tha4_models" in command or "tha4.safetensors" in command]
QUICK = [command for command in COMMANDS if command.startswith("jaxanim ") and command not in FULL_SYSTEM]


def jaxanim(command, folder):
    """Runs a `jaxanim` command; motions are cut short, which the README does not ask for."""
    words = shlex.split(command)
    if "--motion" in words or "--expression" in words:
        words += ["--duration", "0.1"]
    program = [sys.executable, "-m", "jaxanim.cli.main", *words[1:]]
    done = subprocess.run(program, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return Path(folder / words[words.index("-o") + 1]) if "-o" in words else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a reader has at hand: a character folder, a track, a recording, a photo and what OpenFace has measured."""
    folder = tmp_path_factory.mktemp("readme")
    folders.make_character(folder / "my_character", licence="CC0")
    tracks.write_track(folder / "track.csv", motions.make_motion("dance", duration=0.2, fps=30.0, seed=0))
    packets = [f"jawOpen&{jaw}|=head#0,{jaw / 10},0,0,0,0|" for jaw in range(0, 60)]
    (folder / "recording.txt").write_text("\n".join(packets))
    Image.fromarray(folders.draw_picture()).save(folder / "picture.png")
    photo = np.ascontiguousarray(skimage.data.astronaut()[:256, 100:356])
    Image.fromarray(photo).save(folder / "photo.png")
    with video.open_writer(folder / "clip.mp4", width=256, height=256, fps=25.0, transparent=False) as write:
        for _ in range(3):
            write(photo)
    for name in ("driven.mp4", "painted.mp4"):  # what commands further up make
        shutil.copy(folder / "clip.mp4", folder / name)
    still = face_signal.make_signal(np.zeros((2, 52)), np.zeros((2, 3)), np.array([0.0, 0.1]))
    face_track.save(folder / "fit.npz", face_tracks.of_signal(still, load_open_head(), fps=10.0))
    columns = ["frame", "timestamp", "confidence", "success", *(f"{unit}_r" for unit in action_units.NAMES)]
    rows = [[number + 1, number / 30, 0.98, 1, *(17 * [number / 3])] for number in range(4)]
    (folder / "aus.csv").write_text("\n".join(", ".join(map(str, row)) for row in [columns, *rows]))
    return folder


def test_there_are_commands():
    assert len(QUICK) >= 10
    assert len(FULL_SYSTEM) == 2
    known = ("jaxanim ", "make ", "pip install ", "python -m ")
    assert [command for command in COMMANDS if not command.startswith(known)] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", QUICK)
def test_command(folder, command):
    made = jaxanim(command, folder)
    assert made is None or made.exists()


@pytest.mark.slow
def test_commands_of_the_full_system(folder):
    folders.make_full_system(folder / "tha4_models")
    convert, animate = FULL_SYSTEM
    weights = jaxanim(convert, folder)
    shutil.rmtree(folder / "tha4_models")
    still = jaxanim(animate, folder)
    weights.unlink()
    assert np.asarray(Image.open(still)).shape == (512, 512, 4)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_make_targets_exist(command):
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, check=True)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("python -m ")])
def test_programs_exist(command):
    """Trainings are not run here; that they start is seen from their help."""
    module = shlex.split(command)[2]
    program = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, check=False)
    for name in (module.rpartition(".")[2], *re.findall(r"--[\w-]+", command)):
        assert name in done.stdout, done.stderr  # which names what cannot be run, too


@pytest.mark.parametrize("command", [command for command in COMMANDS if "data_pipelines.build" in command])
def test_builds(command, tmp_path):
    """Smaller ones than the README asks for."""
    words = shlex.split(command)[1:]
    for option, value in (("--count", "2"), ("--data-dir", str(tmp_path / "out"))):
        words[words.index(option) + 1] = value
    words += ["--workers", "0", *(["--frames", "2"] if "procedural_faces" in words else [])]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert len(RecordFolder(tmp_path / "out")) >= 2


def test_the_snippet_of_drawn_sources():
    text = (ROOT / "data_pipelines" / "README.md").read_text()
    (snippet,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "DrawnFacePairs" in block)
    small = snippet.replace("size=128", "size=64").replace("(128)", "(64)").replace("range(200)", "range(2)")
    done = subprocess.run([sys.executable, "-c", small], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("snippet", blocks("python"))
def test_python_snippets(snippet):
    done = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENTS[path]):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_extras_are_those_of_the_package():
    metadata = (ROOT / "pyproject.toml").read_text()
    for extra in re.findall(r"`\[(\w+)\]`", README):
        assert re.search(rf"^{extra} = \[", metadata, flags=re.MULTILINE), extra
