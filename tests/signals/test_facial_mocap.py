"""iFacialMocap packets and recordings: both versions, every rule of the mapping on hand-made faces, malformed input."""

import itertools

import numpy as np
import pytest
import scipy.optimize

from jaxanim.core.errors import InputError
from jaxanim.signals import facial_mocap, pose_vector
from jaxanim.signals.facial_mocap import MocapMapping

TOLERANCE = 1e-6  # float32 poses
FIT_TOLERANCE = 2e-3  # the minimiser of the mouth estimates slopes by differences and stops early

# The same face in both versions of the protocol, with the fields that the app sends beside the blendshapes.
VERSION_1 = (
    "trackingStatus-1|eyeBlink_L-35|eyeBlink_R-0|jawOpen-25|hapihapi-0|"
    "=head#-7.5,5.0,1.5e-05,0.01,-0.02,-0.5|rightEye#6.5,2.8,0.3|leftEye#6.6,-1.5,-0.1|"
)
VERSION_2 = (
    "trackingStatus&1|eyeBlink_L&35|eyeBlink_R&0|jawOpen&25|hapihapi&0|"
    "=head#-7.5,5.0,1.5e-05,0.01,-0.02,-0.5|rightEye#6.5,2.8,0.3|leftEye#6.6,-1.5,-0.1|"
)
HEAD = "=head#0,0,0,0,0,0"


def convert(*, time: float = 0.0, mapping: MocapMapping | None = None, **values: float) -> dict[str, float]:
    """The pose of a face, as the names that are not 0."""
    pose = facial_mocap.convert(values, time, mapping or MocapMapping())
    return {pose_vector.POSE_NAMES[index]: float(pose[index]) for index in np.flatnonzero(pose)}


def both(name: str, value: float) -> dict[str, float]:
    return {f"{name}_left": value, f"{name}_right": value}


def sides(name: str, value: float) -> dict[str, float]:
    """Blendshapes of both sides, as ARKit names them."""
    return {f"{name}Left": value, f"{name}Right": value}


@pytest.mark.parametrize("packet", [VERSION_1, VERSION_2, VERSION_1.rstrip("|"), VERSION_2.replace("|", " | ")])
def test_packet(packet):
    values = facial_mocap.parse_packet(packet)
    assert {name: values[name] for name in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen")} == {
        "eyeBlinkLeft": 0.35,
        "eyeBlinkRight": 0.0,
        "jawOpen": 0.25,
    }
    assert (values["headX"], values["headY"], values["headZ"]) == (-7.5, 5.0, 1.5e-05)
    assert not any("Eye" in name for name in values)


def test_numbers_in_packets():
    values = facial_mocap.parse_packet(f"a-100|b--5|c-12.5|d&100|e&-5|f&12.5|g&1e1|{HEAD}")
    assert [values[name] for name in "abcdefg"] == [1.0, -0.05, 0.125, 1.0, -0.05, 0.125, 0.1]


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        ("", "no head angles"),
        ("|||", "no head angles"),
        ("jawOpen-25", "no head angles"),
        ("=head#1,2,3", "the head has 3 numbers instead of 6"),
        ("=head#1,2,3,4,5,6,7", "the head has 7 numbers instead of 6"),
        ("=head#a,b,c,0,0,0", "could not convert string to float: 'a'"),
        ("=head#,,,,,", "could not convert"),
        (f"jawOpen|{HEAD}", "unknown field 'jawOpen'"),
        (f"jawOpen-|{HEAD}", "unknown field 'jawOpen-'"),
        (f"jawOpen-x|{HEAD}", "unknown field 'jawOpen-x'"),
        (f"jawOpen-1.2.3|{HEAD}", "could not convert string to float: '1.2.3'"),
        (f"jawOpen&|{HEAD}", "could not convert string to float: ''"),
        (f"jawOpen&1&2|{HEAD}", "could not convert string to float: '1&2'"),
        (f"jawOpen=1|{HEAD}", "unknown field 'jawOpen=1'"),
        (f"{'x' * 100}|{HEAD}", f"unknown field '{'x' * 40}'$"),
    ],
)
def test_malformed_packets(packet, message):
    with pytest.raises(ValueError, match=message):
        facial_mocap.parse_packet(packet)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("field", ["jawOpen&{}|" + HEAD, "mouthFunnel&{}|" + HEAD, "=head#0,{},0,0,0,0"])
