"""Conversions there and back, and what they say they lose; signs have a file of their own."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.geometry import open_head
from jaxanim.signals import action_units, convert, face_signal, facial_mocap, gaze, head_angles, openface

TOLERANCE = 1e-9


def signal(count: int = 4) -> face_signal.FaceSignal:
    rng = np.random.default_rng(0)
    return face_signal.make_signal(
        rng.uniform(size=(count, 52)), rng.uniform(-20, 20, (count, 3)), np.arange(count) / 30
    )


def test_blendshapes_stand_as_on_the_open_head():
    assert open_head.load_open_head().expression_names == face_signal.EXPRESSIONS
    assert open_head.load_open_head().joint_names == convert.JOINTS


def test_checks_of_a_signal():
    wild = face_signal.make_signal(np.array([[-1.0, 2.0] + [0.5] * 50]), np.zeros((1, 3)), np.zeros(1))
    assert (wild.clamped, wild.expression.min(), wild.expression.max()) == (2, 0, 1)
    still, turned = np.zeros((2, 52)), np.zeros((2, 3))
    with pytest.raises(InputError, match="no frames with a face"):
        face_signal.make_signal(still[:0], turned[:0], np.zeros(0))
    with pytest.raises(InputError, match="times must be finite and increase"):
        face_signal.make_signal(still, turned, np.zeros(2))
    with pytest.raises(InputError, match="6 head angles are NaN"):
        face_signal.make_signal(still, turned * np.nan, np.arange(2.0))
    with pytest.raises(ValueError, match="unknown blendshape 'mouthSmile'"):
        face_signal.row_of({"mouthSmile": 1.0})


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
def test_angles_there_and_back(leading):
    degrees = np.random.default_rng(1).uniform(-80, 80, (*leading, 3))
    for name in ("openface", "3ddfa", "axis_angle", "matrix"):
        there, back = getattr(head_angles, f"to_{name}"), getattr(head_angles, f"from_{name}")
        np.testing.assert_allclose(back(there(degrees)), degrees, atol=TOLERANCE)
    matrix = np.zeros((*leading, 4, 4))
    matrix[..., :3, :3] = 1.3 * head_angles.to_matrix(degrees)
    np.testing.assert_allclose(head_angles.from_mediapipe(matrix), degrees, atol=TOLERANCE)
    eyes = np.random.default_rng(2).uniform(-25, 25, (*leading, 2, 2))
    np.testing.assert_allclose(gaze.degrees_of(gaze.with_gaze(np.zeros((*leading, 52)), eyes)), eyes, atol=TOLERANCE)
    np.testing.assert_allclose(gaze.from_rotations(gaze.to_rotations(eyes)), eyes, atol=TOLERANCE)


@pytest.mark.parametrize("change", [np.diag([1.0, 1, -1, 1]), np.zeros((4, 4)), np.diag([1.0, 2, 3, 1])])
def test_matrices_that_do_not_rotate(change):
    with pytest.raises(ValueError, match="is no rotation"):
        head_angles.from_mediapipe(change)


def test_gaze_leaves_everything_else():
    expression = signal().expression
    eyes = [name.startswith("eyeLook") for name in face_signal.EXPRESSIONS]
    changed = gaze.without_gaze(expression)
    assert not changed[:, eyes].any()
    np.testing.assert_array_equal(changed[:, ~np.array(eyes)], expression[:, ~np.array(eyes)])


def test_action_units_there_and_back():
    """All but AU25 come back; it does where it is not less than what jaw and upper lip do."""
    intensities = np.random.default_rng(3).uniform(0, 5, (50, 17))
    jaw, lift, parted = (action_units.NAMES.index(name) for name in ("AU26", "AU10", "AU25"))
    intensities[:, lift] = 0
    intensities[:, parted] = np.minimum(2 * intensities[:, jaw] + intensities[:, parted], 5)
    expression = convert.from_action_units(intensities)
    assert expression.min() >= 0
    np.testing.assert_allclose(convert.to_action_units(expression), intensities, atol=TOLERANCE)


def test_pose_is_that_of_a_packet():
    given = signal()
    packet = dict(zip(face_signal.EXPRESSIONS, given.expression[2].tolist(), strict=True))
    yaw, pitch, roll = given.head_degrees[2]
    packet |= {"headX": pitch, "headY": yaw, "headZ": roll}
    expected = facial_mocap.convert(packet, given.time[2], facial_mocap.MocapMapping())
    np.testing.assert_array_equal(convert.to_pose(given)[2], expected)
    shallow = facial_mocap.MocapMapping(head_degrees=(90.0, 90.0, 90.0))
    assert (convert.to_pose(given, shallow) != convert.to_pose(given)).any()


@pytest.mark.parametrize("head", ["root", "neck"])
@pytest.mark.parametrize("eyes", ["expression", "joints"])
def test_open_head_there_and_back(head, eyes):
    given = signal()
    expression = gaze.with_gaze(given.expression, np.random.default_rng(4).uniform(-25, 25, (4, 2, 2)))
    posed = convert.to_open_head(expression, given.head_degrees, head=head, eyes=eyes)
    assert np.abs(posed.rotations[:, 3:]).any() == (eyes == "joints")
    back, degrees = convert.from_open_head(posed.expression, posed.rotations)
    np.testing.assert_allclose(back, expression, atol=TOLERANCE)
    np.testing.assert_allclose(degrees, given.head_degrees, atol=TOLERANCE)


def test_root_and_neck_turn_one_after_the_other():
    rotations = np.zeros((5, 3))
    rotations[0], rotations[1] = np.radians([0, 30, 0]), np.radians([0, 15, 0])
    rotations[2] = np.radians([11, 0, 0])
    expression, degrees = convert.from_open_head(np.zeros(52), rotations)
    np.testing.assert_allclose(degrees, [45, 0, 0], atol=TOLERANCE)
    np.testing.assert_allclose(expression, face_signal.row_of({"jawOpen": 0.5}), atol=TOLERANCE)


def test_flame_by_joints_and_by_table():
    """Without a table FLAME has no expression at all, rather than a neutral one."""
    expression = face_signal.row_of({"jawOpen": 0.5, "jawLeft": 1.0, "eyeLookUpLeft": 1.0, "mouthSmileLeft": 1.0})
    bare = convert.to_flame(expression, np.array([10.0, 0, 0]))
    assert bare.expression.shape == (0,)
    degrees = head_angles.from_axis_angle(bare.rotations)
    expected = [[10, 0, 0], [0, 0, 0], [6.5, 11, 0], [0, -25, 0], [0, 0, 0]]  # root, neck, jaw, eyes: yaw, pitch, roll
    np.testing.assert_allclose(degrees, expected, atol=TOLERANCE)
    table = np.random.default_rng(5).normal(size=(52, 7))
    mapped = convert.to_flame(np.stack([expression] * 2), np.zeros((2, 3)), expression_map=table, head="neck")
    np.testing.assert_allclose(mapped.expression, np.stack([expression @ table] * 2))


def openface_track(**more) -> openface.ActionUnitTrack:
    return openface.ActionUnitTrack(np.arange(2) / 30, np.full((2, 17), 2.5, np.float32), lost=3, clamped=1, **more)


def test_openface():
    head, eyes = np.radians([[10.0, -20.0, 0.0], [0.0, 0.0, 5.0]]), np.radians([[20.0, 10.0], [0.0, 0.0]])
    found = convert.from_openface(openface_track(head_radians=head, gaze_radians=eyes))
    np.testing.assert_allclose(found.head_degrees[1], [0, 0, -5], atol=TOLERANCE)
    assert (found.lost, found.clamped) == (3, 1)
    assert found.expression[0, face_signal.INDEX["browInnerUp"]] == 0.5
    # The eyes look where the head does: as seen from it, nearly straight ahead.
    assert found.head_degrees[0, 0] > 19
    assert np.abs(gaze.degrees_of(found.expression[0])).max() < 1.0
    straight = convert.from_openface(openface_track(head_radians=head), eyes="straight")
    assert not gaze.degrees_of(straight.expression).any()


def test_openface_without_head_or_gaze():
    with pytest.raises(InputError, match="no columns pose_Rx"):
        convert.from_openface(openface_track())
    with pytest.raises(InputError, match="no columns gaze_angle_x"):
        convert.from_openface(openface_track(head_radians=np.zeros((2, 3))))
