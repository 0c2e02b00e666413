"""300W-LP and 300W-3D: parameters, landmarks and vertices stay together when a square is cut out."""

import numpy as np
import pytest
import scipy.io

from data_pipelines import build, fitted_face
from data_pipelines.recipes import w300w_3d, w300w_lp
from jaxanim.core.errors import InputError
from jaxanim.data import Loader, sampling
from tests.data_pipelines.recipes.layouts import fitted, run, save, skipped

FACE = np.random.default_rng(0).uniform(0, 1, (68, 2))
FACE[:2] = [[0, 0], [1, 1]]
POINTS = FACE * 16 + [12.5, 20.5]  # MATLAB's pixels: from 12 to 28 and from 20 to 36 counted from 0
LP = ["AFW/AFW_134212_1_0", "AFW/AFW_134212_1_3", "AFW_Flip/AFW_134212_1_3", "LFPW/LFPW_image_train_0001_0"]


@pytest.fixture
def lp(tmp_path):
    for number, name in enumerate(LP):
        save(tmp_path / "raw" / f"{name}.jpg", (40 * number,) * 3, size=(48, 45))
        fitted(tmp_path / "raw" / f"{name}.mat", POINTS)
        points = tmp_path / "raw" / "landmarks" / f"{name}_pts.mat"
        if "Flip" not in name:
            points.parent.mkdir(parents=True, exist_ok=True)
            scipy.io.savemat(points, {"pts_2d": POINTS + 1, "pts_3d": POINTS + 2})
    return tmp_path / "raw"


def test_300w_lp(tmp_path, lp):
    built = run(tmp_path, "300w_lp")
    columns = built.columns
    assert columns["name"].tolist() == [f"{name}.jpg" for name in LP]
    assert columns["photograph"].tolist() == ["AFW_134212_1"] * 3 + ["LFPW_image_train_0001"]
    assert columns["subset"].tolist() == ["AFW"] * 3 + ["LFPW"]
    assert columns["view"].tolist() == [0, 3, 3, 0]
    assert columns["flipped"].tolist() == [0, 0, 1, 0]
    record = built[1]
    assert {name: array.shape for name, array in record.items()} == {
        "image": (45, 48, 3),
        "landmarks": (68, 2),
        "shape": (199,),
        "expression": (29,),
        "pose": (7,),
        "texture": (199,),
        "color": (7,),
        "illumination": (10,),
    }
    np.testing.assert_allclose(record["landmarks"], POINTS - 0.5, atol=1e-5)
    np.testing.assert_array_equal(record["shape"], np.arange(199, dtype=np.float32) * 1e3)
    np.testing.assert_array_equal(record["pose"], np.float32([0.1, -0.2, 0.3, 20, 24, -60, 0.001]))
    assert {array.dtype.name for name, array in record.items() if name != "image"} == {"float32"}
    assert sampling.IdentityTriplet(columns["photograph"]) is not None
    batch = Loader(built, seed=0, batch_size=4).global_batch(0)
    assert batch["pose"].shape == (4, 7)


def test_landmarks_of_their_own_folder(tmp_path, lp):
    built = run(tmp_path, "300w_lp", "--landmarks", "--size", "24")
    assert built.columns["flipped"].tolist() == [0, 0, 0]
    np.testing.assert_allclose(built[0]["landmarks_2d"] - built[0]["landmarks"], 1, atol=1e-5)
    np.testing.assert_allclose(built[0]["landmarks_3d"] - built[0]["landmarks"], 2, atol=1e-5)


def projected(pose, vertex):
    """Where 3DDFA's MATLAB code draws a vertex, without rotation: pixels from 1, y upwards."""
    return pose[6] * vertex[:2] + pose[3:5]


def test_a_square_is_cut_out(tmp_path, lp):
    """The box of 16 pixels becomes a square of 24 with its corner at (8, 16), and that 12 pixels."""
    fitted(lp / f"{LP[0]}.mat", POINTS, Pose_Para=np.float64([[0, 0, 0, 20.0, 24.0, -60.0, 0.001]]))
    whole, part = (run(tmp_path / name, "300w_lp", *options) for name, options in sides(tmp_path))
    before, after = whole[0], part[0]
    assert after["image"].shape == (12, 12, 3)
    np.testing.assert_allclose(after["landmarks"], (before["landmarks"] - [8, 16]) / 2, atol=1e-5)
    vertex = np.array([3000.0, -2000.0, 1000.0])
    x, y = projected(before["pose"], vertex)
    column, row = x - 0.5, (45 + 1 - y) - 0.5  # the first pixel's centre at 0.5
    x, y = projected(after["pose"], vertex)
    np.testing.assert_allclose([x - 0.5, (12 + 1 - y) - 0.5], [(column - 8) / 2, (row - 16) / 2], atol=1e-4)
    np.testing.assert_allclose(after["pose"][5:], before["pose"][5:] / 2)
    np.testing.assert_array_equal(after["pose"][:3], before["pose"][:3])