def test_numbers_that_are_none(field, number):
    """`float` reads them, and the fit of the mouth would silently answer with a closed one."""
    with pytest.raises(ValueError, match=r"(?i)nan|inf|finite"):
        facial_mocap.parse_packet(field.format(number))


def test_neutral_face_is_the_neutral_pose():
    assert convert() == {}


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        ({"headX": -7.5}, {"head_x": 0.5}),
        ({"headX": 15.0}, {"head_x": -1.0}),
        ({"headX": -90.0}, {"head_x": 1.0}),
        ({"headY": -5.0}, {"head_y": 0.5, "body_y": 0.5}),
        ({"headY": 10.0}, {"head_y": -1.0, "body_y": -1.0}),
        ({"headZ": 7.5}, {"neck_z": 0.5, "body_z": 0.5}),
        ({"headZ": -20.0}, {"neck_z": -1.0, "body_z": -1.0}),
    ],
)
def test_head(angle, expected):
    """Fifteen degrees up and down and of tilt, ten to the sides; the body follows turning and tilting."""
    assert convert(**angle) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        ({"eyeLookInLeft": 0.75}, {"iris_rotation_y": 0.5}),
        ({"eyeLookOutRight": 0.75}, {"iris_rotation_y": 0.5}),
        ({"eyeLookOutLeft": 0.75}, {"iris_rotation_y": -0.5}),
        ({"eyeLookInRight": 0.75}, {"iris_rotation_y": -0.5}),
        ({"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0}, {"iris_rotation_y": 1.0}),
        ({"eyeLookInLeft": 0.6, "eyeLookInRight": 0.6}, {}),  # a squint is none
        (sides("eyeLookUp", 0.375), {"iris_rotation_x": 0.5}),
        (sides("eyeLookDown", 0.375), {"iris_rotation_x": -0.5}),
        (sides("eyeLookDown", 1.0), {"iris_rotation_x": -1.0}),
    ],
)
def test_gaze(look, expected):
    assert convert(**look) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"eyeBlinkLeft": 0.4}, {"eye_wink_left": 0.5}),
        ({"eyeBlinkRight": 0.9}, {"eye_wink_right": 1.0}),
        ({"eyeWideLeft": 0.25}, {"eye_surprised_left": 0.5}),
        ({"cheekSquintRight": 0.4}, {"eye_raised_lower_eyelid_right": 0.5}),
        (sides("cheekSquint", 0.1), {}),
        ({"browInnerUp": 0.3, "browOuterUpLeft": 0.2}, {"eyebrow_raised_left": 0.5, "eyebrow_raised_right": 0.3}),
        ({"browInnerUp": 0.9, "browOuterUpLeft": 0.9}, {"eyebrow_raised_left": 1.0, "eyebrow_raised_right": 0.9}),
        ({"browDownLeft": 0.1}, {"eyebrow_angry_left": 0.25}),
        (sides("browDown", 0.8), both("eyebrow_angry", 1.0)),
    ],
)
def test_eyes_and_brows(shape, expected):
    assert convert(**shape) == pytest.approx(expected, abs=TOLERANCE)


