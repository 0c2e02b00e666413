"""Left is left on every system: gestures of the open head as a camera sees them, against what each signal says."""

import json

import numpy as np
import pytest

from jaxanim.signals import action_units, convert, face_signal, facial_mocap, gaze, head_angles, mediapipe, pose_vector
from tests.signals import gestures

NAMES = list(gestures.GESTURES)
LOOKS = ("look left", "look down")


@pytest.fixture(scope="module")
def seen():
    """How far points and pupils are from where they rest, by gesture: x to the picture's right, y down, in pixels.

    The gestures once by blendshapes, then those with another way by joints: 'NAME, joints'.
    """
    signals = [convert.to_open_head(*gestures.row(name)) for name in NAMES]
    by_joints = {f"{name}, joints": convert.to_open_head(*gestures.row(name), eyes="joints") for name in LOOKS}
    flame = convert.to_flame(*gestures.row("jaw left")).rotations
    by_joints["jaw left, joints"] = convert.JointSignal(np.zeros(52), flame)
    signals += by_joints.values()
    points, pupils = gestures.in_picture(
        convert.JointSignal(
            np.stack([signal.expression for signal in signals]), np.stack([signal.rotations for signal in signals])
        )
    )
    names = [*NAMES, *by_joints]
    return {name: (points[k] - points[0], pupils[k] - pupils[0]) for k, name in enumerate(names)}


def units(gesture):
    found = convert.to_action_units(gestures.row(gesture)[0])
    return {name: value for name, value in zip(action_units.NAMES, found, strict=True) if value > 0}


def pose(gesture):
    expression, degrees = gestures.row(gesture)
    row = convert.to_pose(face_signal.make_signal(expression[None], degrees[None], np.zeros(1)))[0]
    return {name: float(value) for name, value in zip(pose_vector.POSE_NAMES, row, strict=True) if value}


def angles(gesture):
    """Yaw, pitch and roll of every system that has them, in its own signs and degrees."""
    degrees = gestures.row(gesture)[1]
    return {
        "openface": np.degrees(head_angles.to_openface(degrees))[[1, 0, 2]],
        "3ddfa": np.degrees(head_angles.to_3ddfa(degrees))[[1, 0, 2]],
    }


def test_looking_left(seen):
    """Both pupils go to the picture's right, where the person's left is; THA4's iris to the viewer's right."""
    assert (seen["look left"][1][:, 0] > 3).all()
    assert (seen["look right"][1][:, 0] < -3).all()
    assert pose("look left") == pytest.approx({"iris_rotation_y": -0.8})
    assert pose("look right") == pytest.approx({"iris_rotation_y": 0.8})


def test_looking_down(seen):
    assert (seen["look down"][1][:, 1] > 2).all()
    assert pose("look down") == pytest.approx({"iris_rotation_x": -0.8})


def test_openface_gaze():
    """gaze_angle_x is positive to the picture's right, gaze_angle_y down, relative to the camera."""
    head = np.zeros(3)
    left = gaze.with_gaze(np.zeros(52), gaze.from_openface(np.radians([18.0, 0.0]), head))
    np.testing.assert_allclose(left, gestures.row("look left")[0], atol=1e-9)
    down = gaze.with_gaze(np.zeros(52), gaze.from_openface(np.radians([0.0, 15.0]), head))
    np.testing.assert_allclose(down, gestures.row("look down")[0], atol=1e-9)


def test_who_looks_at_the_camera_from_a_turned_head_looks_back():
    """A head that is turned left and down, whose eyes stay on the camera, looks right and up."""
    found = gaze.from_openface(np.zeros(2), np.array([20.0, 10.0, 0.0]))
    assert (found[:, 0] < -15).all()
    assert (found[:, 1] < -5).all()


def test_turning_left(seen):
    """The tip of the nose goes to the picture's right, more than the ears do; where the face is seen from decides."""
    moved = seen["turn left"][0]
    assert moved[gestures.NOSE_TIP, 0] > moved[gestures.EARS, 0].max() + 10
    assert pose("turn left") == pytest.approx({"head_y": -1.0, "body_y": -1.0})
    assert angles("turn left") == {
        "openface": pytest.approx([-20, 0, 0], abs=1e-9),
        "3ddfa": pytest.approx([-20, 0, 0], abs=1e-9),
    }


def test_nodding(seen):
    moved = seen["nod"][0]
    assert moved[gestures.NOSE_TIP, 1] > moved[gestures.EARS, 1].max() + 10
    assert pose("nod") == pytest.approx({"head_x": -1.0})
    assert angles("nod") == {
        "openface": pytest.approx([0, 15, 0], abs=1e-9),
        "3ddfa": pytest.approx([0, -15, 0], abs=1e-9),
    }


def test_tilting(seen):
    """Against the chin the bridge of the nose goes to the picture's left, the person's right."""
    moved = seen["tilt right"][0]
    assert moved[27, 0] < moved[gestures.CHIN, 0] - 10
    assert moved[16, 1] < moved[0, 1] - 10  # the ear at the picture's right rises
    assert pose("tilt right") == pytest.approx({"neck_z": 0.8, "body_z": 0.8})
    assert angles("tilt right") == {
        "openface": pytest.approx([0, 0, -12], abs=1e-9),
        "3ddfa": pytest.approx([0, 0, -12], abs=1e-9),
    }


