"""DECA's parameters by name, faces of a small model, and the way from pictures to parameters in batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import antialias, landmarks
from jaxanim.geometry.morphable import LandmarkEmbedding, MorphableModel
from jaxanim.tracking.deca import crop, deca, files, networks
from tests.tracking.deca import released


def test_split():
    code = jax.tree.map(np.asarray, jax.jit(deca.split)(np.arange(472, dtype=np.float32).reshape(2, 236)))
    starts = [getattr(code, n)[0].ravel()[0] for n in ("identity", "texture", "expression", "pose", "camera", "light")]
    assert starts == [0.0, 100.0, 150.0, 200.0, 206.0, 209.0]
    assert code.light.shape == (2, 9, 3)
    np.testing.assert_array_equal(code.light[1, 1], [236 + 212, 236 + 213, 236 + 214])
    np.testing.assert_array_equal(code.eye_pose, np.zeros((2, 6)))


def test_split_of_another_length():
    with pytest.raises(ValueError, match="must end in shape"):
        deca.split.__wrapped__(jnp.zeros(235))


def codes(**given):
    """Two codes: zeros with a camera of scale 6, and what is given."""
    sizes = {"identity": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "eye_pose": 6}
    zeros = {name: np.zeros((2, size), np.float32) for name, size in sizes.items()}
    zeros["camera"][:, 0] = 6.0
    return deca.DecaCode(**(zeros | {"light": np.zeros((2, 9, 3), np.float32)} | given))


def random_codes():
    rng = np.random.default_rng(0)
    sizes = {"identity": 100, "expression": 50, "pose": 6, "eye_pose": 6}
    return codes(**{name: (0.3 * rng.standard_normal((2, size))).astype(np.float32) for name, size in sizes.items()})


def test_joints_are_head_neck_jaw_and_eyes():
    code = random_codes()
    rotations = jax.jit(deca.face_parameters)(code).rotations
    np.testing.assert_array_equal(rotations[:, 0], code.pose[:, :3])
    np.testing.assert_array_equal(rotations[:, 1], np.zeros((2, 3)))
    np.testing.assert_array_equal(rotations[:, 2], code.pose[:, 3:])
    np.testing.assert_array_equal(rotations[:, 3:].reshape(2, 6), code.eye_pose)


@pytest.fixture(scope="module")
def model():
    """A bumpy sheet of 12 vertices, 10 triangles, 5 joints and the 68 landmarks."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:3, 0:4].reshape(2, -1)
    template = np.stack([0.1 * x - 0.15, 0.1 * y - 0.1, 0.02 * rng.standard_normal(12)], axis=-1)
    corners = [(a, a + 1, a + 4) for a in (0, 1, 2, 4, 5)] + [(a + 1, a + 5, a + 4) for a in (0, 1, 2, 4, 5)]
    weights = rng.uniform(size=(12, 5))
    face = jnp.asarray(rng.integers(10, size=68), jnp.int32)
    return MorphableModel(
        template=jnp.asarray(template, jnp.float32),
        identity_basis=jnp.asarray(0.001 * rng.standard_normal((12, 3, 100)), jnp.float32),
        expression_basis=jnp.asarray(0.001 * rng.standard_normal((12, 3, 50)), jnp.float32),
        identity_sigmas=jnp.ones(100),
        expression_sigmas=jnp.ones(50),
        pose_basis=jnp.asarray(0.001 * rng.standard_normal((12, 3, 36)), jnp.float32),
        joint_regressor=jnp.full((5, 12), 1 / 12),
        skinning_weights=jnp.asarray(weights / weights.sum(axis=1, keepdims=True), jnp.float32),
        faces=jnp.asarray(corners, jnp.int32),
        uv=jnp.zeros((0, 2)),
        uv_faces=jnp.zeros((0, 3), jnp.int32),
        landmarks={68: LandmarkEmbedding(face, jnp.full((68, 3), 1 / 3))},
        parents=(-1, 0, 1, 1, 1),
        joint_names=("root", "neck", "jaw", "left_eye", "right_eye"),
    )


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(1)
    static = LandmarkEmbedding(jnp.asarray(rng.integers(10, size=51), jnp.int32), jnp.full((51, 3), 1 / 3))
    rows = jnp.asarray(rng.integers(10, size=(79, 17)), jnp.int32)
    contour = landmarks.Contour(rows, jnp.full((79, 17, 3), 1 / 3), rule="deca")
    return landmarks.FaceLandmarks(static=static, contour=contour)


@pytest.fixture(scope="module")
def decode(model, points):
    """Builds two faces; compiled once."""
    compiled = jax.jit(deca.decode)
    return lambda code, placed: compiled(model, points, code, placed)


PLACED = crop.Crop(np.array([[3.0, -5.0], [10.0, 20.0]]), np.array([0.5, 2.0]))


def test_faces_of_a_batch_are_those_of_each(model, points, decode):
    code = random_codes()
    faces = decode(code, PLACED)
    one = jax.jit(deca.decode)(model, points, *jax.tree.map(lambda a: a[1], (code, PLACED)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, atol=1e-4), faces, one)
    assert np.abs(faces.vertices_px[0] - faces.vertices_px[1]).max() > 1.0


