"""A photo moved by a mesh: nothing moves nothing, skin goes where the mesh says, what lies around follows and rests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.system import PosedImage, System
from jaxanim.geometry.open_head import load_open_head
from jaxanim.systems.geometric import Geometric, GeometricCode, completion, for_open_head, system

SIZE = 32


pytestmark = pytest.mark.usefixtures("compile_fast")


def square(*, z=0.0, half=0.4, middle=(0.0, 0.0)):
    """Returns the four corners of a square that faces the viewer, and its triangles."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * half + np.array(middle, np.float32)
    vertices = np.concatenate([corners, np.full((4, 1), z, np.float32)], axis=1)
    return vertices, np.array([[0, 2, 1], [0, 3, 2]], np.int32)  # counter-clockwise where y is up


def picture():
    return np.random.default_rng(0).uniform(-1, 1, (SIZE, SIZE, 3)).astype(np.float32)


def make(vertices, faces, *, inside=(), lids=(), softening=0):
    marks = [np.isin(np.arange(len(vertices)), chosen).astype(np.float32) for chosen in (inside, lids)]
    return Geometric(faces, *marks, size=SIZE, softening=softening)


def render(method, source, targets):
    def both(image, vertices, drives):
        code = method.encode_source({}, PosedImage(image, vertices))
        return code, method.render({}, code, drives)

    return jax.jit(both)(picture(), source, np.stack([target.reshape(-1) for target in targets]))


def test_it_is_a_system(key):
    method = make(*square())
    assert isinstance(method, System)
    assert method.init(key) == {"params": {}}
    assert method.phases() == ()


def test_the_sources_own_pose_changes_nothing():
    vertices, faces = square()
    _, frame = render(make(vertices, faces, inside=(0, 1), softening=2), vertices, [vertices, vertices])
    assert (frame.flow_px == 0).all()
    np.testing.assert_array_equal(frame.image, np.stack([picture()] * 2))
    assert frame.known.sum() > 0


def test_skin_comes_from_where_it_was():
    """The square moves by 0.125 of half the picture, two pixels, to the right; there the flow points to the left."""
    vertices, faces = square(half=0.25)
    _, frame = render(make(vertices, faces), vertices, [vertices + np.array([0.125, 0, 0], np.float32)])
    known = frame.known[0, :, :, 0] == 1
    assert known[12:20, 14:22].all()
    assert known.sum() == 64
    np.testing.assert_allclose(frame.flow_px[0][known], np.tile([-2.0, 0.0], (64, 1)), atol=1e-5)
    np.testing.assert_allclose(frame.image[0, 12:20, 14:22], picture()[12:20, 12:20], atol=1e-4)


def test_what_lies_around_follows_less_and_less_and_the_edge_rests():
    vertices, faces = square(half=0.25)
    _, frame = render(make(vertices, faces), vertices, [vertices + np.array([0.125, 0, 0], np.float32)])
    left = np.asarray(frame.flow_px[0, 16, :15, 0])
    assert (np.diff(left) < 1e-6).all()  # from 0 at the edge to -2 at the square
    assert np.abs(np.asarray(frame.flow_px[0])[[0, -1]]).max() < 0.05
    assert -1.9 < left[10] < -0.5