def test_smile_turns_winks_into_happy_winks_and_brows_from_angry_to_happy():
    """At a smile of 0.5, half way from 0.4 to 0.6, both halves are equal."""
    face = sides("eyeBlink", 0.8) | sides("browDown", 0.4)
    smiling = convert(**face, **sides("mouthSmile", 0.3), mouthShrugUpper=0.2)
    assert smiling == pytest.approx(
        both("eye_wink", 0.5)
        | both("eye_happy_wink", 0.5)
        | both("eyebrow_angry", 0.5)
        | both("eyebrow_happy", 0.25)
        | both("mouth_raised_corner", 0.5),
        abs=TOLERANCE,
    )
    laughing = convert(**face, **sides("mouthSmile", 0.8))
    assert laughing == pytest.approx(
        both("eye_happy_wink", 1.0) | both("eyebrow_happy", 0.8) | both("mouth_raised_corner", 0.8), abs=TOLERANCE
    )


def test_one_sided_smile_counts_half():
    assert convert(mouthSmileLeft=0.6) == pytest.approx(both("mouth_raised_corner", 0.3), abs=TOLERANCE)


def test_frown_lowers_the_corners_of_a_closed_mouth():
    frown = {"mouthFrownLeft": 0.1, "mouthFrownRight": 0.2}
    assert convert(**frown) == pytest.approx(both("mouth_lowered_corner", 0.5), abs=TOLERANCE)
    assert not any("lowered_corner" in name for name in convert(**frown, jawOpen=0.3))


def test_frown_bug_of_the_released_code():
    """The released code asks for `mouth_frown_max > 0` the wrong way round: a frown never arrives."""
    assert convert(mapping=MocapMapping(keep_frown_bug=True), **sides("mouthFrown", 0.5)) == {}


def mouth(opening: float, lower_lip: float, funnel: float, pucker: float) -> dict[str, float]:
    """The blendshapes of a mouth that is to be decomposed; `opening` counts from a jaw at 0.1 to one at 0.4."""
    return {"jawOpen": 0.1 + 0.3 * opening, **sides("mouthLowerDown", lower_lip / 2), "mouthFunnel": funnel,
            "mouthPucker": pucker}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1.0, 1.0, 0.0, 0.0), {"mouth_aaa": 1.0}),
        ((0.5, 0.5, 0.0, 0.0), {"mouth_aaa": 0.5}),
        ((0.2, 1.0, 0.0, 0.0), {"mouth_aaa": 0.2, "mouth_iii": 0.8}),
        ((0.5, 0.3, 0.25, 0.75), {"mouth_uuu": 1.0}),
        ((1.0, 0.5, 0.5, 0.4), {"mouth_ooo": 1.0}),
        ((0.75, 0.4, 0.375, 0.575), {"mouth_uuu": 0.5, "mouth_ooo": 0.5}),
        ((0.6, 0.65, 0.125, 0.375), {"mouth_aaa": 0.35, "mouth_iii": 0.15, "mouth_uuu": 0.5}),
    ],
)
def test_mouths_that_are_mixed_from_vowels(shape, expected):
    """Sums of the prototypes aaa (1, 1, 0, 0), iii (0, 1, 0, 0), uuu (.5, .3, .25, .75) and ooo (1, .5, .5, .4)."""
    pose = {name: value for name, value in convert(**mouth(*shape)).items() if value > FIT_TOLERANCE}
    assert pose == pytest.approx(expected, abs=FIT_TOLERANCE)


PROTOTYPES = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0.5, 0.3, 0.25, 0.75], [1, 0.5, 0.5, 0.4]])


@pytest.mark.parametrize("weights", [(0.3, 0.4, 0.2, 0.1), (0.9, 0.0, 0.0, 0.05), (0.1, 0.6, 0.3, 0.3)])
def test_mixed_mouths_by_least_squares(weights):
    target = np.array(weights) @ PROTOTYPES
    expected = scipy.optimize.lsq_linear(PROTOTYPES.T, target, bounds=(0, 1)).x
    np.testing.assert_allclose(facial_mocap._decompose_mouth(target), expected, atol=FIT_TOLERANCE)


