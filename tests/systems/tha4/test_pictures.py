"""8-bit pictures to network values and back: against plain Python, exactly reversible, without dark fringes."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.systems.tha4 import pictures

LEVELS = np.arange(256, dtype=np.uint8)
# A float32 power differs between numpy and XLA in the last bits, which can tip a rounding: one level of 255.
ONE_LEVEL = 1
FLOAT = 1e-6  # a few float32 steps in [-1, 1]


def pixel(*rgba):
    return np.array(rgba, np.uint8).reshape(1, 1, 4)


def reference(red, green, blue, alpha):
    """Encodes one pixel in plain Python: sRGB to linear light, times alpha, to [-1, 1]."""

    def linear(level):
        s = level / 255
        return s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4

    a = alpha / 255
    return [2 * linear(level) * a - 1 for level in (red, green, blue)] + [2 * a - 1]


PIXELS = [
    (0, 0, 0, 0),
    (255, 255, 255, 255),
    (255, 255, 255, 0),
    (10, 11, 12, 255),
    (200, 100, 50, 128),
    (1, 254, 7, 1),
]


@pytest.mark.parametrize("rgba", PIXELS)
@pytest.mark.parametrize("namespace", [np, jnp])
def test_encode_equals_plain_python(rgba, namespace):
    encoded = pictures.encode(namespace.asarray(pixel(*rgba)))
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded[0, 0], reference(*rgba), atol=FLOAT)


def test_encode_of_known_values():
    """Middle grey 188 is half the light; transparent is -1 everywhere, white is 1 everywhere."""
    assert pictures.encode(pixel(188, 188, 188, 255))[0, 0, 0] == pytest.approx(0.0, abs=0.01)
    np.testing.assert_array_equal(pictures.encode(pixel(255, 0, 9, 0)), [[[-1, -1, -1, -1]]])
    np.testing.assert_array_equal(pictures.encode(pixel(255, 255, 255, 255)), [[[1, 1, 1, 1]]])


def test_the_kind_of_array_stays():
    for namespace in (np, jnp):
        picture = namespace.asarray(pixel(1, 2, 3, 4))
        encoded = pictures.encode(picture)
        assert type(encoded) is type(picture)
        assert type(pictures.decode(encoded)) is type(picture)


@pytest.mark.parametrize("namespace", [np, jnp])
@pytest.mark.parametrize("decode", [pictures.decode, pictures.decode_official])
def test_opaque_pixels_come_back_exactly(namespace, decode):
    picture = np.stack([LEVELS, LEVELS[::-1], np.roll(LEVELS, 7), np.full(256, 255, np.uint8)], axis=-1)[None]
    np.testing.assert_array_equal(decode(pictures.encode(namespace.asarray(picture))), picture)


@pytest.mark.parametrize("alpha", [255, 128, 20, 5, 1])
def test_decode_keeps_colors_whatever_the_alpha(alpha):
    picture = np.stack([LEVELS, LEVELS, LEVELS, np.full(256, alpha, np.uint8)], axis=-1)[None]
    np.testing.assert_array_equal(pictures.decode(pictures.encode(picture)), picture)


def test_decode_has_no_dark_fringe_and_the_released_one_has():
    """A half transparent white pixel: white again, or sRGB of half the light."""
    encoded = pictures.encode(pixel(255, 255, 255, 128))
    assert pictures.decode(encoded)[0, 0].tolist() == [255, 255, 255, 128]
    half = 1.055 * (128 / 255) ** (1 / 2.4) - 0.055
    assert pictures.decode_official(encoded)[0, 0].tolist() == [round(255 * half)] * 3 + [128]


@pytest.mark.parametrize("decode", [pictures.decode, pictures.decode_official])
def test_transparent_pixels_are_black_and_clear(decode):
    assert decode(pictures.encode(pixel(200, 100, 50, 0)))[0, 0].tolist() == [0, 0, 0, 0]


def test_values_outside_the_range_are_clipped():
    """Networks overshoot; a colour brighter than its alpha is as bright as can be."""
    wild = np.array([[[3.0, -3.0, 0.0, 2.0], [0.5, 0.5, 0.5, -4.0], [0.9, -1.0, -1.0, 0.0]]], np.float32)
    decoded = pictures.decode(wild)
    assert decoded[0, 0].tolist() == [255, 0, 188, 255]
    assert decoded[0, 1].tolist() == [0, 0, 0, 0]
    assert decoded[0, 2].tolist() == [255, 0, 0, 128]


def test_numpy_and_jax_agree():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 64, 4), np.uint8)
    encoded, encoded_jax = pictures.encode(picture), pictures.encode(jnp.asarray(picture))
    np.testing.assert_allclose(encoded_jax, encoded, atol=FLOAT)
    anything = rng.uniform(-1.5, 1.5, (64, 64, 4)).astype(np.float32)
    for decode in (pictures.decode, pictures.decode_official):
        off = np.asarray(decode(jnp.asarray(anything))).astype(int) - decode(anything)
        assert np.abs(off).max() <= ONE_LEVEL


def test_batches_of_pictures():
    batch = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 4), np.uint8)
    np.testing.assert_array_equal(pictures.encode(batch)[1, 2], pictures.encode(batch[1, 2]))


def test_blank_is_transparent():
    assert pictures.blank().shape == (512, 512, 4)
    np.testing.assert_array_equal(pictures.decode(pictures.blank(2, 3)), np.zeros((2, 3, 4), np.uint8))


def test_face_crop_is_128_square():
    picture = np.zeros((pictures.SIZE, pictures.SIZE))
    assert picture[pictures.FACE_ROWS, pictures.FACE_COLUMNS].shape == (128, 128)
    assert (pictures.FACE_ROWS.start, pictures.FACE_COLUMNS.start) == (80, 192)
