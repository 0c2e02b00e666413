"""Measuring a distilled character on unseen poses, and its card."""

import flax.serialization
import jax
import numpy as np
import pytest

from data_pipelines.procedural_anime import HOUSE_CHARACTER, render
from jaxanim.systems.tha4 import Student, files
from launch import finish_character as script


def test_psnr_of_known_errors():
    zeros = np.zeros((4, 4, 3))
    np.testing.assert_allclose(script.psnr(zeros, zeros + 25.5), 20.0)
    np.testing.assert_allclose(script.psnr(zeros, zeros + 2.55), 40.0)
    assert script.psnr(zeros, zeros) > 100.0


def test_on_white():
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8)
    np.testing.assert_allclose(script.on_white(rgba)[0], [[10, 20, 30], [255, 255, 255], [204, 204, 204]])


def test_a_motionless_picture_scores_what_rest_scores():
    rest = np.asarray(render(HOUSE_CHARACTER))
    quality = script.measure(lambda poses: np.repeat(rest[None], len(poses), axis=0), 2)
    np.testing.assert_allclose([quality.frame, quality.face], [quality.rest_frame, quality.rest_face])
    assert 5.0 < quality.face < quality.frame < 40.0


def test_the_drawing_itself_scores_perfectly():
    drawn = iter([np.random.default_rng([script.HELD_OUT_SEED, n]) for n in range(2)])

    def draw(_):
        return np.asarray(render(HOUSE_CHARACTER, script.poses.random_pose(next(drawn))))[None]

    assert script.measure(draw, 2).frame > 100.0


@pytest.fixture
def workdir(tmp_path):
    params = Student().init(jax.random.key(0))["params"]
    state = {"average": params, "params": params, "step": np.int32(42)}
    (tmp_path / "state.msgpack").write_bytes(flax.serialization.msgpack_serialize(jax.tree.map(np.asarray, state)))
    return tmp_path


def test_the_file_holds_the_running_average_and_says_how_it_was_made(workdir, monkeypatch, capsys):
    target = workdir / "c.safetensors"
    arguments = ["--workdir", str(workdir), "--name", "testa", "--poses", "1", "-o", str(target)]
    monkeypatch.setattr("sys.argv", ["finish_character", *arguments])
    script.main()
    character = files.read_character(target)
    average, steps, origin = script.read_average(workdir)
    assert origin == "anew"
    assert steps == 42
    jax.tree.map(np.testing.assert_array_equal, character.variables["params"], average)
    np.testing.assert_array_equal(character.picture, np.asarray(render(HOUSE_CHARACTER)))
    assert (character.card.name, character.card.system) == ("testa", "tha4-student")
    assert "42 steps" in character.card.notes["made with"]
    assert "1 held-out random poses" in character.card.notes["measured"]
    assert character.card.notes["measured"] in capsys.readouterr().out
