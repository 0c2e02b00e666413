"""The command as a whole: help, version, one-line errors with exit code 2, no heavy imports before their time."""

import subprocess
import sys

import pytest

import jaxanim
from jaxanim.cli import main
from jaxanim.core.errors import InputError

COMMANDS = ("animate", "sheet", "convert", "export", "info")


def test_version(command):
    result = command("--version")
    assert result.code == 0
    assert result.out.strip() == f"jaxanim {jaxanim.__version__}"


def test_help_lists_the_commands(command):
    result = command("--help")
    assert result.code == 0
    for name in COMMANDS:
        assert name in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command, name):
    result = command(name, "--help")
    assert result.code == 0
    assert f"jaxanim {name}" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["animate"], "required"),
        (["animate", "--motion", "moonwalk", "-o", "x.mp4"], "invalid choice: 'moonwalk'"),
        (["animate", "--motion", "idle", "--pose", "a=1", "-o", "x.mp4"], "not allowed with"),
        (["animate", "--motion", "idle", "-o", "x.mp4", "--fps", "fast"], "invalid float value: 'fast'"),
        (["convert", "tha5", "folder", "-o", "x"], "invalid choice: 'tha5'"),
        (["export", "--opset", "9", "-o", "x.onnx"], "invalid choice: 9"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(command, arguments, message):
    result = command(*arguments)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert result.out == ""


def test_errors_of_the_user_are_one_line(command, monkeypatch):
    def fail(_):
        raise InputError("this\nand  that")

    monkeypatch.setattr(main.info, "run", fail)
    result = command("info")
    assert (result.code, result.err) == (2, "jaxanim: error: this and that\n")


def test_interruption_is_one_line(command, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(main.info, "run", interrupt)
    result = command("info")
    assert (result.code, result.err) == (2, "jaxanim: error: interrupted; what was half written is removed\n")


@pytest.mark.parametrize(
    ("arguments", "overwritten"),
    [
        (["animate", "photo.png", "--system", "geometric", "--edit", "jaw=1", "-o", "photo.png"], "photo.png"),
        (["animate", "photo.png", "--system", "geometric", "--drive", "clip.mp4", "-o", "clip.mp4"], "clip.mp4"),
        (["animate", "--source", "photo.png", "--weights", "w", "--pose", "head_y=1", "-o", "photo.png"], "photo.png"),
        (["sheet", "clip.mp4", "photo.png", "-o", "./photo.png"], "photo.png"),
        (["fit", "clip.mp4", "-o", "fit.npz", "--preview", "clip.mp4"], "clip.mp4"),
        (["convert", "gdpw", "model.safetensors", "-o", "model.safetensors"], "model.safetensors"),
    ],
)
def test_what_is_read_is_not_overwritten(command, tmp_path, monkeypatch, arguments, overwritten):
    monkeypatch.chdir(tmp_path)
    (tmp_path / overwritten).write_bytes(b"precious")
    result = command(*arguments)
    assert result.code == 2
    assert f"{overwritten}: is read by the same command" in result.err
    assert (tmp_path / overwritten).read_bytes() == b"precious"


@pytest.mark.parametrize("arguments", [["info", "x" * 300], ["sheet", "a.png", "-o", "x" * 300 + ".png"]])
def test_names_that_are_too_long(command, arguments):
    result = command(*arguments)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "is longer than the 255 bytes of a file's name" in result.err


def test_our_own_mistakes_are_not_hidden(command, monkeypatch):
    def fail(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(main.info, "run", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        command("info")


def test_help_and_wrong_arguments_do_not_wait_for_jax():
    """Nor does the installed command need TensorFlow or torch, whatever it runs."""
    code = (
        "import sys, jaxanim.cli.main as m\n"
        "try: m.main(['animate', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'jax', 'flax', 'av', 'scipy', 'tensorflow', 'torch', 'onnxruntime'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_entry_point_ends_the_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["jaxanim", "nonsense"])
    with pytest.raises(SystemExit) as stop:
        main.entry_point()
    assert stop.value.code == 2
