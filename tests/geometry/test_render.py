"""Pictures of a ball, whose depth, normals and motion are known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import antialias, render
from jaxanim.ops import rasterize
from tests.geometry import meshes

SIZE = {"height": 24, "width": 24}


@functools.partial(jax.jit, static_argnames="anchor")
def flow(source, target, faces, anchor):
    return render.facial_flow(source, target, faces, **SIZE, anchor=anchor)


@jax.jit
def seen_faces(vertices, faces):
    return rasterize.rasterize(vertices, faces, **SIZE).face


@functools.partial(jax.jit, static_argnames="smooth")
def maps_of(source, target, faces, opposites, codes, smooth=False):
    return render.geometry_maps(source, target, faces, opposites if smooth else None, codes, **SIZE)


def ball(radius=9.0):
    return tuple(map(jnp.asarray, meshes.ball_in_pixels(24, radius)))


def test_normals_point_outwards_and_the_light_falls_from_above():
    vertices, faces = ball()
    light = (0.0, 1.0, 0.0)
    both = jax.jit(lambda v: (render.normal_map(v, faces, **SIZE), render.preview(v, faces, **SIZE, light=light)))
    normals, picture = map(np.asarray, both(vertices))
    seen = (normals != 0).any(axis=-1)
    y, x = (np.mgrid[:24, :24] + 0.5 - 12) / 9
    expected = np.stack([x, -y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))], axis=-1)
    inner = x**2 + y**2 < 0.6
    assert seen[inner].all()
    assert np.abs(normals - expected)[inner].max() < 0.2  # a polyhedron is not a ball
    np.testing.assert_allclose(np.linalg.norm(normals[seen], axis=-1), 1.0, atol=1e-5)
    assert picture[5, 12, 0] > 0.5 > picture[18, 12, 0]
    assert (picture[~seen] == 1.0).all()
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0


def test_depths_are_those_of_the_surface():
    vertices, faces = ball()
    depths = np.asarray(render.depth_map(vertices, faces, **SIZE))[..., 0]
    fragments = rasterize.rasterize(vertices, faces, **SIZE)
    seen = np.asarray(fragments.face) >= 0
    np.testing.assert_allclose(depths[seen], np.asarray(fragments.depth)[seen], atol=1e-4)
    assert (depths[~seen] == 0.0).all()
    assert depths[12, 12] - vertices[:, 2].mean() < -8  # the front of a ball of radius 9


def test_vertex_normals_of_a_corner():
    """Of three triangles at the origin in the coordinate planes: the diagonal."""
    vertices = jnp.asarray([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 5, 5)], jnp.float32)
    faces = jnp.asarray([(0, 1, 2), (0, 2, 3), (0, 3, 1)])
    normals = render.vertex_normals(vertices, faces)
    np.testing.assert_allclose(normals[0], np.ones(3) / np.sqrt(3), atol=1e-6)
    np.testing.assert_array_equal(normals[4], np.zeros(3))


def test_to_pixels():
    """Corners of the picture are -1 and 1; depths are stretched to the same range, mesh by mesh."""
    ndc = jnp.asarray([[(-1, -1, 5), (1, 1, 9), (0, 0, 6)]] * 2, jnp.float32) * jnp.asarray([1.0, 2.0])[:, None, None]
    expected = [[0, 0, -1], [12, 6, 1], [6, 3, -0.5]]
    np.testing.assert_allclose(render.to_pixels(ndc, height=6, width=12)[0], expected, atol=1e-6)
    np.testing.assert_allclose(render.to_pixels(ndc, height=6, width=12)[1, :, 2], [-1, 1, -0.5], atol=1e-6)


def test_geometry_maps_of_a_ball_that_moves():
    """By (2, -3) pixels: the backward flow leads back, and the codes go with the surface."""
    vertices, faces = meshes.ball()
    target = jnp.asarray(vertices * 0.6)
    source = target - jnp.asarray([2 / 12, -3 / 12, 0.0])[None]
    opposites = jnp.asarray(antialias.opposite_vertices(faces))
    maps = maps_of(source, target, jnp.asarray(faces), opposites, jnp.asarray(vertices), smooth=True)
    whole = np.asarray(maps.mask)[..., 0] > 0.9999
    assert 100 < whole.sum() < 200
    np.testing.assert_allclose(maps.flow_ndc[whole], [[-2 / 12, 3 / 12]] * whole.sum(), atol=1e-6)
    np.testing.assert_allclose(np.roll(maps.codes_source, (-3, 2), axis=(0, 1)), maps.codes_target, atol=1e-5)
    assert np.abs(maps.codes_target).max() > 0.5
    partly = (np.asarray(maps.mask) > 0.01) & (np.asarray(maps.mask) < 0.99)
    assert partly.any()


def test_geometry_maps_take_batches_of_three_and_no_codes():
    """The released code culls wrong faces in batches of three."""
    vertices, faces = meshes.ball()
    poses = jnp.asarray(vertices * np.array([0.5, 0.6, 0.7], np.float32)[:, None, None])
    rest = jnp.asarray(faces), None, jnp.zeros((len(vertices), 0))
    maps = maps_of(poses * 0.9, poses, *rest)
    assert maps.codes_source.shape == (3, 24, 24, 0)
    areas = maps.mask.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(areas / areas[1], [25 / 36, 1, 49 / 36], rtol=0.1)
    assert set(np.unique(np.round(maps.mask, 5))) == {0.0, 1.0}  # no antialiasing
    for picture, pose in zip(maps.flow_ndc, poses, strict=True):
        assert 0.08 < jnp.abs(picture).max() / jnp.abs(pose).max() < 0.101


def test_facial_flow_by_anchor():
    """Right by 3, down by 6 and away by 12 pixels of 24, from target to source."""
    vertices, faces = ball(5.0)
    source = vertices + jnp.asarray([3.0, 6.0, 12.0])[None]
    both = np.asarray(flow(source, vertices, faces, anchor="both"))
    flows = {"source": both[..., :3], "target": both[..., 3:]}
    where = {
        "source": np.asarray(seen_faces(source, faces)) >= 0,
        "target": np.asarray(seen_faces(vertices, faces)) >= 0,
    }
    for anchor, seen in where.items():
        expected = seen[..., None] * np.array([3 / 12, 6 / 12, -1.0])
        np.testing.assert_allclose(flows[anchor], expected, atol=1e-6)
    assert (where["source"] != where["target"]).any()


def test_facial_flow_is_clipped_and_zero_without_motion():
    vertices, faces = ball(5.0)
    far = flow(vertices + 100.0, vertices, faces, anchor="target")
    np.testing.assert_allclose([far.max(), far.min()], [1.0, -1.0], atol=1e-6)  # the third channel: away
    assert not flow(vertices, vertices, faces, anchor="target").any()


def test_facial_flow_on_the_host():
    pytest.importorskip("numba")
    vertices, faces = meshes.ball_in_pixels(24, 8.0)
    target = vertices * np.array([1.0, 0.9, 1.1], np.float32)
    options = {"faces": faces, **SIZE}
    on_host = {a: render.facial_flow_host(vertices, target, **options, anchor=a) for a in render.ANCHORS}
    on_device = flow(*map(jnp.asarray, (vertices, target, faces)), anchor="both")
    np.testing.assert_allclose(on_host["both"], on_device, atol=1e-6)
    np.testing.assert_array_equal(on_host["source"], on_host["both"][..., :3])
    np.testing.assert_array_equal(on_host["target"], on_host["both"][..., 3:])
    assert np.abs(on_device).max() > 0.05
