"""FLAME's files: what a model becomes, and one clear line for each thing that can be wrong with a file."""

import pickle
import sys
import types
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jaxanim.core.errors import InputError
from jaxanim.geometry import flame
from tests.geometry import synthetic_flame

GOLDEN = Path(__file__).parents[1] / "golden" / "gdpw"


class Harm:
    def __reduce__(self):
        import os

        return os.system, ("echo > ran",)


@pytest.fixture(scope="module")
def hollow():
    """Arrays of FLAME's shapes with little in them."""
    vertices, faces, _ = synthetic_flame._template()
    return {
        "v_template": vertices.astype(np.float32),
        "shapedirs": np.zeros((5023, 3, 302), np.float16),
        "posedirs": np.zeros((5023, 3, 36), np.float16),
        "J_regressor": scipy.sparse.csc_matrix(([1.0] * 5, ([0, 1, 2, 3, 4], [5, 4, 3, 2, 1])), shape=(5, 5023)),
        "weights": np.full((5023, 5), 0.2, np.float32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "f": faces.astype(np.uint32),
        "bs_type": "lrotmin",
    }


@pytest.fixture(scope="module")
def embedding():
    vertices, faces, _ = synthetic_flame._template()
    return synthetic_flame.landmarks("public", vertices, faces)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, content):
    path = folder / "generic_model.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 2))
    return path


def test_model(folder, hollow):
    hollow = dict(hollow, shapedirs=hollow["shapedirs"].copy())
    hollow["shapedirs"][7, 1, 299], hollow["shapedirs"][7, 1, 301] = 0.5, 0.25
    points = flame.LandmarkEmbedding(jnp.array([3], jnp.int32), jnp.array([[1.0, 0.0, 0.0]]))
    model = flame.read_model(write(folder, hollow), landmarks={1: points})
    assert model.parents == (-1, 0, 1, 1, 1)
    assert model.joint_names[2] == "jaw"
    assert model.identity_basis.shape == (5023, 3, 300)
    assert model.expression_basis.shape == (5023, 3, 2)
    assert (model.identity_basis[7, 1, 299], model.expression_basis[7, 1, 1]) == (0.5, 0.25)
    np.testing.assert_array_equal(np.nonzero(model.joint_regressor), [[0, 1, 2, 3, 4], [5, 4, 3, 2, 1]])
    np.testing.assert_array_equal(model.faces, hollow["f"])
    assert model.landmarks == {1: points}
    floats = (model.template, model.identity_basis, model.pose_basis, model.joint_regressor, model.skinning_weights)
    assert {array.dtype.name for array in floats} == {"float32"}


def test_model_with_chumpy(folder, hollow, monkeypatch):
    """The files of 2017 and 2020 hold variables of chumpy, which need not be installed."""
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
        patch.setitem(sys.modules, "chumpy.ch", module)
        variables = dict(hollow)
        for name in ("v_template", "shapedirs", "weights"):
            variables[name] = module.Ch()
            variables[name].__dict__.update(x=hollow[name], _dirty_vars={"x"}, _itr=None)
        path = write(folder, variables)
    model = flame.read_model(path)
    np.testing.assert_array_equal(model.template, hollow["v_template"])
    assert model.expression_basis.shape == (5023, 3, 2)


def test_code_in_a_model_is_refused(folder, hollow):
    with pytest.raises(InputError, match=r"generic_model\.pkl: refused: the file asks to run \w+\.system"):
        flame.read_model(write(folder, dict(hollow, harm=Harm())))
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("kept", [0, 1, 1000, -1])
def test_truncated_model(folder, hollow, kept):
    data = pickle.dumps({name: hollow[name] for name in ("v_template", "J_regressor", "f")}, 2)
    with pytest.raises(InputError, match=r"generic_model\.pkl: (a damaged or trunc|not a readable)") as caught:
        flame.read_model(write(folder, data[:kept]))
    assert "\n" not in str(caught.value)


