"""Squares around faces by hand, cuts against a numpy loop, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking import crops
from jaxanim.tracking.deca import crop

SIZE = {"height": 200, "width": 300}


def random_pictures(*shape):
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def landmarks(left=100.0, top=40.0, right=180.0, bottom=160.0):
    """68 points whose outermost are the given ones; they span 80 by 120 unless told."""
    points = np.tile([[(left + right) / 2, (top + bottom) / 2]], (68, 1))
    points[3], points[40] = (left, bottom), (right, top)
    return points


def test_square_by_hand():
    """The face is (80 + 120) / 2 * 1.1 = 110 pixels; 110 * 1.25 = 137.5 and 110 * 1.35 = 148.5 are cut to 137, 148."""
    box = crop.face_box(landmarks())
    seen, final = crop.encoder_crop(box, **SIZE), crop.gdpw_crop(box)
    np.testing.assert_allclose(seen.corner, [140 - 68.5, 100 - 68.5])
    np.testing.assert_allclose(seen.scale, 224 / 137)
    np.testing.assert_allclose(final.corner, [140 - 74.0, 100 - 148 * 0.6])
    np.testing.assert_allclose(final.scale, 255 / 148)
    np.testing.assert_allclose(crop.gdpw_crop(box, size=512).scale, 511 / 148)


def test_matrices_transforms_and_changes_agree():
    """A batch of two faces: by matrices in numpy and by crops."""
    points = np.stack([landmarks(), landmarks(30, 20, 90, 100)])
    box = crop.face_box(points)
    seen, final = crop.encoder_crop(box, **SIZE), crop.gdpw_crop(box)
    ours = jax.jit(crop.transform)(seen, points.astype(np.float32))
    homogeneous = np.concatenate([points, np.ones((2, 68, 1))], axis=-1)
    by_matrix = np.einsum("bij,bnj->bni", crop.matrix(seen), homogeneous)
    np.testing.assert_allclose(ours, by_matrix[..., :2], atol=1e-4)
    np.testing.assert_allclose(by_matrix[..., 2], 1.0)
    change = crop.matrix(final) @ np.linalg.inv(crop.matrix(seen))
    np.testing.assert_allclose(crop.matrix(crop.between(seen, final)), change, atol=1e-9)
    single = crop.encoder_crop(crop.face_box(points[1]), **SIZE)
    np.testing.assert_array_equal(crop.matrix(single), crop.matrix(seen)[1])


def cut(images, squares, size):
    return jax.jit(lambda images, squares: crop.cut(images, squares, size=size))(images, squares)


def test_whole_pictures_stay_as_they_are():
    images = random_pictures(2, 6, 6, 3)
    np.testing.assert_allclose(cut(images, crop.whole_picture((2,)), 6), images, atol=1e-6)
    np.testing.assert_array_equal(crop.matrix(crop.whole_picture()), np.eye(3))


def loop_cut(image, corner, scale, size):
    """Bilinear between pixel centres at whole numbers, 0 outside."""
    height, width, channels = image.shape
    out = np.zeros((size, size, channels))
    for i in range(size):
        for j in range(size):
            x, y = j / scale + corner[0], i / scale + corner[1]
            for row in (int(np.floor(y)), int(np.floor(y)) + 1):
                for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                    if 0 <= row < height and 0 <= column < width:
                        out[i, j] += image[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return out


def test_cuts_of_a_batch():
    """One square hangs over the left and upper edge, one is magnified."""
    images = random_pictures(2, 9, 11, 3)
    squares = crop.Crop(np.array([[-2.3, -1.6], [4.2, 3.1]]), np.array([0.7, 2.9]))
    ours = np.asarray(cut(images, squares, 8))
    for number in range(2):
        expected = loop_cut(images[number], squares.corner[number], squares.scale[number], 8)
        np.testing.assert_allclose(ours[number], expected, atol=1e-5)
    assert (ours[0, 0, 0] == 0.0).all()


@pytest.mark.parametrize("shape", [(5, 2), (68, 3), (2, 67, 2)])
def test_another_number_of_landmarks(shape):
    with pytest.raises(InputError, match=r"68 landmarks \(x, y\), got shape"):
        crop.face_box(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_landmarks_that_are_not_finite(value):
    points = landmarks()
    points[7, 1] = value
    with pytest.raises(InputError, match="1 numbers that are not finite"):
        crop.face_box(points)


@pytest.mark.parametrize(
    ("points", "spans"),
    [(landmarks(50, 60, 50, 60), "0 by 0"), (landmarks(50, 60, 90, 60), "40 by 0"), (landmarks(5, 5, 6.5, 80), "1.5")],
)
def test_faces_without_a_size(points, spans):
    with pytest.raises(InputError, match=f"span {spans}"):
        crop.face_box(points)


def test_the_face_at_fault_is_named():
    points = np.stack([landmarks(), landmarks(50, 60, 50, 60)])
    with pytest.raises(InputError, match="landmarks of face 1 span"):
        crop.face_box(points)
    box = crop.face_box(np.stack([landmarks(), landmarks(400, 40, 480, 160)]))
    with pytest.raises(InputError, match="square around the face of face 1, x 372 to 508"):
        crop.encoder_crop(box, **SIZE)


@pytest.mark.parametrize("shift", [(260.0, 0.0), (-250.0, 0.0), (0.0, 220.0), (0.0, -200.0), (1e12, 0.0)])
def test_faces_outside_of_the_picture(shift):
    box = crop.face_box(landmarks() + np.array(shift))
    with pytest.raises(InputError, match="outside of the picture of 300x200 pixels"):
        crop.encoder_crop(box, **SIZE)


def test_a_quarter_in_the_picture_will_do():
    """The square of 137 pixels starts at 71.5; 34.25 of them are a quarter."""
    inside, outside = (crop.face_box(landmarks() + np.array([shift, 0.0])) for shift in (194.0, 194.5))
    assert crop.encoder_crop(inside, **SIZE).corner[0] == 265.5
    with pytest.raises(InputError, match="outside"):
        crop.encoder_crop(outside, **SIZE)


def test_a_face_larger_than_the_picture_in_every_direction():
    with pytest.raises(InputError, match="for the most part"):
        crop.encoder_crop(crop.face_box(landmarks(-1e6, -1e6, 1e6, 1e6)), **SIZE)


@pytest.mark.parametrize("make", [crop.gdpw_crop, lambda box: crop.encoder_crop(box, **SIZE)])
def test_as_an_alignment(make):
    """The same positions, half a pixel on; the same picture, but for the kernel of the enlargement."""
    placed = make(crop.face_box(landmarks()))
    size = 224 if placed.scale == 224 / 137 else 256
    alignment = crop.alignment(placed, size=size)
    points = np.array([[100.0, 40.0], [0.0, 0.0], [250.3, 17.6]])
    expected = (points - placed.corner) * placed.scale
    np.testing.assert_allclose(crops.to_crop(alignment, points + 0.5), expected + 0.5, atol=1e-9)
    y, x = np.mgrid[:200, :300]
    picture = np.rint(127 + 60 * np.stack([np.sin(x / 9 + c) + np.cos(y / 8) for c in range(3)], -1)).astype(np.uint8)
    cut = np.asarray(crop.cut(jnp.asarray(picture, jnp.float32), placed, size=size))
    taken = crops.take(picture, alignment)
    inside = np.s_[5:-25, 5:-25]  # the larger square reaches over the lower edge, where the one is 0
    assert np.abs(taken[inside] - cut[inside]).max() < 3


def test_an_alignment_is_of_one_face():
    both = crop.gdpw_crop(crop.face_box(np.stack([landmarks()] * 2)))
    with pytest.raises(ValueError, match=r"one face, got crops of shape \(2,\)"):
        crop.alignment(both, size=256)