def test_hidden_skin_is_left_to_what_lies_around():
    """A second square stands behind the first, half of it hidden; its hidden corners are not seen."""
    front, faces = square(z=-0.5, half=0.5)
    back, _ = square(z=0.5, half=0.25, middle=(0.1, 0.0))
    vertices, both = np.concatenate([front, back]), np.concatenate([faces, faces + 4])
    find = jax.jit(system.seen_vertices, static_argnames="size")
    seen = find(vertices, both, size=SIZE)
    assert seen[:, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    beyond = back + np.array([0.8, 0, 0], np.float32)
    seen = find(np.concatenate([front, beyond]), both, size=SIZE)
    assert seen[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 1]  # two corners are out of the picture
    away = find(vertices, both[:, ::-1].copy(), size=SIZE)
    assert (away == 0).all()


def test_lids_count_as_seen():
    vertices, faces = square()
    turned = faces[:, ::-1].copy()
    code, _ = render(make(vertices, turned, lids=(1, 2)), vertices, [vertices])
    assert code.seen[:, 0].tolist() == [0, 1, 1, 0]


def test_a_mouth_that_opens_is_dark():
    """Two lips part; between them lies what the source hid behind them, and there the picture gets darker."""
    upper, faces = square(half=0.3, middle=(0.0, -0.3))
    lower, _ = square(half=0.3, middle=(0.0, 0.3))
    inside, _ = square(z=0.5, half=0.2)
    vertices = np.concatenate([upper, lower, inside])
    all_faces = np.concatenate([faces, faces + 4, faces + 8])
    method = make(vertices, all_faces, inside=(8, 9, 10, 11))
    opened = vertices.copy()
    opened[4:8, 1] += 0.3
    code, frame = render(method, vertices, [vertices, opened])
    assert code.seen[8:].max() == 0
    assert (frame.opened[0] == 0).all()
    assert frame.opened[1, 17:19, 14:18].min() > 0.5
    assert frame.opened[1, :14].max() == 0
    plain = make(vertices, all_faces)
    _, bright = render(plain, vertices, [vertices, opened])
    assert (frame.image[1, 17:19, 14:18] + 1).mean() < 0.6 * (bright.image[1, 17:19, 14:18] + 1).mean()


def test_completion_of_a_plane_between_two_values():
    """Between known columns of 0 and 1 the membrane rises evenly, but for a tenth: it takes few sweeps."""
    known = np.zeros((64, 64, 1), np.float32)
    known[:, [24, 40]] = 1
    values = np.zeros((64, 64, 2), np.float32)
    values[:, 40] = 1
    result = np.asarray(jax.jit(completion.complete)(values, known))
    np.testing.assert_array_equal(result[:, 40], np.ones((64, 2)))
    np.testing.assert_allclose(result[32, 24:41, 0], np.linspace(0, 1, 17), atol=0.1)
    assert (np.diff(result[32, 24:41, 0]) > 0.03).all()
    assert (completion.complete(jnp.zeros((16, 16, 2)), jnp.zeros((16, 16, 1))) == 0).all()


def test_softening_keeps_constants_and_sums():
    spike = jnp.zeros((9, 9, 1)).at[4, 4].set(16.0)
    soft = completion.soften(spike, 1)
    np.testing.assert_allclose(soft[3:6, 3:6, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    np.testing.assert_allclose(completion.soften(jnp.ones((5, 4, 2)), 3), np.ones((5, 4, 2)))


def test_the_open_head():
    method = for_open_head(64)
    assert method.size == 64
    assert 500 < method.inside_mouth.sum() < 1000
    assert 50 < method.on_lids.sum() < 300
    assert (method.inside_mouth * method.on_lids == 0).all()
    head = load_open_head()
    eyes, lips = head.joint_regressor @ head.template, head.template[method.inside_mouth == 1]
    assert lips[:, 1].max() < eyes[3, 1] - 0.03  # sockets are no mouth
    left, right = (head.template[(method.on_lids == 1) & (side * head.template[:, 0] > 0)] for side in (1, -1))
    assert np.abs(left.mean(axis=0) - eyes[3])[:2].max() < 0.01
    assert len(left) == len(right)


def test_refused():
    vertices, faces = square()
    method = make(vertices, faces)
    image = jnp.zeros((SIZE, SIZE, 3))
    with pytest.raises(ValueError, match="image"):
        method.encode_source({}, PosedImage(jnp.zeros((16, 16, 3)), jnp.asarray(vertices)))
    with pytest.raises(ValueError, match="vertices_ndc"):
        method.encode_source({}, PosedImage(image, jnp.zeros((5, 3))))
    code = GeometricCode(image, jnp.asarray(vertices), jnp.ones((4, 1)))
    with pytest.raises(ValueError, match="drive"):
        method.render({}, code, jnp.zeros((1, 9)))