WRONG = {
    "smpl": (
        {"v_template": np.zeros((6890, 3))},
        r"v_template is float64 of shape \(6890, 3\), FLAME's is \(5023, 3\)",
    ),
    "joints": ({"J_regressor": np.zeros((24, 5023))}, r"J_regressor is .* \(24, 5023\), FLAME's is \(5, 5023\)"),
    "coefficients": ({"shapedirs": np.zeros((5023, 3, 10), np.float16)}, "shapedirs has 10 coefficients"),
    "triangles": ({"f": np.full((9976, 3), 5023)}, "f goes from 5023 to 5023, possible are 0 to 5022"),
    "parents": (
        {"kintree_table": np.array([[0, 2, 1, 1, 1]] * 2)},
        r"kintree_table names the parents \(0, 2, 1, 1, 1\)",
    ),
    "text": ({"weights": "none"}, "weights is <U4 of shape"),
    "not finite": ({"v_template": np.full((5023, 3), np.nan)}, "v_template holds numbers that are not finite"),
    "too large": ({"v_template": np.full((5023, 3), 1e300)}, "v_template holds numbers that are not finite in float32"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_another_model(folder, hollow, change, message):
    with pytest.raises(InputError, match=rf"generic_model\.pkl: {message}"):
        flame.read_model(write(folder, dict(hollow, **change)))


def test_missing_arrays_are_named(folder, hollow):
    content = {name: value for name, value in hollow.items() if name != "weights"}
    with pytest.raises(InputError, match=r"has no 'weights'; it holds \['J_regressor', 'bs_type'"):
        flame.read_model(write(folder, content))
    with pytest.raises(InputError, match="holds a list, not FLAME's dict"):
        flame.read_model(write(folder, [1, 2]))


def test_deca_landmarks_in_both_forms(folder, embedding):
    """The .npy is DECA's form, a pickled dict in which two arrays are PyTorch's; it was written by PyTorch."""
    np.savez(folder / "embedding.npz", **embedding)
    pickled, plain = GOLDEN / "landmark_embedding.npy", folder / "embedding.npz"
    for path in (pickled, plain):
        read = flame.read_deca_landmarks(path)
        assert read.contour.rule == "deca"
        assert read.static.face.shape == (51,)
        assert read.contour.barycentric.shape == (79, 17, 3)
        fixed = flame.read_fixed_landmarks(path)
        np.testing.assert_array_equal(fixed.face[17:], read.static.face)
        np.testing.assert_array_equal(fixed.face[:17], read.contour.face[0])
    np.testing.assert_allclose(read.static.barycentric, embedding["static_lmk_bary_coords"], rtol=1e-6)
    np.testing.assert_allclose(
        flame.read_deca_landmarks(pickled).contour.barycentric.sum(axis=-1), np.ones((79, 17)), rtol=1e-6
    )


@pytest.mark.parametrize("protocol", [0, 2])
def test_static_and_dynamic_embeddings(folder, embedding, protocol):
    static = {"lmk_face_idx": embedding["static_lmk_faces_idx"], "lmk_b_coords": embedding["static_lmk_bary_coords"]}
    (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(static, protocol))
    read = flame.read_static_landmarks(folder / "flame_static_embedding.pkl")
    np.testing.assert_array_equal(read.face, static["lmk_face_idx"])
    dynamic = {"lmk_face_idx": embedding["dynamic_lmk_faces_idx"], "lmk_b_coords": embedding["dynamic_lmk_bary_coords"]}
    np.save(folder / "flame_dynamic_embedding.npy", np.array(dynamic, object), allow_pickle=True)
    contour = flame.read_contour(folder / "flame_dynamic_embedding.npy")
    assert contour.rule == "flame_pytorch"
    np.testing.assert_array_equal(contour.face, dynamic["lmk_face_idx"])


def test_wrong_embeddings(folder, embedding):
    path = folder / "landmark_embedding.npz"
    np.savez(path, **dict(embedding, static_lmk_faces_idx=np.full(51, 9976)))
    with pytest.raises(InputError, match="static_lmk_faces_idx goes from 9976 to 9976, possible are 0 to 9975"):
        flame.read_deca_landmarks(path)
    np.savez(path, **dict(embedding, dynamic_lmk_faces_idx=np.zeros((79, 16), int)))
    with pytest.raises(InputError, match=r"dynamic_lmk_faces_idx is int64 of shape \(79, 16\), FLAME's is \(79, 17\)"):
        flame.read_deca_landmarks(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"landmark_embedding\.npz: not a readable \.npz file"):
        flame.read_deca_landmarks(path)
    np.save(folder / "a.npy", np.array({"harm": Harm()}, object), allow_pickle=True)
    with pytest.raises(InputError, match="refused"):
        flame.read_contour(folder / "a.npy")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"full_lmk_faces_idx": np.zeros((2, 68), int)}, r"full_lmk_faces_idx is int64 of shape \(2, 68\)"),
        ({"full_lmk_faces_idx": np.zeros(68, int)}, r"of shape \(68,\), FLAME's is \(1, 68\)"),
        ({"full_lmk_faces_idx": np.full((1, 68), 1.5)}, "holds numbers of triangles that are not whole"),
        ({"full_lmk_bary_coords": np.zeros((1, 68, 3))}, "full_lmk_bary_coords holds weights that do not sum to 1"),
    ],
)
def test_wrong_fixed_landmarks(folder, embedding, change, message):
    path = folder / "landmark_embedding.npz"
    np.savez(path, **dict(embedding, **change))
    with pytest.raises(InputError, match=message):
        flame.read_fixed_landmarks(path)


def test_a_ragged_embedding(folder):
    (folder / "flame_static_embedding.pkl").write_bytes(
        pickle.dumps({"lmk_face_idx": [[1], [1, 2]], "lmk_b_coords": 0})
    )
    with pytest.raises(InputError, match="lmk_face_idx is no array"):
        flame.read_static_landmarks(folder / "flame_static_embedding.pkl")
