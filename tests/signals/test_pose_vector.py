"""The 45 pose numbers: names, order, ranges, and poses made from names."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import pose_vector

# Where the released networks expect what, from the released parameter list; those with a side stand for their left one.
ORDER = {
    0: "eyebrow_troubled", 2: "eyebrow_angry", 4: "eyebrow_lowered", 6: "eyebrow_raised", 8: "eyebrow_happy",
    10: "eyebrow_serious", 12: "eye_wink", 14: "eye_happy_wink", 16: "eye_surprised", 18: "eye_relaxed",
    20: "eye_unimpressed", 22: "eye_raised_lower_eyelid", 24: "iris_small", 26: "mouth_aaa", 27: "mouth_iii",
    28: "mouth_uuu", 29: "mouth_eee", 30: "mouth_ooo", 31: "mouth_delta", 32: "mouth_lowered_corner",
    34: "mouth_raised_corner", 36: "mouth_smirk", 37: "iris_rotation_x", 38: "iris_rotation_y", 39: "head_x",
    40: "head_y", 41: "neck_z", 42: "body_y", 43: "body_z", 44: "breathing",
}  # fmt: skip


def test_order():
    assert pose_vector.POSE_SIZE == 45
    assert {index: pose_vector.POSE_NAMES[index].removesuffix("_left") for index in ORDER} == ORDER
    assert len(set(pose_vector.POSE_NAMES)) == 45


def test_left_comes_before_right():
    for name, index in pose_vector.POSE_INDEX.items():
        if name.endswith("_left"):
            assert pose_vector.POSE_NAMES[index + 1] == name.removesuffix("_left") + "_right"


def test_ranges():
    """Rotations are signed, except breathing; everything else runs from 0 to 1."""
    signed = {"iris_rotation_x", "iris_rotation_y", "head_x", "head_y", "neck_z", "body_y", "body_z"}
    assert {name for name, low in zip(pose_vector.POSE_NAMES, pose_vector.POSE_LOW, strict=True) if low == -1} == signed
    assert set(pose_vector.POSE_LOW.tolist()) == {-1.0, 0.0}
    assert set(pose_vector.POSE_HIGH.tolist()) == {1.0}


def test_parts():
    names = pose_vector.POSE_NAMES
    assert all(name.startswith("eyebrow_") for name in names[pose_vector.EYEBROW])
    assert not any(name.startswith("eyebrow_") for name in names[pose_vector.FACE])
    assert names[pose_vector.EYEBROW] + names[pose_vector.FACE] == names[pose_vector.EYEBROW_AND_FACE]
    assert names[pose_vector.EYEBROW_AND_FACE] + names[pose_vector.BODY] == names
    assert names[pose_vector.BODY] == ("head_x", "head_y", "neck_z", "body_y", "body_z", "breathing")


def test_groups():
    groups = {parameter.name: parameter.group for parameter in pose_vector.POSE_PARAMETERS}
    assert groups["eyebrow_happy_left"] == "eyebrow"
    assert groups["eye_wink_left"] == "eye"
    assert groups["iris_rotation_x"] == groups["iris_small_left"] == "iris"
    assert groups["mouth_smirk"] == "mouth"
    assert groups["neck_z"] == "head"
    assert groups["breathing"] == "body"


@pytest.mark.parametrize(
    ("name", "indices"),
    [("eye_wink", (12, 13)), ("eye_wink_right", (13,)), ("mouth_raised_corner", (34, 35)), ("head_y", (40,))],
)
def test_indices(name, indices):
    assert pose_vector.indices_of(name) == indices


@pytest.mark.parametrize(
    ("name", "near"), [("mouth_aa", "mouth_aaa"), ("eye_wnik_left", "eye_wink_left"), ("Head_Y", "head_y")]
)
def test_unknown_name_suggests_the_nearest(name, near):
    with pytest.raises(InputError, match=rf"^unknown pose parameter '{name}'; did you mean .*\b{near}\b.*\?$"):
        pose_vector.indices_of(name)


@pytest.mark.parametrize("name", ["", "0", "ψψψ", "_left"])
def test_name_like_no_other(name):
    with pytest.raises(InputError, match=f"^unknown pose parameter {name!r}; (did you mean|known are)"):
        pose_vector.indices_of(name)


def test_name_like_no_other_lists_all():
    with pytest.raises(InputError, match=r"known are eyebrow_troubled_left, .*, breathing$"):
        pose_vector.indices_of("0123")


def test_pose_from_names():
    pose = pose_vector.make_pose({"mouth_aaa": 0.5, "eye_wink": 1.0, "head_y": -2.0})
    assert pose.dtype == np.float32
    assert {int(index): float(pose[index]) for index in np.flatnonzero(pose)} == {12: 1.0, 13: 1.0, 26: 0.5, 40: -2.0}
    assert not pose_vector.make_pose({}).any()


def test_clamp_counts_numbers_outside():
    pose = pose_vector.make_pose({"mouth_aaa": 1.5, "head_y": -2.0, "head_x": -1.0, "breathing": -0.1, "neck_z": 1.0})
    clamped, count = pose_vector.clamp(pose)
    assert count == 3
    expected = {"mouth_aaa": 1.0, "head_y": -1.0, "head_x": -1.0, "breathing": 0.0, "neck_z": 1.0}
    np.testing.assert_array_equal(clamped, pose_vector.make_pose(expected))


@pytest.mark.parametrize("shape", [(), (2,), (0,), (2, 3)])
def test_clamp_takes_any_batch(shape):
    clamped, count = pose_vector.clamp(np.full((*shape, 45), 2.0))
    assert clamped.shape == (*shape, 45)
    assert clamped.dtype == np.float32
    assert count == 45 * int(np.prod(shape))


def test_poses_within_their_ranges_stay_as_they_are():
    poses = np.stack([pose_vector.POSE_LOW, pose_vector.POSE_HIGH, np.zeros(45, np.float32)])
    clamped, count = pose_vector.clamp(poses)
    np.testing.assert_array_equal(clamped, poses)
    assert count == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none(value):
    poses = np.zeros((3, 45))
    poses[1, [26, 40]] = value
    with pytest.raises(InputError, match=r"^2 pose numbers are NaN or infinite \(the first is mouth_aaa\)$"):
        pose_vector.clamp(poses)
