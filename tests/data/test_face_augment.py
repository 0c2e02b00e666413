"""Augmentation of faces: points follow what they mark, and everything is a function of the key."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import skimage.draw
import skimage.morphology

from jaxanim.data import face_augment
from jaxanim.data.face_augment import Settings

SIZE = 64


def dots(points):
    """A dark picture with a bright dot at each point."""
    axis = (np.arange(96) + 0.5) / 96
    x, y = np.meshgrid(axis, axis)
    spots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 0.015**2)) for px, py in points]
    return np.stack(spots, axis=-1).astype(np.float32)


def test_points_stay_on_what_they_mark():
    points = np.array([[0.4, 0.45], [0.62, 0.5], [0.5, 0.65]], np.float32)
    image = jnp.asarray(dots(points))  # a dot in each colour
    settings = Settings(size=SIZE, bend=0.02)
    axis = (np.arange(SIZE) + 0.5) / SIZE
    for seed in range(5):
        moved, where, _ = jax.jit(face_augment.move, static_argnums=3)(
            jax.random.key(seed), image, jnp.asarray(points), settings
        )
        weight = np.asarray(moved) / np.asarray(moved).sum(axis=(0, 1))
        found = np.stack([np.einsum("ijk,j->k", weight, axis), np.einsum("ijk,i->k", weight, axis)], axis=-1)
        inside = (np.abs(np.asarray(where) - 0.5) < 0.42).all(axis=-1)
        assert inside.sum() >= 1
        np.testing.assert_allclose(found[inside], np.asarray(where)[inside], atol=0.012)


def test_a_turn_is_clockwise():
    points = jnp.asarray([[0.5, 0.3], [0.5, 0.5]])
    settings = Settings(size=SIZE, zoom=0.0, shift=0.0, stretch=0.0, bend=0.0)
    image = jnp.zeros((96, 96, 3))
    for seed in range(4):
        _, where, turn = face_augment.move(jax.random.key(seed), image, points, settings)
        right = float(where[0, 0] - where[1, 0])  # of the upper point
        assert np.sign(right) == np.sign(float(turn))


def test_tiles_are_mixed_and_stay():
    image = jnp.asarray(np.random.default_rng(0).random((SIZE, SIZE, 3)), jnp.float32)
    mixed = np.asarray(face_augment.shuffle(jax.random.key(1), image))
    assert np.abs(mixed - image).mean() > 1e-3
    np.testing.assert_array_equal(np.sort(mixed, axis=None), np.sort(image, axis=None))


def test_of_one_picture_some_are_painted():
    image, points = jnp.full((1, 48, 48, 3), 0.5), jnp.full((1, 166, 2), 0.5)
    settings = Settings(size=SIZE, no_face=0.0, mouth=0.0, eyes=0.0, looks=0.5)
    augment = jax.jit(face_augment.augment, static_argnums=3)
    changed = [float(jnp.abs(augment(jax.random.key(k), image, points, settings).image - 0.5).max()) for k in range(24)]
    assert 5 <= sum(each > 1e-5 for each in changed) <= 19


def marked(**rings):
    """Returns 68 + 98 points of which some rings, given as (first point, (x, y) of each), are in the picture."""
    points = np.full((166, 2), 2.0, np.float32)
    for first, ring in rings.values():
        points[first : first + len(ring)] = ring
    return points


LIPS = 0.5 + 0.1 * np.array([(-2, 0), (-1, -0.5), (0, -0.6), (1, -0.5), (2, 0), (1, 1), (0, 1.5), (-1, 1)])
LIDS = np.array([(-2, 0.3), (-1, -0.8), (1, -0.8), (2, 0), (1, 0.8), (-1, 0.8)])


def test_mouths_are_painted_between_the_lips_alone():
    points = marked(lips=(60, LIPS))
    image = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    inside = skimage.draw.polygon2mask((SIZE, SIZE), LIPS[:, ::-1] * SIZE - 0.5)
    edge = skimage.morphology.dilation(inside) & ~skimage.morphology.erosion(inside)
    seen = []
    for seed in range(8):
        painted = np.asarray(face_augment.fill_mouth(jax.random.key(seed), jnp.asarray(image), jnp.asarray(points)))
        changed = (painted != image).any(axis=-1)
        np.testing.assert_array_equal(changed[~edge], inside[~edge])
        assert 0 <= painted.min() <= painted.max() <= 1
        seen.append(len(np.unique(painted[inside & ~edge], axis=0)))
    assert set(seen) == {1, 2}  # with teeth and without


def inside_of(*rings):
    masks = [skimage.draw.polygon2mask((SIZE, SIZE), ring[:, ::-1] * SIZE - 0.5) for ring in rings]
    return np.any(masks, axis=0)


def test_eyes_are_painted_and_look_where_they_looked():
    left, right = ([x, 0.4] + 0.06 * LIDS for x in (0.3, 0.7))
    inside = inside_of(left, right)
    pupils = np.array([[0.27, 0.395], [0.71, 0.4]], np.float32)
    image = jnp.full((SIZE, SIZE, 3), 0.3)
    lower, axis = [], (np.arange(SIZE) + 0.5) / SIZE
    points = jnp.asarray(marked(left=(36, left), right=(42, right), pupils=(164, pupils)))
    for seed in range(12):
        painted, where = (np.asarray(each) for each in face_augment.fill_eyes(jax.random.key(seed), image, points))
        changed = (painted != 0.3).any(axis=-1)
        assert not (changed & ~skimage.morphology.dilation(inside)).any()
        assert changed[skimage.morphology.erosion(inside)].all()
        np.testing.assert_array_equal(where[:164], points[:164])
        np.testing.assert_allclose(where[164:, 0], pupils[:, 0], atol=2e-3)  # the eyes are not quite level
        lower.append(where[164:, 1] - pupils[:, 1])
        rows, columns = np.nonzero((painted[:, : SIZE // 2] == np.float32(0.04)).all(axis=-1))
        np.testing.assert_allclose([axis[columns].mean(), axis[rows].mean()], where[164], atol=0.012)
    assert 0 <= np.min(lower) < 0.005 < 0.015 < np.max(lower) <= 0.1 * 0.241  # of an eye's width


def test_closed_eyes_stay():
    shut = marked(left=(36, [0.3, 0.4] + 0.06 * LIDS * [1, 0]), right=(42, [0.7, 0.4] + 0.06 * LIDS * [1, 0]))
    image = jnp.full((SIZE, SIZE, 3), 0.3)
    np.testing.assert_array_equal(face_augment.fill_eyes(jax.random.key(0), image, jnp.asarray(shut))[0], image)


def test_outer_corners_of_eyes_rise():
    """By the angle, about the eyes' middles; what is farther away than an eye's width stays."""
    rings = {"left": (36, [0.3, 0.4] + 0.05 * LIDS), "right": (42, [0.7, 0.4] + 0.05 * LIDS)}
    points = marked(**rings, nose=(27, [[0.5, 0.8]]))
    settings = Settings(size=SIZE, view=1.0, turn_degrees=0, zoom=0, shift=0, stretch=0, bend=0, eye_tilt=30.0)
    image = jnp.asarray(dots(points[[36, 45, 27]]))
    axis, seen = (np.arange(SIZE) + 0.5) / SIZE, []
    for seed in range(6):
        moved, where, _ = jax.jit(face_augment.move, static_argnums=3)(
            jax.random.key(seed), image, jnp.asarray(points), settings
        )
        weight = np.asarray(moved) / np.asarray(moved).sum(axis=(0, 1))
        found = np.stack([np.einsum("ijk,j->k", weight, axis), np.einsum("ijk,i->k", weight, axis)], axis=-1)
        np.testing.assert_allclose(found, np.asarray(where)[[36, 45, 27]], atol=0.01)
        np.testing.assert_allclose(np.asarray(where)[27], [0.5, 0.8], atol=1e-3)
        left, right = (np.asarray(where)[corner] - points[corner] for corner in (36, 45))
        np.testing.assert_allclose(left[1], right[1], atol=5e-3)
        seen.append(-left[1] / 0.1)  # of the corner's distance from the eye's middle
    assert -0.25 < min(seen) < 0.1 < 0.2 < max(seen) < 0.55


def test_some_pictures_keep_their_looks():
    image = jnp.full((32, 48, 48, 3), 0.5)
    settings = Settings(size=SIZE, no_face=0.0, mouth=0.0, eyes=0.0, looks=0.5)
    augment = jax.jit(face_augment.augment, static_argnums=3)
    made = augment(jax.random.key(0), image, jnp.full((32, 68, 2), 0.5), settings)
    kept = np.abs(np.asarray(made.image) - 0.5).max(axis=(1, 2, 3)) < 1e-5
    assert 8 <= kept.sum() <= 24


def test_a_batch():
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.random((64, 48, 48, 3)), jnp.float32)
    points = jnp.asarray(rng.random((64, 166, 2)), jnp.float32)
    settings = Settings(size=32, no_face=0.5)
    augment = jax.jit(face_augment.augment, static_argnums=3)
    made = augment(jax.random.key(0), images, points, settings)
    assert made.image.shape == (64, 32, 32, 3)
    assert 0.25 < float(made.face.mean()) < 0.75
    again = augment(jax.random.key(0), images, points, settings)
    np.testing.assert_array_equal(made.image, again.image)
    other = augment(jax.random.key(1), images, points, settings)
    assert float(jnp.abs(made.image - other.image).mean()) > 0.01
    with pytest.raises(ValueError, match=r"300-W's 68 points, .* \(166 in all\), got 5"):
        face_augment.augment(jax.random.key(0), images, points[:, :5], settings)
    without_eyes = Settings(size=32, eyes=0.0)
    assert augment(jax.random.key(0), images, points[:, :68], without_eyes).points.shape == (64, 68, 2)