@pytest.mark.parametrize("target", [(1, 0, 0, 0), (0.01, 0, 0, 0), (0.3, 0, 0, 1), (1, 0, 1, 1), (1, 1, 1, 1)])
def test_other_mouths_by_trying_everything(target):
    """No weights in steps of 0.05 are better than those that are found: an open jaw alone is between aaa and ooo."""

    def loss(weights):
        return np.linalg.norm(weights @ PROTOTYPES - target, axis=-1) + 0.01 * weights.sum(axis=-1)

    steps = np.linspace(0, 1, 21)
    everything = np.stack(np.meshgrid(steps, steps, steps, steps), axis=-1).reshape(-1, 4)
    found = facial_mocap._decompose_mouth(np.array(target, np.float64))
    assert ((found >= 0) & (found <= 1)).all()
    assert loss(found) <= loss(everything).min() + 1e-6


def test_mouth_opens_without_a_jump():
    """Opening the jaw by steps of 0.02, a fifteenth of its range: no vowel changes by more than two of them."""
    poses = np.stack(
        [facial_mocap.convert({"jawOpen": jaw}, 0.0, MocapMapping()) for jaw in np.linspace(0.06, 0.44, 20)]
    )
    assert np.abs(np.diff(poses, axis=0)).max() < 2 / 15


def test_closed_mouth_has_no_vowels():
    assert convert(**{**mouth(0.0, 1.0, 1.0, 1.0), "jawOpen": 0.1}) == {}


def test_smile_raises_the_corners_of_an_open_mouth_too():
    pose = convert(**mouth(1.0, 1.0, 0.0, 0.0), **sides("mouthSmile", 0.3))
    assert pose["mouth_raised_corner_left"] == pytest.approx(0.3)
    assert pose["mouth_aaa"] == pytest.approx(1.0, abs=FIT_TOLERANCE)


@pytest.mark.parametrize(("time", "breathing"), [(0.0, 0.0), (0.75, 0.5), (1.5, 1.0), (3.0, 0.0), (301.5, 1.0)])
def test_breathing_takes_three_seconds(time, breathing):
    assert convert(time=time).get("breathing", 0.0) == pytest.approx(breathing, abs=TOLERANCE)


def test_other_constants():
    mapping = MocapMapping(breaths_per_minute=10.0, eye_blink_max=0.4, head_degrees=(30.0, 20.0, 30.0))
    pose = convert(time=3.0, mapping=mapping, eyeBlinkLeft=0.2, headX=-15.0, headY=-10.0, headZ=15.0)
    expected = dict.fromkeys(("head_x", "head_y", "body_y", "neck_z", "body_z", "eye_wink_left"), 0.5)
    assert pose == pytest.approx(expected | {"breathing": 1.0}, abs=TOLERANCE)


@pytest.mark.parametrize("field", ["eye_blink_max", "eye_surprised_max", "eyebrow_down_max", "mouth_frown_max"])
def test_constants_of_zero_switch_off(field):
    face = sides("eyeBlink", 0.5) | sides("eyeWide", 0.5) | sides("browDown", 0.5) | sides("mouthFrown", 0.5)
    missing = {"eye_blink_max": "eye_wink", "eye_surprised_max": "eye_surprised", "eyebrow_down_max": "eyebrow_angry",
               "mouth_frown_max": "mouth_lowered_corner"}  # fmt: skip
    pose = convert(mapping=MocapMapping(**{field: 0.0}), **face)
    assert set(convert(**face)) - set(pose) == set(both(missing[field], 0.0))


