"""Random poses for training: in range, repeatable, and nothing is left out."""

import numpy as np
import pytest

from data_pipelines.procedural_anime import poses
from jaxanim.signals import pose_vector

COUNT = 1000
INDEX = pose_vector.POSE_INDEX
SIGNED = [parameter.name for parameter in pose_vector.POSE_PARAMETERS if parameter.low < 0]


@pytest.fixture(scope="module")
def drawn():
    return np.stack([poses.random_pose(np.random.default_rng([7, n])) for n in range(COUNT)])


def test_within_ranges(drawn):
    assert drawn.shape == (COUNT, 45)
    assert drawn.dtype == np.float32
    _, outside = pose_vector.clamp(drawn)
    assert outside == 0


def test_same_generator_same_pose(drawn):
    np.testing.assert_array_equal(poses.random_pose(np.random.default_rng([7, 3])), drawn[3])
    assert len({row.tobytes() for row in drawn}) == COUNT


@pytest.mark.parametrize("name", pose_vector.POSE_NAMES)
def test_every_number_is_used_and_left_at_zero(drawn, name):
    """Every number moves in at least 3 % of the poses, and breathing alone is never at rest."""
    values = drawn[:, INDEX[name]]
    assert np.mean(values != 0) > 0.03
    assert values.max() > 0.8
    assert name == "breathing" or np.mean(values == 0) > 0.05


@pytest.mark.parametrize("name", SIGNED)
def test_signed_numbers_go_both_ways_to_their_ends(drawn, name):
    values = drawn[:, INDEX[name]]
    assert (values == 1).any()
    assert (values == -1).any()
    moving = values[values != 0]
    assert np.mean(moving > 0) == pytest.approx(0.5, abs=0.07)


def test_sides_are_often_alike_and_sometimes_not(drawn):
    left, right = drawn[:, INDEX["eye_wink_left"]], drawn[:, INDEX["eye_wink_right"]]
    used = (left != 0) | (right != 0)
    assert np.mean(left[used] == right[used]) == pytest.approx(0.7, abs=0.12)
    assert ((left != 0) & (right == 0)).any()


def test_both_single_sides_occur(drawn):
    """A wink of the character's right eye alone must be learnt as well as one of the left."""
    left, right = drawn[:, INDEX["eye_wink_left"]], drawn[:, INDEX["eye_wink_right"]]
    assert ((left != 0) & (right == 0)).any()
    assert ((left == 0) & (right != 0)).any()


def test_one_kind_of_brow_and_lid_at_a_time(drawn):
    for group in (poses._BROWS, poses._LIDS):
        names = [name if name.startswith("eye_") else f"eyebrow_{name}" for name in group]
        used = np.stack([drawn[:, INDEX[f"{name}_left"]] != 0 for name in names]).sum(axis=0)
        assert used.max() == 1


def test_vowels_share_one_mouth(drawn):
    vowels = drawn[:, [INDEX[name] for name in poses._VOWELS]]
    counts = (vowels != 0).sum(axis=1)
    assert set(counts) == {0, 1, 2}
    assert (vowels.sum(axis=1) <= 1 + 1e-6).all()
