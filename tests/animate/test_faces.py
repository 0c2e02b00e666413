"""Models of faces from files: what drives them, by name; the one that ships, once there is one."""

import numpy as np
import pytest

from data_pipelines.procedural_faces.expressions import EMOTIONS
from jaxanim.animate import faces
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.systems.atw import Design
from jaxanim.weights.card import Card
from tests.animate import models

CARD = Card("atw", "a model", "none", "tests")


def test_a_model_comes_back_without_what_training_needs(tmp_path):
    model = faces.read_model(models.write_units(tmp_path / "a.safetensors"))
    assert sorted(model.variables["params"]) == ["generator"]
    assert model.small_size == (64, 64)
    assert model.card.name == "tiny units"


def test_names_of_each_kind():
    units = faces.FaceModel(CARD, Design("action units", 17, 4, 0.1), {})
    named = faces.FaceModel(CARD, Design("classes", 2, 4, 0.1, labels=("sad", "happy")), {})
    numbered = faces.FaceModel(CARD, Design("classes", 3, 4, 0.1), {})
    assert units.expression_names[:2] == ("smile", "surprise")
    assert units.expression("blink").argmax() == 16
    assert named.expression("happy").tolist() == [0, 1]
    assert numbered.expression_names == ("0", "1", "2")
    assert numbered.expression("2").tolist() == [0, 0, 1]
    units.check_action_units()
    with pytest.raises(InputError, match=r"driven by classes.*sad, happy"):
        named.check_action_units()


def test_other_action_units_than_openfaces(tmp_path):
    design = Design("action units", 5, 4, 0.1, size=64, critic_width=4)
    with pytest.raises(InputError, match="driven by 5 action units, OpenFace's 17"):
        faces.read_model(models.write(tmp_path / "a.safetensors", design, "five"))


def test_damaged_files(tmp_path):
    path = models.write_units(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"a\.safetensors"):
        faces.read_model(path)


def test_the_bundled_one_is_found_once_it_is_there(tmp_path):
    assert faces.bundled_models(tmp_path / "none") == {}
    (tmp_path / "classes.safetensors").touch()
    assert faces.bundled_models(tmp_path) == {"classes": tmp_path / "classes.safetensors"}
    (tmp_path / "units.safetensors").touch()
    assert list(faces.bundled_models(tmp_path)) == ["units", "classes"]


def test_the_models_that_ship():
    """Action units come first; the other one knows RaFD's eight emotions."""
    found = {name: faces.read_model(path) for name, path in faces.bundled_models().items()}
    assert list(found) == ["faces_action_units", "faces_emotions"]
    assert found["faces_emotions"].expression_names == tuple(EMOTIONS)
    assert all(model.card.name == name and model.small_size == (128, 128) for name, model in found.items())


def test_drives_make_frames(tmp_path):
    from jaxanim.animate import crop, paste

    model = faces.read_model(models.write_units(tmp_path / "a.safetensors"))
    photo = np.random.default_rng(0).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    place = paste.find_place(photo, crop.Box(8, 8, 64, 64), model.small_size, mode="multiscale")
    still, moved = model.animator(place, chunk=2).frames(
        np.stack([np.zeros(17, np.float32), 5 * np.ones(17, np.float32)])
    )
    assert still.shape == moved.shape == photo.shape
    assert (still != moved).any()
