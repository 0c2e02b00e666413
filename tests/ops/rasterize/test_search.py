"""Every implementation finds what the numpy loop finds, in every pixel."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.ops import rasterize as ops
from jaxanim.ops.rasterize import api, host, reference, xla
from tests.ops.rasterize.scenes import SCENES, SIZE, filled_up

CULLINGS = ("none", "before", "after")
# The weights of a face are quotients of the same float32 numbers: the last place may differ.
TOLERANCE = 1e-6


@functools.partial(jax.jit, static_argnames=("height", "width", "culling"))
def compiled(vertices, faces, **options):
    return ops.rasterize(vertices, faces, **options)


def rasterize_jax(vertices, faces, **options):
    return compiled(*map(jnp.asarray, filled_up(vertices, faces)), **options)


def rasterize_numba(vertices, faces, **options):
    pytest.importorskip("numba")
    return ops.rasterize_host(vertices, faces, **options)


IMPLEMENTATIONS = {"xla": rasterize_jax, "numba": rasterize_numba}


@pytest.mark.parametrize("culling", CULLINGS)
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_equals_the_reference_in_every_pixel(implementation, scene, culling):
    vertices, faces = SCENES[scene]
    face, barycentric, depth = reference.rasterize_mesh(vertices, faces, **SIZE, culling=culling)
    found = IMPLEMENTATIONS[implementation](vertices, faces, **SIZE, culling=culling)
    np.testing.assert_array_equal(found.face, face)
    np.testing.assert_allclose(found.barycentric, barycentric, atol=TOLERANCE)
    np.testing.assert_allclose(found.depth, depth, rtol=TOLERANCE, atol=TOLERANCE)
    assert found.face.dtype == np.int32


def test_the_scenes_cover_and_leave_out_pixels():
    """The comparison above would say nothing about empty pictures."""
    for name, (vertices, faces) in SCENES.items():
        face, _, _ = reference.rasterize_mesh(vertices, faces, **SIZE, culling="none")
        assert len(np.unique(face)) > 1, name
    special, _, _ = reference.rasterize_mesh(*SCENES["special"], **SIZE, culling="none")
    assert set(np.unique(special)) <= {11, 12, 13, 14}  # those before cover nothing


@pytest.fixture(params=["reference", *IMPLEMENTATIONS])
def draw(request):
    """Draws on 4 x 4 pixels and returns faces."""

    def on_four_by_four(triangles, culling="none"):
        vertices = np.array(triangles, np.float32).reshape(-1, 3)
        faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
        options = {"height": 4, "width": 4, "culling": culling}
        if request.param == "reference":
            return reference.rasterize_mesh(vertices, faces, **options)[0]
        return np.asarray(IMPLEMENTATIONS[request.param](vertices, faces, **options).face)

    return on_four_by_four


def test_pixel_centres_are_at_halves_and_edges_belong_to_a_triangle(draw):
    """Its corners are the centres of pixels (0, 0), (0, 2) and (2, 0)."""
    face = draw([[(0.5, 0.5, 0), (0.5, 2.5, 0), (2.5, 0.5, 0)]])
    expected = [[0, 0, 0, -1], [0, 0, -1, -1], [0, -1, -1, -1], [-1, -1, -1, -1]]
    np.testing.assert_array_equal(face, expected)


def test_culled_faces_hide_only_if_culled_after(draw):
    back = [(-9, -9, 1), (20, -9, 1), (-9, 20, 1)]  # clockwise on the screen
    front = [(-9, -9, 2), (-9, 20, 2), (20, -9, 2)]
    assert (draw([back, front], "none") == 0).all()
    assert (draw([back, front], "before") == 1).all()
    assert (draw([back, front], "after") == -1).all()
    assert (draw([front, front], "after") == 0).all()


def test_many_blocks_and_pieces_change_nothing(monkeypatch):
    """As for pictures and meshes whose bounding boxes have more than 2**31 pixels."""
    vertices, faces = SCENES["medium"]
    expected = rasterize_jax(vertices, faces, **SIZE)
    monkeypatch.setattr(xla, "PIECE", 50)
    monkeypatch.setattr(xla, "_NO_FACE", 17 * SIZE["height"] * SIZE["width"])
    blocks = jax.jit(functools.partial(ops.rasterize, **SIZE))(jnp.asarray(vertices), jnp.asarray(faces))
    np.testing.assert_array_equal(blocks.face, expected.face)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("batch", [(1,), (2, 3)])
def test_any_leading_batch(implementation, batch):
    vertices, faces = SCENES["medium"]
    moved = vertices + np.random.default_rng(0).uniform(0, 3, (*batch, 1, 3)).astype(np.float32)
    found = IMPLEMENTATIONS[implementation](moved, faces, **SIZE)
    assert found.barycentric.shape == (*batch, 13, 17, 3)
    for index in np.ndindex(batch):
        expected, _, _ = reference.rasterize_mesh(moved[index], faces, **SIZE, culling="none")
        np.testing.assert_array_equal(found.face[index], expected)


def test_under_vmap():
    vertices, faces = SCENES["medium"]
    moved = jnp.asarray(np.stack([vertices, vertices + np.float32(1.25)]))
    each = functools.partial(ops.rasterize, faces=jnp.asarray(faces), **SIZE)
    one_by_one = jnp.stack([rasterize_jax(mesh, faces, **SIZE).face for mesh in moved])
    np.testing.assert_array_equal(jax.jit(jax.vmap(each))(moved).face, one_by_one)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"vertices": np.zeros((3, 2), np.float32)}, ValueError, "vertices must end in shape"),
        ({"vertices": np.zeros((3, 3), np.float16)}, TypeError, "float32, got float16"),
        ({"faces": np.zeros((1, 3), np.float32)}, TypeError, "integers, got float32"),
        ({"faces": np.zeros((0, 3), np.int32)}, ValueError, r"got shapes \(3, 3\) and \(0, 3\)"),
        ({"height": 0}, ValueError, "at least 1"),
    ],
)
def test_wrong_calls(change, error, message):
    arguments = {"vertices": np.zeros((3, 3), np.float32), "faces": np.array([[0, 1, 2]]), "height": 4, "width": 4}
    with pytest.raises(error, match=message):
        ops.rasterize_host(**(arguments | change))


def test_unknown_culling():
    with pytest.raises(ValueError, match=r"culling must be one of .*'after'.*, got 'back'"):
        api.check_arguments(np.zeros((3, 3), np.float32), np.zeros((1, 3), np.int32), 4, 4, "back")


def test_faces_of_missing_vertices():
    with pytest.raises(ValueError, match="name vertices 0 to 3, there are 3"):
        ops.rasterize_host(np.zeros((3, 3), np.float32), np.array([[0, 1, 3]]), height=4, width=4)


def test_without_numba_the_host_path_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    host._compiled.cache_clear()
    with pytest.raises(InputError, match=r"pip install 'jaxanim\[train\]'"):
        ops.rasterize_host(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]]), height=4, width=4)
