"""A whole character through `jaxanim export`, in a process of its own, and back through onnxruntime."""

import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest

from jaxanim.animate import characters
from jaxanim.core.errors import InputError, OutputError
from jaxanim.export import runtime, tha4, verify
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import conversion
from jaxanim.weights import onnx_session
from jaxanim.weights.card import Card
from tests.systems.tha4 import folders


@pytest.fixture(scope="module")
def character(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    path = folder / "mika.safetensors"
    source = folders.make_character(folder / "mika", licence="Some Licence 1.0")
    conversion.convert_student_folder(source, path, name=None, licence=None)
    return path


def export(source, target, *options):
    command = [sys.executable, "-m", "jaxanim.cli.main", "export", str(source), "-o", str(target), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def exported(character):
    target = character.with_suffix(".onnx")
    done = export(character, target)
    assert done.returncode == 0, done.stderr
    return target, done.stdout


def test_report_says_size_and_error(exported):
    target, printed = exported
    line = printed.strip()
    assert line.startswith(f"{target}: opset 17, ")
    error = float(line.partition("max error ")[2].partition(",")[0])
    assert 0.0 < error <= tha4.MAX_ERROR


def test_file_is_small_and_its_batch_dynamic(exported):
    target, _ = exported
    model = onnx.load(target)
    assert target.stat().st_size < 4e6  # 1.8 MB of parameters and 1 MB of picture
    assert [node.op_type for node in model.graph.node].count("GridSample") == 1
    (pose,), (image,) = model.graph.input, model.graph.output
    assert [dim.dim_param or dim.dim_value for dim in pose.type.tensor_type.shape.dim] == ["N", 45]
    assert [dim.dim_param or dim.dim_value for dim in image.type.tensor_type.shape.dim] == ["N", 512, 512, 4]
    assert {entry.version for entry in model.opset_import if entry.domain == ""} == {17}


def test_pictures_equal_those_of_jax(exported, character):
    target, _ = exported
    card, render = runtime.open_renderer(target, None, official_output=False)
    assert card.licence == "LICENSE: Some Licence 1.0"
    poses = np.stack([pose_vector.make_pose({"mouth_aaa": 1.0}), pose_vector.make_pose({"head_y": -1.0})])
    ours, theirs = characters.student_renderer(character)[1](poses), render(poses)
    assert theirs.shape == (2, 512, 512, 4)
    difference = np.abs(ours.astype(int) - theirs)
    # Un-premultiplying divides by alpha: nearly invisible pixels may differ, opaque ones by one level.
    assert difference[ours[..., 3] > 64].max() <= 1


def test_newest_opset_and_float16(character, tmp_path):
    newest, half = tmp_path / "newest.onnx", tmp_path / "half.onnx"
    assert export(character, newest, "--opset", "23").returncode == 0
    done = export(character, half, "--float16")
    assert done.returncode == 0, done.stderr
    assert half.stat().st_size < 0.8 * newest.stat().st_size
    assert {entry.version for entry in onnx.load(newest).opset_import if entry.domain == ""} == {23}


def test_a_file_that_disagrees_is_not_written(tmp_path):
    report = verify.Report(tmp_path / "x.onnx", 1.0, 0.5, 20.0)
    with pytest.raises(OutputError, match=r"not written, it does not agree with JAX \(error 5\.0e-01, 20\.0 dB\)"):
        verify.check(report, report.path, max_error=2e-3, min_psnr=0.0)
    with pytest.raises(OutputError, match="does not agree"):
        verify.check(report, report.path, max_error=1.0, min_psnr=30.0)
    broken = verify.Report(tmp_path / "x.onnx", 1.0, float("nan"), float("nan"))
    with pytest.raises(OutputError, match="does not agree"):
        verify.check(broken, report.path, max_error=1.0, min_psnr=0.0)


def test_comparison_sees_a_wrong_shape_and_measures_errors(exported):
    target, _ = exported
    pose = np.zeros((1, 45), np.float32)
    image = onnx_session.make_session(target).run(None, {"pose": pose})[0]
    same = verify.compare(target, [{"pose": pose}], [[image]])
    assert (same.max_error, same.psnr) == (0.0, float("inf"))
    off = verify.compare(target, [{"pose": pose}], [[image + np.float32(0.02)]])
    np.testing.assert_allclose([off.max_error, off.psnr], [0.02, 40.0], rtol=1e-3)  # 20 log10(2 / 0.02)
    with pytest.raises(OutputError, match=r"makes shape \(1, 512, 512, 4\) where JAX makes \(2, 512, 512, 4\)"):
        verify.compare(target, [{"pose": pose}], [[np.repeat(image, 2, axis=0)]])


def test_wrong_files_are_refused(exported, tmp_path):
    target, _ = exported
    with pytest.raises(InputError, match="no such file"):
        runtime.open_session(tmp_path / "missing.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(InputError, match="not a readable ONNX file"):
        runtime.open_session(tmp_path / "junk.onnx")
    stranger = onnx.load(target)
    del stranger.metadata_props[:]
    onnx.save(stranger, tmp_path / "stranger.onnx")
    with pytest.raises(InputError, match="not one that jaxanim exported"):
        runtime.open_session(tmp_path / "stranger.onnx")
    with pytest.raises(InputError, match="holds its character and takes no --source"):
        runtime.open_renderer(target, tmp_path / "me.png", official_output=False)


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'jaxanim\[export\]'"):
        onnx_session.make_session(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("options", "message"),
    [(["-o", "x.pt"], "an .onnx file name is needed"), (["missing.safetensors", "-o", "x.onnx"], "no such file")],
)
def test_command_refuses(tmp_path, monkeypatch, options, message, capsys):
    from jaxanim.cli import main

    monkeypatch.chdir(tmp_path)
    assert main.main(["export", *options]) == 2
    assert message in capsys.readouterr().err


def test_names_of_the_two_files_of_a_full_system(tmp_path):
    assert tha4.encode_path(tmp_path / "tha4.onnx") == tmp_path / "tha4.encode.onnx"


def graph(path):
    """Returns a small graph."""
    example = {"pose": np.ones((2, 3), np.float32)}
    return tha4.Graph(
        path,
        lambda given, pose: given["two"] * pose,
        {"two": np.full((1, 3), 2, np.float32)},
        {"pose": ("N", 3)},
        ("image",),
        (example,),
    )


@pytest.fixture
def small_full_system(monkeypatch, tmp_path):
    """A full system of two small graphs."""
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(tha4.files.weights_file, "read_card", lambda path: Card("tha4", "n", "l", "s"))
    monkeypatch.setattr(tha4.files, "read_full", lambda path: (Card("tha4", "n", "l", "s"), {}))
    monkeypatch.setattr(tha4, "full_graphs", lambda variables, path: (graph(tha4.encode_path(path)), graph(path)))
    return tmp_path / "w.safetensors"


def test_of_two_graphs_both_get_their_names_or_none(small_full_system, tmp_path, monkeypatch):
    output = tmp_path / "a.onnx"
    with monkeypatch.context() as failing:

        def check(report, path, **_):
            if path == output:
                raise OutputError("the second one is wrong")

        failing.setattr(tha4.verify, "check", check)
        with pytest.raises(OutputError, match="the second one is wrong"):
            tha4.export_file(small_full_system, output, opset=17, float16=False)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    tha4.encode_path(output).mkdir()
    with pytest.raises(OutputError, match=r"a\.encode\.onnx: is a folder"):
        tha4.export_file(small_full_system, output, opset=17, float16=False)
    tha4.encode_path(output).rmdir()
    reports = tha4.export_file(small_full_system, output, opset=17, float16=False)
    assert [report.path.name for report in reports] == ["a.encode.onnx", "a.onnx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.encode.onnx", "a.onnx", "w.safetensors"]


def test_graphs_of_different_weights_are_not_joined(small_full_system, tmp_path):
    output = tmp_path / "a.onnx"
    tha4.export_file(small_full_system, output, opset=17, float16=False)
    before = output.read_bytes()
    small_full_system.write_bytes(b"other weights")
    tha4.export_file(small_full_system, output, opset=17, float16=True)
    output.write_bytes(before)
    _, card = runtime.open_session(output)
    with pytest.raises(InputError, match=r"a\.encode\.onnx and a\.onnx were exported from different weights"):
        runtime._encode(output, card, tmp_path / "picture.png")


@pytest.fixture(scope="module")
def full_system(tmp_path_factory):
    """The full system converted and exported (1.3 GB on disk for a minute)."""
    folder = tmp_path_factory.mktemp("full")
    weights = folder / "tha4.safetensors"
    source = folders.make_full_system(folder / "released")
    conversion.convert_full_folder(source, weights, name=None, licence=None)
    shutil.rmtree(source)
    done = export(weights, folder / "tha4.onnx")
    assert done.returncode == 0, done.stderr
    yield weights, done.stdout
    shutil.rmtree(folder)


@pytest.mark.slow
def test_full_system_becomes_two_graphs(full_system):
    weights, printed = full_system
    once, per_frame = printed.strip().splitlines()
    assert "tha4.encode.onnx: opset 17" in once
    assert "tha4.onnx: opset 17" in per_frame
    session, card = runtime.open_session(weights.with_suffix(".onnx"))
    assert card.system == "tha4"
    assert [value.name for value in session.get_inputs()] == ["picture", "background_layer", "eyebrow_layer", "pose"]


@pytest.mark.slow
def test_full_system_renders_pictures_by_onnxruntime(full_system, tmp_path):
    from PIL import Image

    weights, _ = full_system
    picture = tmp_path / "me.png"
    Image.fromarray(folders.draw_picture()).save(picture)
    _, render = runtime.open_renderer(weights.with_suffix(".onnx"), picture, official_output=False)
    frames = render(np.stack([pose_vector.make_pose({}), pose_vector.make_pose({"head_y": 1.0})]))
    assert frames.shape == (2, 512, 512, 4)
    _, ours = characters.full_renderer(weights, picture)
    difference = np.abs(frames[:1].astype(int) - ours(pose_vector.make_pose({})[None]))
    assert difference.mean() < 1.0  # levels; random networks scatter single pixels at hard edges, see `export.tha4`
    with pytest.raises(InputError, match="needs a --source picture"):
        runtime.open_renderer(weights.with_suffix(".onnx"), None, official_output=False)
