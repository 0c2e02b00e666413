"""Motion is smooth, within what heads can do, and full of blinks, glances and speech."""

import numpy as np
import pytest

from data_pipelines.procedural_faces import anatomy, expressions, motion
from data_pipelines.procedural_faces.pieces import NECK
from data_pipelines.recipes import rafd

NAMES = anatomy.anatomy().expression_names
CLIPS = [motion.random_motion(seed, 150) for seed in range(24)]


def test_a_pure_function_of_seed_and_length():
    again = motion.random_motion(3, 150)
    np.testing.assert_array_equal(again.expression, CLIPS[3].expression)
    np.testing.assert_array_equal(again.rotations, CLIPS[3].rotations)


def test_ranges():
    for clip in CLIPS:
        assert clip.expression.shape == (150, 52)
        assert clip.rotations.shape == (150, 5, 3)
        assert clip.expression.min() >= 0
        assert clip.expression.max() <= 1
    turned = np.degrees([np.abs(clip.rotations[:, NECK, 1]).max() for clip in CLIPS])
    assert 30 < turned.max() < motion.MAX_YAW_DEGREES + 5
    assert turned.min() < 15  # some keep still


def test_smooth():
    """No more than 12 degrees of the head between frames; lids and eyes may jump, other muscles not."""
    jumps = [name.startswith("eye") for name in NAMES]
    for clip in CLIPS:
        assert np.degrees(np.abs(np.diff(clip.rotations[:, NECK], axis=0))).max() < 12
        assert np.abs(np.diff(clip.expression[:, ~np.array(jumps)], axis=0)).max() < 0.45


def test_people_blink_and_speak():
    blink, jaw = NAMES.index("eyeBlinkLeft"), NAMES.index("jawOpen")
    assert all((clip.expression[:, blink] > 0.8).any() for clip in CLIPS)
    assert 0.02 < np.mean([(clip.expression[:, blink] > 0.5).mean() for clip in CLIPS]) < 0.15
    moving = [np.abs(np.diff(clip.expression[:, jaw])).mean() > 0.01 for clip in CLIPS]
    assert 0.5 < np.mean(moving) < 1
    assert len({clip.emotion for clip in CLIPS}) > 4


def test_closed_lids_are_not_pulled_open():
    for clip in CLIPS:
        closed = clip.expression[:, NAMES.index("eyeBlinkLeft")] > 0.99
        assert clip.expression[closed, NAMES.index("eyeWideLeft")].max(initial=0) < 1e-6


def test_signs_of_the_head():
    """Yaw turns the nose to the picture's right, pitch down; roll tilts the crown to the left."""
    for axis, at, expected in ((0, (0, 0, 1), (1, 0, 0)), (1, (0, 0, 1), (0, -1, 0)), (2, (0, 1, 0), (-1, 0, 0))):
        rotations = np.zeros((5, 3))
        rotations[NECK] = motion.axis_angle(40 * np.eye(3)[[axis]])[0]
        moved = anatomy.bones(np.array(anatomy.anatomy().template), rotations).turn[NECK] @ np.array(at)
        assert (moved - np.array(at)) @ np.array(expected) > 0.3


def test_emotions_are_those_of_rafd():
    assert set(expressions.EMOTIONS) == set(rafd.EMOTIONS)


def test_unknown_blendshapes():
    with pytest.raises(ValueError, match=r"'smile' is not one of ARKit's blendshapes: browDownLeft"):
        expressions.coefficients({"smile": 1.0})


def test_a_name_without_a_side_means_both():
    both = expressions.coefficients({"mouthSmile": 0.5})
    assert {NAMES[k] for k in np.flatnonzero(both)} == {"mouthSmileLeft", "mouthSmileRight"}
