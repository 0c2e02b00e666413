"""MediaPipe's blendshapes in every form that people save them in, and what is refused."""

import json

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import face_signal, head_angles, mediapipe

TOLERANCE = 1e-9
SCORES = {name: 0.01 * (index + 1) for index, name in enumerate(mediapipe.NAMES)}
NEUTRAL = {"_neutral": 0.5}
EXPECTED = face_signal.row_of(SCORES)
DEGREES = np.array([20.0, -10.0, 5.0])


def matrix() -> np.ndarray:
    """A head turned, 45 cm in front of the camera."""
    result = np.eye(4)
    result[:3, :3] = head_angles.to_matrix(DEGREES)
    result[:3, 3] = [3.0, -2.0, -45.0]
    return result


def categories(key="categoryName"):
    return [{"index": k, "score": v, key: name} for k, (name, v) in enumerate((NEUTRAL | SCORES).items())]


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it."""

    def write_and_read(content, suffix=".json", **options):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / f"a{suffix}").write_text(text)
        return mediapipe.read_signal(tmp_path / f"a{suffix}", **options)

    return write_and_read


FRAMES = {
    "scores by name": SCORES,
    "with _neutral": NEUTRAL | SCORES,
    "with tongueOut": SCORES | {"tongueOut": 0.0},
    "categories": categories(),
    "categories in snake case": categories("category_name"),
    "named": {"blendshapes": SCORES},
    "named categories": {"blendshapes": categories()},
    "a result of Python": {"face_landmarks": [], "face_blendshapes": [categories("category_name")]},
    "a result of the browser": {"faceLandmarks": [], "faceBlendshapes": [{"categories": categories()}]},
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_forms_of_a_frame(read, frame):
    for content in ([frame, frame], json.dumps(frame) + "\n\n" + json.dumps(frame) + "\n"):
        signal = read(content, fps=20.0)
        np.testing.assert_allclose(signal.expression, [EXPECTED, EXPECTED], atol=TOLERANCE)
        np.testing.assert_array_equal(signal.time, [0, 0.05])
        np.testing.assert_array_equal(signal.head_degrees, np.zeros((2, 3)))
    assert len(read([frame], fps=20.0).time) == 1
    assert len(read(json.dumps(frame), ".jsonl", fps=20.0).time) == 1


MATRICES = {
    "rows": {"facial_transformation_matrix": matrix().tolist()},
    "a list of one": {"facial_transformation_matrixes": [matrix().tolist()]},
    "the browser's": {"facialTransformationMatrixes": [{"rows": 4, "columns": 4, "data": matrix().T.ravel().tolist()}]},
}


@pytest.mark.parametrize("given", MATRICES.values(), ids=MATRICES)
def test_matrices(read, given):
    signal = read([{"blendshapes": SCORES, **given}], fps=30.0)
    np.testing.assert_allclose(signal.head_degrees, [DEGREES], atol=TOLERANCE)


@pytest.mark.parametrize(("key", "unit"), [("time", 1.0), ("timestamp", 1.0), ("timestamp_ms", 1e-3)])
def test_times(read, key, unit):
    signal = read([{key: 2 / unit, **SCORES}, {key: 2.5 / unit, "blendshapes": SCORES}])
    np.testing.assert_allclose(signal.time, [2, 2.5])


def test_a_rate_in_the_file_wins(read):
    np.testing.assert_allclose(read({"fps": 10, "frames": [SCORES, SCORES]}, fps=99.0).time, [0, 0.1])


def test_frames_without_a_face_are_left_out(read):
    signal = read([SCORES, {"face_blendshapes": []}, SCORES, []], fps=10.0)
    assert signal.lost == 2
    np.testing.assert_allclose(signal.time, [0, 0.2])


def test_tables(read):
    names = ["timestamp_ms", *NEUTRAL, *reversed(SCORES)]
    rows = [[40 * k, 0.5, *(SCORES[name] for name in names[2:])] for k in range(2)]
    signal = read("\n".join(", ".join(map(str, row)) for row in [names, *rows]), ".csv")
    np.testing.assert_allclose(signal.expression, [EXPECTED, EXPECTED], atol=TOLERANCE)
    np.testing.assert_allclose(signal.time, [0, 0.04])


def without(name):
    return {key: value for key, value in SCORES.items() if key != name}


BAD = {
    "empty": ("", "no face in any of its 0 frames"),
    "text": ("hello\nworld\n", "is not JSON, nor JSON in every line"),
    "cut short": (json.dumps([SCORES])[:-20], "is not JSON, nor JSON in every line"),
    "no frames": ([], "no face in any of its 0 frames"),
    "no face": ([[], []], "no face in any of its 2 frames"),
    "number": (5, "must be a list of frames"),
    "numbers": ([5], "frame 0: is 5, an object or a list was expected"),
    "list of numbers": ([[5]], "frame 0: its categories must be"),
    "unknown name": ([SCORES, SCORES | {"smile": 1}], "frame 1: unknown blendshape 'smile'; known are browDownLeft"),
    "missing name": ([without("jawOpen")], r"frame 0: has no jawOpen \(1 of 51 blendshapes are missing\)"),
    "twice": ([categories() + categories()[:1]], "each once"),
    "word": ([SCORES | {"jawOpen": "wide"}], "frame 0: jawOpen is 'wide', a number was expected"),
    "no score": ([[{"categoryName": name} for name in SCORES]], "browDownLeft is None"),
    "nan": ([SCORES | {"jawOpen": float("nan")}], "jawOpen is nan"),
    "two faces": ([{"face_blendshapes": [categories(), categories()]}], "frame 0: holds 2 faces, one is expected"),
    "some times": ([{"time": 0, **SCORES}, SCORES], "some frames have a time and some have none"),
    "same times": ([{"time": 0, **SCORES}] * 2, "times must be finite and increase"),
    "some matrices": ([{"blendshapes": SCORES, **MATRICES["rows"]}, SCORES], "matrix and some have none"),
    "small matrix": ([{"blendshapes": SCORES, "facial_transformation_matrix": [[1]]}], r"shape \(1, 1\)|shape \(1,\)"),
    "matrix of words": ([{"blendshapes": SCORES, "facial_transformation_matrix": "no"}], "not of numbers"),
    "projection": ([{"blendshapes": SCORES, "facial_transformation_matrix": [[1] * 4] * 4}], "neither a last row nor"),
    "mirror": (
        [{"blendshapes": SCORES, "facial_transformation_matrix": np.diag([1, 1, -1, 1]).tolist()}],
        "is no rotation",
    ),
    "rate": ({"fps": 0, "frames": [SCORES]}, "frames per second must be positive, got 0"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_refused(read, content, message):
    with pytest.raises(InputError, match=rf"a\.json: .*({message})"):
        read(content, fps=30.0)


def test_other_files(read, tmp_path):
    with pytest.raises(InputError, match="holds neither times nor frames per second; give --track-fps"):
        read([SCORES])
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        mediapipe.read_signal(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"a\.txt: MediaPipe's blendshapes are \.json, \.jsonl, \.csv files"):
        mediapipe.read_signal(tmp_path / "a.txt")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a text file"):
        mediapipe.read_signal(tmp_path / "b.json")
    with pytest.raises(InputError, match="row 1 has 1 fields, the header has 2"):
        read("time,jawOpen\n1\n", ".csv")
    with pytest.raises(InputError, match="is empty"):
        read("\n", ".csv")