def test_smiling_on_the_left(seen):
    """The corner at the picture's right rises; action units and THA4 know one smile for both sides."""
    moved = seen["smile left"][0]
    assert moved[gestures.LEFT_CORNER, 1] < -5
    assert abs(moved[gestures.RIGHT_CORNER, 1]) < 1
    assert units("smile left") == {"AU12": 2.5}
    assert {name: value for name, value in pose("smile left").items() if name.startswith("mouth")} == pytest.approx(
        {"mouth_raised_corner_left": 0.5, "mouth_raised_corner_right": 0.5}
    )


def test_winking_with_the_left(seen):
    def opening(points):
        return points[[4, 5], 1].sum() - points[[1, 2], 1].sum()  # lower lid minus upper

    moved = seen["wink left"][0]
    assert opening(moved[gestures.LEFT_EYE]) < -8
    assert abs(opening(moved[gestures.RIGHT_EYE])) < 1
    assert units("wink left") == {"AU45": 2.5}
    assert pose("wink left") == pytest.approx({"eye_wink_left": 1.0})


def test_the_jaw_goes_left(seen):
    moved = seen["jaw left"][0]
    assert moved[gestures.CHIN, 0] > 3
    assert moved[gestures.CHIN, 1] > 3
    assert (seen["jaw left, joints"][0][gestures.CHIN] > 3).all()  # FLAME's axes and joints are the open head's


@pytest.mark.parametrize("gesture", LOOKS)
def test_eyes_by_joints_look_as_eyes_by_blendshapes(gesture, seen):
    # A share of an offset is a chord of the turn, not the arc: a pixel of the seven.
    np.testing.assert_allclose(seen[f"{gesture}, joints"][1], seen[gesture][1], atol=1.0)
    flame = convert.to_flame(*gestures.row(gesture)).rotations
    np.testing.assert_allclose(flame, convert.to_open_head(*gestures.row(gesture), eyes="joints").rotations)


@pytest.mark.parametrize("gesture", NAMES)
def test_mediapipe_and_a_phone_say_the_same(gesture, tmp_path):
    """MediaPipe's left is the person's own; its matrix turns right-handed with y up and z towards the camera."""
    expression, (yaw, pitch, roll) = gestures.row(gesture)
    scores = dict(zip(face_signal.EXPRESSIONS, expression.tolist(), strict=True))
    del scores["tongueOut"]
    matrix = np.eye(4)
    matrix[:3, :3] = turn(1, yaw) @ turn(0, pitch) @ turn(2, roll)
    matrix[:3, 3] = [1.0, -2.0, -45.0]
    frame = {"time": 0, "blendshapes": {"_neutral": 0.1, **scores}, "facial_transformation_matrix": matrix.tolist()}
    (tmp_path / "a.jsonl").write_text(json.dumps(frame))
    tokens = [f"{name.replace('Left', '_L').replace('Right', '_R')}&{100 * v}" for name, v in scores.items()]
    tokens = [t.replace("jaw_L", "jawLeft").replace("jaw_R", "jawRight") for t in tokens]
    tokens = [t.replace("mouth_L", "mouthLeft").replace("mouth_R", "mouthRight") for t in tokens]
    (tmp_path / "a.txt").write_text("|".join([*tokens, f"=head#{pitch},{yaw},{roll},0,0,0"]))
    for signal in (mediapipe.read_signal(tmp_path / "a.jsonl"), facial_mocap.read_signal(tmp_path / "a.txt")):
        np.testing.assert_allclose(signal.expression[0], expression, atol=1e-9)
        np.testing.assert_allclose(signal.head_degrees[0], [yaw, pitch, roll], atol=1e-9)
    recorded = facial_mocap.read_recording(tmp_path / "a.txt").pose
    np.testing.assert_allclose(recorded, convert.to_pose(facial_mocap.read_signal(tmp_path / "a.txt")), atol=1e-6)


def turn(axis: int, degrees: float) -> np.ndarray:
    """A right-handed turn about an axis, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        [
            [[1, 0, 0], [0, c, -s], [0, s, c]],
            [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        ][axis]
    )


def picture(points):
    """Parallel rays: x right, y down, without the mean."""
    flat = points[:, :2] * [1, -1]
    return flat - flat.mean(axis=0)


@pytest.mark.parametrize("radians", [(0.3, 0.0, 0.0), (0.0, 0.3, 0.0), (0.0, 0.0, 0.3), (0.2, -0.5, 0.15)])
def test_the_picture_is_that_of_the_other_systems_rotation(radians):
    """Points of the head turned as OpenFace and 3DDFA define it fall where our angles put them."""
    template = np.random.default_rng(0).normal(size=(20, 3))
    a, b, c = np.degrees(radians)
    flip = np.diag([1.0, -1.0, -1.0])  # OpenFace: x right, y down, z away from the camera
    openface = (template @ flip) @ (turn(0, a) @ turn(1, b) @ turn(2, c)).T @ flip
    ours = template @ head_angles.to_matrix(head_angles.from_openface(np.array(radians))).T
    np.testing.assert_allclose(picture(openface), picture(ours), atol=1e-9)
    basel = template @ (turn(0, a).T @ turn(1, b).T @ turn(2, c).T).T
    ours = template @ head_angles.to_matrix(head_angles.from_3ddfa(np.array(radians))).T
    np.testing.assert_allclose(picture(basel), picture(ours), atol=1e-9)
