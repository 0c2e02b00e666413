"""Which character is rendered with what, and which combinations of options make no sense."""

import numpy as np
import pytest

from jaxanim.animate import characters
from jaxanim.weights.card import Card

STILL = ["animate", "--pose", "mouth_aaa=1", "-o"]


@pytest.fixture
def openers(monkeypatch):
    """Records what would be opened instead of opening it."""
    opened = []

    def opener(name):
        def open_it(*paths, **options):
            opened.append((name, [None if path is None else path.name for path in paths], options))
            return Card("system", "name", "a licence", "tests"), lambda poses: np.zeros(
                (len(poses), 512, 512, 4), np.uint8
            )

        return open_it

    from jaxanim.export import runtime

    monkeypatch.setattr(characters, "student_renderer", opener("student"))
    monkeypatch.setattr(characters, "full_renderer", opener("full"))
    monkeypatch.setattr(runtime, "open_renderer", opener("onnx"))
    return opened


def test_default_is_the_bundled_character(command, openers, tmp_path):
    result = command(*STILL, tmp_path / "a.png")
    assert result.code == 0
    assert openers == [("student", ["sora.safetensors"], {"frames_per_call": 1, "official_output": False})]
    assert result.out.splitlines()[0] == "name (system); licence: a licence"


def test_character_and_official_output(command, openers, tmp_path):
    assert command(*STILL, tmp_path / "a.png", "--character", "c.safetensors", "--official-output").code == 0
    assert openers == [("student", ["c.safetensors"], {"frames_per_call": 1, "official_output": True})]


def test_full_system(command, openers, tmp_path):
    assert command(*STILL, tmp_path / "a.png", "--source", "me.png", "--weights", "t.safetensors").code == 0
    assert openers[0][:2] == ("full", ["t.safetensors", "me.png"])


@pytest.mark.parametrize("options", [["--character", "c.onnx"], ["--character", "c.safetensors", "--runtime", "onnx"]])
def test_exported_character(command, openers, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.onnx").touch()
    assert command(*STILL, tmp_path / "a.png", *options).code == 0
    assert openers[0][:2] == ("onnx", ["c.onnx", None])


def test_exported_full_system(command, openers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.onnx").touch()
    assert command(*STILL, tmp_path / "a.png", "--source", "me.png", "--weights", "t.onnx").code == 0
    assert openers[0][:2] == ("onnx", ["t.onnx", "me.png"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "me.png"], "--source and --weights belong together"),
        (["--weights", "t.safetensors"], "--source and --weights belong together"),
        (
            ["--source", "me.png", "--weights", "t.safetensors", "--character", "c.safetensors"],
            "either --character or --source and --weights",
        ),
        (["--character", "c.onnx", "--runtime", "jax"], "is an ONNX file, which --runtime jax cannot run"),
        (["--character", "c.safetensors", "--runtime", "onnx"], "c.onnx: no such file; make it with `jaxanim export"),
    ],
)
def test_options_that_contradict_each_other(command, openers, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = command(*STILL, tmp_path / "a.png", *options)
    assert result.code == 2
    assert message in result.err
    assert openers == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "not a readable safetensors file"),
        (b"PK\x03\x04 not weights", "not a readable safetensors file"),
        ("folder", "is a folder, a .safetensors file was expected"),
    ],
)
def test_a_character_that_cannot_be_read(command, tmp_path, content, message):
    path = tmp_path / "c.safetensors"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    result = command(*STILL, tmp_path / "a.png", "--character", path)
    assert result.code == 2
    assert message in result.err
    assert len(result.err.splitlines()) == 1
