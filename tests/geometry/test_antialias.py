"""Antialiasing equals a loop over pairs of pixels, and gives silhouettes a gradient."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.geometry import antialias, render
from jaxanim.ops import rasterize
from tests.geometry import meshes

SIZE = {"height": 14, "width": 14}


def loop(image, face, depth, vertices, faces):
    """The rules one pair of neighbours at a time (nvdiffrast's released code, as far as it matters here)."""
    result = image.copy()
    height, width = face.shape
    for swap in (False, True):
        for i in range(height - (1 if swap else 0)):
            for j in range(width - (0 if swap else 1)):
                pair = (i, j), ((i + 1, j) if swap else (i, j + 1))
                _blend(result, image, pair, swap, (face, depth, vertices, faces))
    return result


def _blend(result, image, pair, swap, scene):
    face, depth, vertices, faces = scene
    first, second = face[pair[0]], face[pair[1]]
    if first == second:
        return
    of_first = first >= 0 and (second < 0 or depth[pair[0]] < depth[pair[1]])
    number = first if of_first else second
    pixel = pair[0] if of_first else pair[1]
    centre = np.array([pixel[1] + 0.5, pixel[0] + 0.5])
    flat = (vertices[:, :2] - centre)[:, ::-1] if swap else vertices[:, :2] - centre
    sign = 1.0 if of_first else -1.0
    best, allowed = -np.inf, False
    for k in range(3):
        apex, a, b = np.roll(faces[number], -k)
        if (flat[a][1] < 0) == (flat[b][1] < 0):
            continue
        along = flat[b] - flat[a]
        reach = sign * (flat[a][0] * along[1] - flat[a][1] * along[0]) / along[1]
        if reach > best:
            best = reach
            others = [f for f in faces if {a, b} <= set(f) and apex not in f]
            beyond = [next(iter(set(f) - {a, b})) for f in others]
            folded = not beyond or _side(flat, a, b, beyond[0]) == _side(flat, a, b, apex)
            allowed = folded and abs(along[1]) >= abs(along[0])
    if allowed and -1 / 16 < best < 17 / 16:
        weight = sign * (0.5 - np.clip(best, 0, 1))
        result[pair[0] if weight > 0 else pair[1]] += weight * (image[pair[1]] - image[pair[0]])


def _side(flat, a, b, apex):
    return np.cross(np.append(flat[b] - flat[a], 0), np.append(flat[apex] - flat[a], 0))[2] > 0


def open_ball():
    """A ball with a hole in front, so that there are borders, and an inside."""
    vertices, faces = meshes.ball_in_pixels(14, 5.3)
    return vertices, faces[vertices[faces][..., 2].mean(axis=1) > -4.0]


def test_equals_the_loop(key):
    vertices, faces = open_ball()
    fragments = jax.jit(functools.partial(rasterize.rasterize, **SIZE))(jnp.asarray(vertices), jnp.asarray(faces))
    image = jax.random.normal(key, (14, 14, 2))
    opposites = jnp.asarray(antialias.opposite_vertices(faces))
    smooth = jax.jit(antialias.antialias)(image, fragments, jnp.asarray(vertices), jnp.asarray(faces), opposites)
    face, depth = np.asarray(fragments.face), np.asarray(fragments.depth)
    expected = loop(np.asarray(image, np.float64), face, depth, vertices.astype(np.float64), faces)
    assert np.abs(expected - np.asarray(image)).max() > 0.5
    np.testing.assert_allclose(smooth, expected, atol=2e-5)


def test_opposite_vertices():
    """Two triangles at the edge 1-2, and three at the edge 0-1 of a fan."""
    square = antialias.opposite_vertices(np.array([[0, 1, 2], [2, 1, 3]]))
    np.testing.assert_array_equal(square, [[3, -1, -1], [-1, -1, 0]])
    fan = antialias.opposite_vertices(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]))
    assert sorted(fan[:, 2]) == [2, 3, 4]
    assert all(fan[k, 2] != k + 2 for k in range(3))


def test_silhouettes_have_a_gradient():
    """The picture of a square of 8 x 8 pixels grows by twice its area per unit of scale; jagged, it has no gradient."""
    angle = np.deg2rad(20.0) + np.pi / 2 * np.arange(4)
    offsets = 4.0 * np.sqrt(2.0) * np.stack([np.cos(angle), np.sin(angle), np.zeros(4)], axis=-1)
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    opposites = jnp.asarray(antialias.opposite_vertices(faces))
    centre = jnp.asarray([[7.0, 7.0, 0.0]])

    def areas(scale):
        vertices = jnp.asarray(offsets, jnp.float32) * scale + centre
        options = {"faces": jnp.asarray(faces), "attributes": jnp.ones((4, 1)), **SIZE}
        return jnp.stack([render.paint(vertices, **options, opposites=o).sum() for o in (opposites, None)])

    found, (smooth, jagged) = jax.jit(lambda scale: (areas(scale), jax.jacrev(areas)(scale)))(1.01)
    np.testing.assert_allclose(found[0], 64 * 1.01**2, rtol=0.02)
    np.testing.assert_allclose(smooth, 128 * 1.01, rtol=0.15)  # at the corners two edges share a pair of pixels
    assert abs(jagged) < 1e-3
