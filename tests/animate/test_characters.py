"""Renderers from files: the bundled character, a converted one, the full system's picture requirements."""

import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import characters, images
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.ops import sine
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import conversion
from tests.systems.tha4 import folders


@pytest.fixture(scope="module")
def character(tmp_path_factory):
    folder = tmp_path_factory.mktemp("character")
    path = folder / "mika.safetensors"
    conversion.convert_student_folder(folders.make_character(folder / "mika"), path, name=None, licence="CC0")
    return path


def test_the_bundled_character_is_there_and_free():
    path = characters.bundled_character()
    assert path.is_file()
    assert path.stat().st_size < 4e6
    card, render = characters.student_renderer(path)
    assert card.system == "tha4-student"
    assert "Apache-2.0" in card.licence
    neutral, laughing = (render(pose_vector.make_pose(v)[None])[0] for v in ({}, {"eye_happy_wink": 1, "mouth_aaa": 1}))
    changed = np.abs(neutral.astype(int) - laughing).max(axis=-1) > 40
    rows, columns = np.nonzero(changed)
    assert 500 < changed.sum() < 20_000
    assert 100 < np.median(rows) < 190  # the face
    assert 200 < np.median(columns) < 312


def test_the_bundled_character_moves_as_its_numbers_say():
    """Turning the head moves the eyes by several pixels, +1 to the viewer's left; raising it moves them up."""
    _, render = characters.student_renderer(characters.bundled_character())

    def frame(pose):
        return render(pose_vector.make_pose(pose)[None])[0, ..., :3].astype(float)

    eyes = np.s_[135:162, 212:300]
    still = frame({})[eyes]

    def shift(pose, axis):
        """Returns by how many pixels the eyes have moved along an axis: where they fit best."""
        moved = frame(pose)
        errors = {d: np.abs(np.roll(moved, -d, axis=axis)[eyes] - still).mean() for d in range(-12, 13)}
        return min(errors, key=errors.get)

    assert shift({"head_y": 1.0}, axis=1) <= -3
    assert shift({"head_y": -1.0}, axis=1) >= 3
    assert shift({"head_x": 1.0}, axis=0) <= -3


def test_a_converted_character(character):
    card, render = characters.student_renderer(character)
    assert (card.name, card.licence) == ("mika", "CC0")
    frames = render(np.stack([pose_vector.make_pose({}), pose_vector.make_pose({"body_z": 1})]))
    assert frames.shape == (2, 512, 512, 4)
    assert frames.dtype == np.uint8
    assert np.abs(frames[0].astype(int) - frames[1]).max() > 5


def test_official_output_differs_where_pixels_are_half_transparent(character):
    pose = pose_vector.make_pose({})[None]
    straight = characters.student_renderer(character)[1](pose)[0]
    official = characters.student_renderer(character, official_output=True)[1](pose)[0]
    np.testing.assert_array_equal(straight[..., 3], official[..., 3])
    half = (straight[..., 3] > 20) & (straight[..., 3] < 235)
    solid = straight[..., 3] == 255
    assert (straight[half].astype(int)[:, :3] >= official[half].astype(int)[:, :3]).all()  # fringes are dark
    assert np.abs(straight[solid].astype(int) - official[solid]).max() <= 1


def test_system_uses_the_fast_sine_on_cpus():
    assert characters.student_system().sine is sine.fast_sin


def save(tmp_path, picture):
    images.write_png(tmp_path / "me.png", picture)
    return tmp_path / "me.png"


def test_a_good_picture(tmp_path):
    picture = folders.draw_picture()
    np.testing.assert_array_equal(characters.read_character_picture(save(tmp_path, picture)), picture)


def wrong_size(picture):
    return picture[:400]


def wrong_background(picture):
    return np.dstack([picture[..., :3], np.full((512, 512), 255, np.uint8)])


def wrong_place(picture):
    return np.roll(picture, 150, axis=1)


def wrong_mode(picture):
    return picture[..., :3]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_size, "is 512x400, 512x512 is needed"),
        (wrong_background, "has no transparent background; the character must be cut out"),
        (wrong_place, r"the head must fill the box x 192-320, y 64-192 .*; only \d+ % of it is covered"),
        (wrong_mode, "is a RGB picture without transparency"),
    ],
)
def test_a_picture_that_does_not_meet_the_requirements(tmp_path, spoil, message):
    path = save(tmp_path, np.ascontiguousarray(spoil(folders.draw_picture())))
    with pytest.raises(InputError, match=message):
        characters.read_character_picture(path)


def test_the_picture_is_checked_before_the_weights_are_read(tmp_path):
    Image.new("RGBA", (64, 64)).save(tmp_path / "small.png")
    with pytest.raises(InputError, match="is 64x64, 512x512 is needed"):
        characters.full_renderer(tmp_path / "missing.safetensors", tmp_path / "small.png")


def test_weights_of_a_character_are_not_the_full_system(character, tmp_path):
    with pytest.raises(WeightsError, match="holds tha4-student weights, tha4 weights are needed here"):
        characters.full_renderer(character, save(tmp_path, folders.draw_picture()))