def test_pixels_by_hand(model, points, decode):
    """At scale 6, the middle of the picture is the middle of the crop; x grows to the right, y down, depth away."""
    code = codes()
    faces = decode(code, PLACED.replace(corner=np.array([[0.0, 0.0], [10.0, 20.0]]), scale=np.array([1.0, 2.0])))
    x, y, z = np.asarray(model.template).T
    expected = np.stack([112 + 112 * 6 * x, 112 - 112 * 6 * y, -6 * z], axis=-1)
    np.testing.assert_allclose(faces.vertices[0], model.template, atol=1e-6)
    np.testing.assert_allclose(faces.vertices_px[0], expected, atol=1e-3)
    np.testing.assert_allclose(faces.vertices_px[1, :, :2], 2 * (expected[:, :2] - [10, 20]), atol=2e-3)
    np.testing.assert_array_equal(faces.vertices_px[1, :, 2], faces.vertices_px[0, :, 2])
    middles = expected[np.asarray(model.faces)].mean(axis=1)
    np.testing.assert_allclose(faces.landmarks3d_px[0], middles[np.asarray(model.landmarks[68].face)], atol=1e-3)
    seen = np.concatenate([np.asarray(points.contour.face[0]), np.asarray(points.static.face)])
    np.testing.assert_allclose(faces.landmarks_px[0], middles[seen][:, :2], atol=1e-3)


def test_the_contour_follows_the_turn(model, points, decode):
    code = codes(pose=np.deg2rad(np.array([[0] * 6, [0, 20, 0, 0, 0, 0]], np.float32)))
    faces = decode(code, PLACED)
    for number, row in ((0, 0), (1, 20)):
        middles = np.asarray(faces.vertices_px[number])[np.asarray(model.faces)].mean(axis=1)
        contour = middles[np.asarray(points.contour.face[row]), :2]
        np.testing.assert_allclose(faces.landmarks_px[number, :17], contour, atol=1e-3)


def test_the_contour_goes_by_its_own_rule(model, points):
    """Tables of FLAME_PyTorch count turns the other way: 20 degrees are in the row of -20."""
    turned = codes(pose=np.deg2rad(np.array([[0, 20, 0, 0, 0, 0]] * 2, np.float32)))
    other = points.replace(contour=points.contour.replace(rule="flame_pytorch"))
    face = jax.jit(deca.decode)(model, other, turned, PLACED)
    middles = np.asarray(face.vertices_px[0])[np.asarray(model.faces)].mean(axis=1)
    contour = middles[np.asarray(points.contour.face[39 + 20]), :2]
    np.testing.assert_allclose(face.landmarks_px[0, :17], contour, atol=1e-3)


def test_a_model_without_landmarks(model, points):
    with pytest.raises(ValueError, match=r"needs 68 landmarks, it has \[\]"):
        deca.decode(model.replace(landmarks={}), points, jax.tree.map(lambda a: a[0], codes()), crop.whole_picture())


def test_preview_is_lit_where_the_face_is(model, decode):
    light = np.zeros((2, 9, 3), np.float32)
    light[0, 3, 0] = light[1, 3, 1] = 1.0  # from the camera; red, then green
    code = codes(light=light)
    placed = crop.Crop(np.zeros((2, 2)), np.full(2, 32 / 224))
    face = decode(code, placed)
    opposites = jnp.asarray(antialias.opposite_vertices(np.asarray(model.faces)))
    paint = jax.jit(lambda *given: deca.preview(*given, height=32, width=32))
    pictures = np.asarray(paint(face, code.light, model.faces, opposites))
    assert pictures.shape == (2, 32, 32, 3)
    assert pictures[0, 14, 14, 0] > 0.8
    assert (np.asarray(pictures[0, ..., 1:]) == 0.0).all()
    assert (np.asarray(pictures[:, 0]) == 0.0).all()
    np.testing.assert_array_equal(pictures[1, ..., 1], pictures[0, ..., 0])


@pytest.fixture(scope="module")
def encoder():
    """The parameters of a random encoder."""
    return files.from_state_dict(released.state_dict(), what="random")


@pytest.fixture(scope="module")
def differentiated(encoder):
    """Cuts and encodes two pictures, with gradients of the first one's parameters by both pictures and squares."""

    def parameters(pictures, corner, scale):
        cut = crop.cut(pictures, crop.Crop(corner, scale), size=networks.ENCODER_SIZE)
        both = deca.encode(encoder, cut).identity
        return both[0].sum(), both

    return jax.jit(jax.value_and_grad(parameters, argnums=(0, 1, 2), has_aux=True))


def test_pictures_of_a_batch_do_not_see_each_other(differentiated):
    pictures = np.random.default_rng(0).uniform(size=(2, 90, 80, 3)).astype(np.float32)
    corner, scale = jnp.asarray([[-4.0, 6.0], [3.0, 2.0]]), jnp.asarray([3.0, 2.5])
    (_, both), (by_picture, by_corner, by_scale) = jax.tree.map(np.asarray, differentiated(pictures, corner, scale))
    for gradient in (by_picture, by_corner, by_scale):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient[0]).max() > 1e-4
        assert (np.asarray(gradient[1]) == 0.0).all()
    assert np.abs(both[0] - both[1]).max() > 1e-3


@pytest.mark.parametrize("batch", [(), (1,), (2, 3)])
def test_any_batch(encoder, batch):
    code = jax.eval_shape(deca.encode, encoder, jax.ShapeDtypeStruct((*batch, 224, 224, 3), np.float32))
    assert code.light.shape == (*batch, 9, 3)
    assert code.eye_pose.shape == (*batch, 6)


def test_crops_of_another_size(encoder):
    with pytest.raises(ValueError, match=r"image must end in shape \(224, 224, 3\), got \(1, 192, 192, 3\)"):
        jax.eval_shape(deca.encode, encoder, jax.ShapeDtypeStruct((192, 192, 3), np.float32))
