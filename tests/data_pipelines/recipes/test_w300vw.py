"""300-VW: films and their landmarks, frame by frame; a film that does not fit its landmarks is left out."""

import numpy as np
import pytest

from data_pipelines.recipes import w300vw
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, sampling
from tests.data_pipelines.recipes.layouts import film, run, skipped

FACE = np.random.default_rng(0).uniform(0, 1, (68, 2))
FACE[:2] = [[0, 0], [1, 1]]  # the corners of its box


def write(folder, frame, points, **change):
    """Writes the landmarks of a frame (from 1)."""
    lines = change.get("lines", [f"{x:.3f} {y:.3f}" for x, y in points])
    path = folder / "annot" / f"{frame:06d}.pts"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["version: 1", f"n_points:  {change.get('count', 68)}", "{", *lines, "}", ""]))


@pytest.fixture
def raw(tmp_path):
    """Two films of 5 frames; the face moves right by 2 pixels a frame."""
    for name in ("114", "001"):
        film(tmp_path / "raw" / name / "vid.avi", range(0, 250, 50))
        for frame in range(1, 6):
            write(tmp_path / "raw" / name, frame, FACE * 16 + [20 + 2 * frame, 24])
    return tmp_path / "raw"


def test_300vw(tmp_path, raw):
    """MATLAB's pixel 1 has its centre at 0.5."""
    built = run(tmp_path, "300vw")
    columns = built.columns
    assert columns["clip"].tolist() == ["001"] * 5 + ["114"] * 5
    assert columns["frame"].tolist() == [*range(5)] * 2
    assert columns["split"].tolist() == ["train"] * 5 + ["test"] * 5
    assert columns["category"].tolist() == [0] * 5 + [1] * 5
    np.testing.assert_allclose(built[3]["landmarks"], FACE * 16 + [28 - 0.5, 24 - 0.5], atol=1e-3)
    np.testing.assert_allclose([built[n]["image"].mean() for n in range(5)], range(0, 250, 50), atol=4)
    assert len(sampling.SameClipPair(columns["clip"])) == 2
    batch = Loader(built, seed=0, batch_size=10).global_batch(0)
    assert (batch["landmarks"].shape, batch["landmarks"].dtype) == ((10, 68, 2), np.float32)


def test_one_square_for_the_whole_film(tmp_path, raw):
    """The face goes from x 22 to 46: a box of 24, a square of 36 from 16 (15.5 in pixels counted from 0)."""
    built = run(tmp_path, "300vw", "--size", "18", "--stride", "2")
    assert built.columns["frame"].tolist() == [0, 2, 4] * 2
    assert built[0]["image"].shape == (18, 18, 3)
    for record, frame in enumerate((1, 3, 5)):
        points = FACE * 16 + [20 + 2 * frame - 0.5, 24 - 0.5]
        np.testing.assert_allclose(built[record]["landmarks"], (points - [16, 14]) / 2, atol=1e-3)


def test_frames_without_landmarks_are_left_out(tmp_path, raw):
    (raw / "001" / "annot" / "000002.pts").unlink()
    assert run(tmp_path, "300vw").columns["frame"][:4].tolist() == [0, 2, 3, 4]


POINTS = [f"{x:.3f} {y:.3f}" for x, y in FACE]
DAMAGE = {
    "too few": ({"lines": POINTS[:67]}, "says 68 points and holds 67, 68 are expected"),
    "another count": ({"count": 66, "lines": POINTS[:66]}, "says 66 points and holds 66"),
    "not finite": ({"lines": ["nan 1.0", *POINTS[1:]]}, "a point is not two finite numbers"),
    "text": ({"lines": ["a b", *POINTS[1:]]}, "a point is not two numbers"),
    "three": ({"lines": ["1 2 3", *POINTS[1:]]}, "a point is not two numbers"),
    "far outside": ({"lines": ["9000 1.0", *POINTS[1:]]}, "are not those of a face in a picture of 64x64"),
}


@pytest.mark.parametrize(("change", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_landmarks(tmp_path, raw, change, message):
    write(raw / "001", 3, FACE, **change)
    built = run(tmp_path, "300vw", "--size", "16", "--shards", "1")
    assert set(built.columns["clip"].tolist()) == {"114"}
    (line,) = skipped(tmp_path)
    assert message in line


def test_films_that_do_not_fit_their_landmarks(tmp_path, raw):
    write(raw / "001", 6, FACE)
    for name, content in (("002", ""), ("003", "version: 2\nn_points: 68\n{\n}\n")):
        film(raw / name / "vid.avi", range(2))
        write(raw / name, 1, FACE)
        (raw / name / "annot" / "000001.pts").write_text(content)
    film(raw / "004" / "vid.avi", range(2))
    (raw / "004" / "annot").mkdir()
    film(raw / "007" / "vid.avi", range(2))
    write(raw / "007", 0, FACE)
    built = run(tmp_path, "300vw", "--shards", "1")
    assert set(built.columns["clip"].tolist()) == {"114"}
    parts = [
        "has 5 frames, but landmarks up to frame 6",
        "not a .pts file",
        "is of version 2",
        "none of its frames has",
    ]
    parts.append("000000.pts: is not named by the number of a frame")
    lines = skipped(tmp_path)
    assert len(lines) == 5
    assert [part in line for part, line in zip(parts, lines, strict=True)] == [True] * 5


def test_other_layouts(tmp_path, raw):
    with pytest.raises(InputError, match=r"no films of 300-VW; 001/vid\.avi"):
        w300vw.plan(raw / "001")
    (raw / "005" / "annot").mkdir(parents=True)
    with pytest.raises(InputError, match="005: is none of the 114 films"):
        w300vw.plan(raw)
    (raw / "005").rename(raw / "002")
    with pytest.raises(InputError, match=r"002: has landmarks, but no vid\.avi"):
        w300vw.plan(raw)
    with pytest.raises(InputError, match="stride must be 1 or more, got 0"):
        w300vw.plan(raw, stride=0)
