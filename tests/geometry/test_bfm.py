"""Files of the Basel Face Model in their real layouts, with four vertices, and the same files damaged."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io

from jaxanim.core.errors import InputError
from jaxanim.geometry import bfm, morphable

# A square that looks along z, of two triangles, metres.
SQUARE = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0.02]])
OUTSIDE = np.array([[0, 1, 2], [0, 2, 3]])  # counter-clockwise from the front
INSIDE = OUTSIDE[:, ::-1]
RAISE = np.zeros((12, 1))
RAISE[[2, 5, 8, 11]] = 1.0  # all z


def rows(points):
    return points.reshape(-1, 1)


def write_2009(path, faces=OUTSIDE, **change):
    bases = np.concatenate([RAISE, np.roll(RAISE, 1, axis=0)], axis=1)  # z, then x
    content = {
        "shapeMU": rows(SQUARE) * 1e6,
        "shapePC": bases.astype(np.float32),
        "shapeEV": np.array([[2e4], [3e4]]),
        "texMU": np.zeros((12, 1)),
        "tl": (faces + 1).astype(np.float64),
    }
    scipy.io.savemat(path, {**content, **change})
    return path


def write_3ddfa(folder):
    shape = {
        "mu_shape": rows(SQUARE) * 1e6 - 1e3,
        "w": RAISE,
        "sigma": np.array([[5e4]]),
        "tri": (OUTSIDE + 1).T.astype(np.int32),
        "keypoints": np.array([[4, 2, 1]], np.uint16),
    }
    scipy.io.savemat(folder / "Model_Shape.mat", shape)
    expression = {"mu_exp": np.full((12, 1), 1e3), "w_exp": np.roll(RAISE, 2, axis=0) * 1e4, "sigma_exp": [[1.5]]}
    scipy.io.savemat(folder / "Model_Exp.mat", expression)
    return folder / "Model_Shape.mat", folder / "Model_Exp.mat"


def write_deep3d(path, **change):
    content = {
        "meanshape": rows(SQUARE).T * 10,
        "idBase": np.repeat(RAISE, 80, axis=1) * 0.5,
        "exBase": np.repeat(RAISE, 64, axis=1) * 0.25,
        "tri": (INSIDE + 1).astype(np.int32),
        "keypoints": np.array([[1, 2, 3, 4]], np.int32),
        "frontmask2_idx": np.array([[1]]),
    }
    scipy.io.savemat(path, {**content, **change})
    return path


def write_h5(path, **change):
    h5py = pytest.importorskip("h5py")
    content = {
        "shape/model/mean": SQUARE.ravel().astype(np.float32) * 1e3,
        "shape/model/pcaBasis": RAISE,
        "shape/model/pcaVariance": np.array([16.0]),
        "expression/model/mean": np.full(12, 1.0),
        "expression/model/pcaBasis": np.roll(RAISE, 1, axis=0),
        "expression/model/pcaVariance": np.array([25.0]),
        "shape/representer/cells": INSIDE.T.astype(np.int32),
        **change,
    }
    with h5py.File(path, "w") as file:
        for name, array in content.items():
            if array is not None:
                file[name] = array
    return path


def posed(model, identity, expression):
    parameters = morphable.FaceParameters(jnp.array(identity), jnp.array(expression), jnp.zeros((1, 3)))
    return np.asarray(jax.jit(morphable.pose)(model, parameters).vertices)


def test_2009(tmp_path):
    """Two deviations of 0.02 m in z, one of 0.03 m in x."""
    model = bfm.read_2009(write_2009(tmp_path / "01_MorphableModel.mat"))
    np.testing.assert_allclose(posed(model, [2.0, 1.0], np.zeros(0, np.float32)), SQUARE + [0.03, 0, 0.04], atol=1e-7)
    np.testing.assert_array_equal(model.faces, OUTSIDE)
    assert model.expression_basis.shape == (4, 3, 0)


def test_triangles_are_turned_to_the_outside(tmp_path):
    model = bfm.read_2009(write_2009(tmp_path / "a.mat", faces=INSIDE))
    np.testing.assert_array_equal(model.faces, OUTSIDE)


def test_3ddfa(tmp_path):
    """The expression's mean belongs to the mean face; a raw coefficient of 300W-LP is divided by sigma."""
    model = bfm.read_3ddfa(*write_3ddfa(tmp_path))
    raw_identity, raw_expression = 1e5, 3.0
    vertices = posed(model, [raw_identity / 5e4], [raw_expression / 1.5])
    np.testing.assert_allclose(vertices, SQUARE + [0, 0.03, 0.1], atol=1e-7)
    points = morphable.embed(jnp.asarray(SQUARE, jnp.float32), model.faces, model.landmarks[3])
    np.testing.assert_allclose(points, SQUARE[[3, 1, 0]], atol=1e-7)