def sides(tmp_path):
    """Two builds of the same pictures."""
    for name in ("whole", "part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "raw").symlink_to(tmp_path / "raw")
    return (("whole", []), ("part", ["--size", "12"]))


CUTS = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:900]), "damaged or truncated"),
    "missing": (lambda path: path.unlink(), "cannot be read (No such file"),
    "without a pose": (lambda path: fitted(path, POINTS, Pose_Para=None), "has no 'Pose_Para'"),
    "66 points": (lambda path: fitted(path, POINTS[:66]), r"pt2d has shape (2, 66), (2, 68) is expected"),
    "a short shape": (lambda path: fitted(path, POINTS, Shape_Para=np.ones((40, 1))), "Shape_Para has shape (40, 1)"),
    "not finite": (lambda path: fitted(path, POINTS, Exp_Para=np.full((29, 1), np.nan)), "not finite"),
    "text": (lambda path: fitted(path, POINTS, Exp_Para="none"), "does not hold plain numbers"),
    "huge": (lambda path: fitted(path, POINTS, Exp_Para=np.zeros((1000, 1000))), "more than 4000000 bytes"),
    "outside": (lambda path: fitted(path, POINTS + 500), "are not those of a face in a picture of 48x45"),
}


@pytest.mark.parametrize(("cut", "message"), CUTS.values(), ids=CUTS)
def test_damaged_annotations(tmp_path, lp, cut, message):
    cut(lp / f"{LP[1]}.mat")
    built = run(tmp_path, "300w_lp", "--size", "12")
    assert built.columns["name"].tolist() == [f"{LP[n]}.jpg" for n in (0, 2, 3)]
    (line,) = skipped(tmp_path)
    assert message in line


def test_other_layouts(tmp_path, lp, capsys):
    with pytest.raises(InputError, match="has none of the folders AFW, HELEN, IBUG, LFPW of 300W-LP"):
        w300w_lp.plan(tmp_path)
    with pytest.raises(InputError, match="has none of the folders AFW, HELEN, IBUG, LFPW of 300W-3D"):
        w300w_3d.plan(tmp_path)
    (lp / "IBUG").mkdir()
    arguments = ["300w_lp", "--source", str(lp), "--data-dir", str(tmp_path / "b"), "--landmarks"]
    assert build.main(arguments) == 2
    assert "landmarks/IBUG: no such folder; build without --landmarks" in capsys.readouterr().err
    save(lp / "IBUG" / "photo.jpg", (0, 0, 0))
    with pytest.raises(InputError, match=r"IBUG/photo\.jpg: is not named as 300W-LP's pictures are"):
        w300w_lp.plan(lp)
    for folder in ("none", "3d"):
        (tmp_path / folder / "AFW").mkdir(parents=True)
    for plan in (w300w_lp.plan, w300w_3d.plan):
        with pytest.raises(InputError, match=r"no pictures \(\.jpg\) in AFW"):
            plan(tmp_path / "none")


@pytest.fixture
def three_d(tmp_path, monkeypatch):
    """Photographs of two sizes, and meshes of 5 vertices instead of 53215."""
    monkeypatch.setattr(fitted_face, "VERTICES", 5)
    mesh = np.float32([[20, 24, 20, 24, 22], [24, 24, 28, 28, 26], [0, 0, 0, 0, 5]])
    for name, size in (("AFW/134212_1", (48, 45)), ("HELEN/100032540_1", (60, 50))):
        save(tmp_path / "raw" / f"{name}.jpg", (1, 2, 3), size=size)
        fitted(tmp_path / "raw" / f"{name}.mat", POINTS)
        path = tmp_path / "meshes" / f"{name}.mat"
        path.parent.mkdir(parents=True)
        scipy.io.savemat(path, {"Fitted_Face": mesh})
    return mesh.T


def test_300w_3d(tmp_path, three_d):
    built = run(tmp_path, "300w_3d", "--size", "12", "--meshes", str(tmp_path / "meshes"))
    assert built.columns["subset"].tolist() == ["AFW", "HELEN"]
    assert built.columns["name"].tolist() == ["AFW/134212_1.jpg", "HELEN/100032540_1.jpg"]
    for record, height in ((built[0], 45), (built[1], 50)):
        column, row = three_d[:, 0] - 0.5, (height + 1 - three_d[:, 1]) - 0.5
        x, y, z = record["vertices"].T
        np.testing.assert_allclose(x - 0.5, (column - 8) / 2, atol=1e-5)
        np.testing.assert_allclose((12 + 1 - y) - 0.5, (row - 16) / 2, atol=1e-5)
        np.testing.assert_array_equal(z, three_d[:, 2] / 2)
    batch = Loader(built, seed=0, batch_size=2).global_batch(0)
    assert batch["vertices"].shape == (2, 5, 3)


def test_300w_3d_without_meshes(tmp_path, three_d, capsys):
    built = run(tmp_path, "300w_3d")
    assert [built[n]["image"].shape for n in range(2)] == [(45, 48, 3), (50, 60, 3)]
    assert "vertices" not in built[0]
    arguments = ["300w_3d", "--source", str(tmp_path / "raw"), "--data-dir", str(tmp_path / "b"), "--meshes"]
    assert build.main([*arguments, str(tmp_path / "raw" / "AFW")]) == 2
    assert "no such folder; --meshes is the folder 300W-3D-Face" in capsys.readouterr().err


def test_a_damaged_mesh(tmp_path, three_d):
    scipy.io.savemat(tmp_path / "meshes" / "AFW" / "134212_1.mat", {"Fitted_Face": np.zeros((3, 4))})
    built = run(tmp_path, "300w_3d", "--meshes", str(tmp_path / "meshes"))
    assert built.columns["subset"].tolist() == ["HELEN"]
    assert "Fitted_Face has shape (3, 4), (3, 5) is expected" in skipped(tmp_path)[0]
