"""ICT-FaceKit's folder with five vertices, and the same folder damaged."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.geometry import ict, morphable

NEUTRAL = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0], [5, 15, 0]])  # centimetres
NAMES = ["browDown_L", "jawOpen"]


def write_obj(path, vertices):
    lines = ["# made by hand", "mtllib ICTFaceModelMaterial.mtl"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vt {x / 10:.4f} {y / 15:.4f}" for x, y, _ in NEUTRAL]
    lines += ["vn 0 0 1", "usemtl M_Face", "s 1", "f 1/1/1 2/2/1 3/3/1 4/4/1", "f 4/4/1 3/3/1 5/5/1"]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    write_obj(tmp_path / "generic_neutral_mesh.obj", NEUTRAL)
    write_obj(tmp_path / "identity000.obj", NEUTRAL + [1, 0, 0])
    write_obj(tmp_path / "identity001.obj", NEUTRAL + [0, 2, 0])
    write_obj(tmp_path / "browDown_L.obj", NEUTRAL + [0, 0, 3])
    write_obj(tmp_path / "jawOpen.obj", NEUTRAL + [0, -4, 0])
    config = {"expressions": NAMES, "idx_to_landmark_verts": [4, 0, 2], "face_area_vertices": [0, 4]}
    (tmp_path / "vertex_indices.json").write_text(json.dumps(config))
    return tmp_path


def test_model(folder):
    """Centimetres become metres; a square and a triangle become three triangles."""
    model = ict.read_model(folder)
    parameters = morphable.FaceParameters(jnp.array([1.0, 0.5]), jnp.array([1.0, 0.25]), jnp.zeros((1, 3)))
    vertices = jax.jit(morphable.pose)(model, parameters).vertices
    np.testing.assert_allclose(vertices, (NEUTRAL + [1, 1 - 1, 3]) / 100, atol=1e-7)
    np.testing.assert_array_equal(model.faces, [[0, 1, 2], [0, 2, 3], [3, 2, 4]])
    np.testing.assert_array_equal(model.uv_faces, model.faces)
    np.testing.assert_allclose(model.uv, NEUTRAL[:, :2] / [10, 15], atol=1e-4)
    assert model.expression_names == ("browDown_L", "jawOpen")
    points = morphable.embed(model.template, model.faces, model.landmarks[3])
    np.testing.assert_allclose(points, NEUTRAL[[4, 0, 2]] / 100, atol=1e-7)


def test_root_turns_about_the_origin(folder):
    model = ict.read_model(folder)
    parameters = morphable.FaceParameters(jnp.zeros(1), jnp.zeros(1), jnp.array([[0.0, 0.0, jnp.pi / 2]]))
    surface = jax.jit(morphable.pose)(model, parameters)
    np.testing.assert_allclose(surface.vertices[1], [0, 0.1, 0], atol=1e-7)
    np.testing.assert_allclose(surface.joints, [[0, 0, 0]])


@pytest.mark.parametrize("lines", [5, 12])
def test_truncated_neutral(folder, lines):
    path = folder / "generic_neutral_mesh.obj"
    path.write_text("\n".join(path.read_text().splitlines()[:lines]))
    with pytest.raises(
        InputError, match=r"generic_neutral_mesh\.obj: a damaged or truncated \.obj file \(it has no poly"
    ):
        ict.read_model(folder)


def test_truncated_in_a_line(folder):
    path = folder / "jawOpen.obj"
    path.write_text("\n".join(path.read_text().splitlines()[:6]) + "\nv 1.0 2")
    with pytest.raises(InputError, match=r"jawOpen\.obj: a damaged or truncated \.obj file \(a line 'v' has fewer"):
        ict.read_model(folder)


def test_another_count(folder):
    write_obj(folder / "identity001.obj", NEUTRAL[:4])
    with pytest.raises(InputError, match=r"identity001\.obj: has 4 vertices, generic_neutral_mesh\.obj has 5"):
        ict.read_model(folder)


def test_polygons_outside(folder):
    path = folder / "generic_neutral_mesh.obj"
    path.write_text(path.read_text().replace("f 4/4/1", "f 9/4/1"))
    with pytest.raises(InputError, match="polygons name v 1 to 9 of 5"):
        ict.read_model(folder)


def test_missing_files(folder):
    (folder / "jawOpen.obj").unlink()
    with pytest.raises(InputError, match=r"jawOpen\.obj: cannot be read \(No such file"):
        ict.read_model(folder)
    for number in (0, 1):
        (folder / f"identity00{number}.obj").unlink()
    with pytest.raises(InputError, match=r"has no identity000\.obj"):
        ict.read_model(folder)
    with pytest.raises(InputError, match=r"vertex_indices\.json: cannot be read"):
        ict.read_model(folder / "nothing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"expressions": ["jaw', "a damaged or truncated"),
        ("[]", "has no list 'expressions'"),
        ('{"expressions": ["jawOpen"], "idx_to_landmark_verts": [1.5]}', "has no list 'idx_to_landmark_verts'"),
        ('{"expressions": ["jawOpen"], "idx_to_landmark_verts": [true]}', "has no list 'idx_to_landmark_verts'"),
        (
            '{"expressions": ["jawOpen"], "idx_to_landmark_verts": [1000000000000000000000]}',
            "names vertices that are not there",
        ),
        ("[" * 100_000, "a damaged or truncated"),
        ('{"expressions": ["../jawOpen"], "idx_to_landmark_verts": [1]}', "outside its folder"),
    ],
)
def test_wrong_indices(folder, text, message):
    (folder / "vertex_indices.json").write_text(text)
    with pytest.raises(InputError, match=rf"vertex_indices\.json: .*{message}|vertex_indices\.json: {message}"):
        ict.read_model(folder)