def test_3ddfa_without_keypoints(tmp_path):
    shape_path, expression_path = write_3ddfa(tmp_path)
    content = {name: value for name, value in scipy.io.loadmat(shape_path).items() if not name.startswith("_")}
    del content["keypoints"]
    scipy.io.savemat(shape_path, content)
    assert bfm.read_3ddfa(shape_path, expression_path).landmarks == {}


def test_deep3d(tmp_path):
    """Units of 0.1 m; bases are in deviations already."""
    model = bfm.read_deep3d(write_deep3d(tmp_path / "BFM_model_front.mat"))
    vertices = posed(model, [1.0], [2.0])
    np.testing.assert_allclose(vertices, SQUARE + [0, 0, 0.05 + 0.05], atol=1e-7)
    assert (model.identity_basis.shape[2], model.expression_basis.shape[2]) == (80, 64)
    assert set(model.landmarks) == {4}
    np.testing.assert_array_equal(model.faces, OUTSIDE)


def test_h5(tmp_path):
    """Millimetres; variances of 16 and 25 are deviations of 4 and 5 mm."""
    model = bfm.read_h5(write_h5(tmp_path / "model2019_fullHead.h5"))
    np.testing.assert_allclose(posed(model, [1.0], [2.0]), SQUARE + 0.001 + [0.01, 0, 0.004], atol=1e-7)
    np.testing.assert_array_equal(model.faces, OUTSIDE)


def test_h5_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        InputError, match=r"a\.h5: reading \.h5 files needs the package h5py: pip install 'jaxanim\[bfm\]'"
    ):
        bfm.read_h5(tmp_path / "a.h5")


READERS = {"2009": (bfm.read_2009, write_2009), "deep3d": (bfm.read_deep3d, write_deep3d)}


@pytest.mark.parametrize(("read", "write"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_truncated_mat(tmp_path, read, write, share):
    path = write(tmp_path / "a.mat")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"a\.mat: ") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_truncated_h5(tmp_path):
    path = write_h5(tmp_path / "a.h5")
    data = path.read_bytes()
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match=r"a\.h5: not a readable \.h5 file"):
            bfm.read_h5(path)


WRONG = {
    "another count": ({"shapePC": np.zeros((15, 2))}, r"identity basis has shape \(5, 3, 2\) .* 4 vertices"),
    "no rows of xyz": ({"shapeMU": np.zeros((11, 1))}, r"shapeMU has shape \(11, 1\), rows of x, y, z"),
    "deviations": ({"shapeEV": np.ones((3, 1))}, "and 3 deviations"),
    "triangles": ({"tl": np.array([[1.0, 2, 5]])}, "tl names vertices that are not among the 4"),
    "corners": ({"tl": np.ones((3, 2))}, r"tl has shape \(3, 2\)"),
    "text": ({"shapeMU": "none"}, "shapeMU does not hold plain numbers"),
    "not finite": ({"shapeMU": np.full((12, 1), np.inf)}, "not finite"),
    "too large": ({"shapeMU": np.full((12, 1), 1e300)}, "not finite in float32"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arrays(tmp_path, change, message):
    with pytest.raises(InputError, match=rf"a\.mat: .*{message}"):
        bfm.read_2009(write_2009(tmp_path / "a.mat", **change))


def test_other_files(tmp_path):
    with pytest.raises(InputError, match=r"none\.mat: cannot be read \(No such file"):
        bfm.read_2009(tmp_path / "none.mat")
    with pytest.raises(InputError, match="has no 'shapeMU'"):
        bfm.read_2009(write_deep3d(tmp_path / "a.mat"))
    with pytest.raises(InputError, match="keypoints name the vertices 1 to 9, there are 0 to 3"):
        bfm.read_deep3d(write_deep3d(tmp_path / "a.mat", keypoints=np.array([[2, 10]])))
    shape_path, expression_path = write_3ddfa(tmp_path)
    scipy.io.savemat(expression_path, {"mu_exp": np.zeros((9, 1)), "w_exp": np.zeros((9, 1)), "sigma_exp": [[1.0]]})
    with pytest.raises(InputError, match=r"Model_Exp\.mat: has 3 vertices, .*Model_Shape\.mat has 4"):
        bfm.read_3ddfa(shape_path, expression_path)


def test_h5_of_something_else(tmp_path):
    path = write_h5(tmp_path / "a.h5", **{"expression/model/mean": None})
    with pytest.raises(InputError, match=r"a\.h5: has no 'expression/model/mean'; it holds \['expression', 'shape'\]"):
        bfm.read_h5(path)


def test_h5_whose_means_differ(tmp_path):
    write_h5(tmp_path / "model.h5", **{"expression/model/mean": np.zeros(9)})
    with pytest.raises(InputError, match="the means of shape and expression have"):
        bfm.read_h5(tmp_path / "model.h5")