def test_every_pose_is_within_its_ranges():
    """All blendshapes at their ends, and beyond."""
    names = ["jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "headX"]
    for values in itertools.product((-1.5, 1.5), repeat=len(names)):
        pose = facial_mocap.convert(dict(zip(names, values, strict=True)), 0.0, MocapMapping())
        assert (pose >= pose_vector.POSE_LOW).all()
        assert (pose <= pose_vector.POSE_HIGH).all()


@pytest.fixture
def read(tmp_path):
    """Writes a recording and reads it."""

    def write_and_read(text: str | bytes, **options):
        (tmp_path / "a.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return facial_mocap.read_recording(tmp_path / "a.txt", **options)

    return write_and_read


@pytest.mark.parametrize(("fps", "step"), [(None, 1 / 60), (30.0, 1 / 30)])
def test_recording_without_times(read, fps, step):
    track = read(f"{VERSION_1}\n{VERSION_2}\n\n{VERSION_2}\n", fps=fps)
    np.testing.assert_allclose(track.time, np.arange(3) * step)
    without_breath = track.pose[:, : pose_vector.POSE_INDEX["breathing"]]
    np.testing.assert_array_equal(without_breath, np.repeat(without_breath[:1], 3, axis=0))
    assert track.pose[0, pose_vector.POSE_INDEX["head_x"]] == pytest.approx(0.5)


def test_what_goes_beyond_a_range_stops_there_uncounted(read):
    track = read("=head#-60,40,0,0,0,0|")
    assert [track.pose[0, pose_vector.POSE_INDEX[name]] for name in ("head_x", "head_y")] == [1.0, -1.0]
    assert track.clamped == 0


def test_recording_with_times(read):
    track = read(f"0.5\t{VERSION_1}\r\n2.0\t{VERSION_2}\r\n", fps=30.0)
    np.testing.assert_array_equal(track.time, [0.5, 2.0])
    breathing = track.pose[:, pose_vector.POSE_INDEX["breathing"]]
    np.testing.assert_allclose(breathing, [0.25, 0.75], atol=TOLERANCE)  # (1 - cos 60°) / 2 and (1 - cos 240°) / 2


def test_recording_with_another_mapping(read):
    assert read(VERSION_1, mapping=MocapMapping(head_degrees=(30.0, 10.0, 15.0))).pose[
        0, pose_vector.POSE_INDEX["head_x"]
    ] == pytest.approx(0.25)


@pytest.mark.parametrize("packet", [VERSION_1, VERSION_2])
def test_byte_order_mark(read, packet):
    """Some editors put one at the start of a text file; it must not hide the first field."""
    packet = packet.removeprefix(packet.partition("|")[0] + "|")  # begins with eyeBlink_L now
    np.testing.assert_array_equal(read("\ufeff" + packet).pose, read(packet).pose)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n  \n", "is empty"),
        ("hello\n", r"line 1 is not an iFacialMocap packet \(unknown field 'hello'\)"),
        (f"{VERSION_1}\n{VERSION_1[:40]}\n", r"line 2 is not an iFacialMocap packet"),
        (f"\n\n{VERSION_1}\n\nhello\n", r"line 5 is not an iFacialMocap packet"),
        (f"now\t{VERSION_1}\n", r"line 1 is not an iFacialMocap packet \(could not convert string to float: 'now'"),
        (f"0\t{VERSION_1}\n{VERSION_1}\n", "some lines have a time and some have none"),
        (f"0\t{VERSION_1}\n0\t{VERSION_1}\n", "times must be finite and increase"),
        (f"nan\t{VERSION_1}\n", "times must be finite and increase|line 1"),
        (f"{VERSION_2}\njawOpen&nan|{HEAD}\n", "line 2 is not an iFacialMocap packet"),
        (b"\xff\xfe\x00\x01", "cannot be read as a text file"),
    ],
)
def test_bad_recordings(read, text, message):
    with pytest.raises(InputError, match=rf"a\.txt: .*({message})"):
        read(text)


@pytest.mark.parametrize("fps", [0.0, -30.0, np.nan, np.inf])
def test_bad_rate(read, fps):
    with pytest.raises(InputError, match=f"frames per second must be positive, got {fps}"):
        read(VERSION_1, fps=fps)


def test_missing_recording(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        facial_mocap.read_recording(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot be read"):
        facial_mocap.read_recording(tmp_path)
