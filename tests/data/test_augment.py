"""Augmentation: pictures whose result is known; the result depends on the generator alone."""

import functools

import numpy as np
import pytest

from jaxanim.data import augment

ALL = {
    "flip": lambda rng, picture: augment.flip(rng, picture, chance=1.0)[0],
    "crop": lambda rng, picture: augment.crop(rng, picture, size=16)[0],
    "color": augment.color,
    "hue": augment.hue,
    "shift": lambda rng, picture: augment.shift(rng, picture, largest=3),
    "blur": lambda rng, picture: augment.blur(rng, picture, chance=1.0),
    "noise": lambda rng, picture: augment.noise(rng, picture, chance=1.0),
    "jpeg": lambda rng, picture: augment.jpeg(rng, picture, chance=1.0),
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def picture():
    """A smooth picture with a little detail."""
    y, x = np.mgrid[:24, :32]
    return np.stack([8 * x, 10 * y, 100 + 40 * ((x + y) % 2)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", ALL)
def test_the_generator_decides_and_the_input_stays(picture, name):
    before = picture.copy()
    first, again, other = (ALL[name](rng(seed), picture) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(picture, before)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, picture)
    assert (name == "flip") == np.array_equal(first, other)


@pytest.mark.parametrize("name", ["flip", "blur", "noise", "jpeg"])
def test_without_a_chance_nothing_happens(picture, name):
    out = getattr(augment, name)(rng(), picture, chance=0.0)
    np.testing.assert_array_equal(out[0] if name == "flip" else out, picture)


def test_flip_takes_the_landmarks_along():
    """A bright pixel at each landmark is found again at the landmark's new place."""
    points = np.stack([np.arange(68) % 30, np.arange(68) // 3], axis=1).astype(np.float32) + 0.5  # centres of pixels
    picture = np.zeros((24, 32, 3), np.uint8)
    picture[points[:, 1].astype(int), points[:, 0].astype(int), 0] = 50 + np.arange(68)
    flipped, moved = augment.flip(rng(), picture, points, chance=1.0)
    found = flipped[moved[:, 1].astype(int), moved[:, 0].astype(int), 0]
    assert found[0] == 50 + 16  # the first point of the jaw was the last one
    assert sorted(found) == list(range(50, 118))


def test_crop_takes_the_landmarks_along():
    picture = np.zeros((64, 80, 3), np.uint8)
    picture[30:33, 41:44] = 255  # a dot whose centre is (42.5, 31.5)
    for seed in range(5):
        cut, moved = augment.crop(rng(seed), picture, np.array([[42.5, 31.5]], np.float32), size=128)
        weight = cut[..., 0].astype(float)
        y, x = np.mgrid[:128, :128] + 0.5
        center = [(x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()]
        np.testing.assert_allclose(moved[0], center, atol=0.1)


def test_crop_of_everything_is_a_resize(picture):
    square = picture[:24, :24]
    cut, _ = augment.crop(rng(), square, size=24, zoom=(1.0, 1.0))
    np.testing.assert_array_equal(cut, square)


@pytest.mark.parametrize("zoom", [(0.0, 1.0), (0.9, 0.8), (0.5, 1.1)])
def test_crops_that_do_not_exist(picture, zoom):
    with pytest.raises(ValueError, match="zoom must be two numbers"):
        augment.crop(rng(), picture, size=8, zoom=zoom)


def test_color_shares_of_zero_change_nothing(picture):
    np.testing.assert_array_equal(augment.color(rng(), picture, brightness=0.0, contrast=0.0, saturation=0.0), picture)


def test_brightness_multiplies(picture):
    dim = (picture // 4).astype(np.uint8)
    gain = 1.0 + 0.2 * rng().uniform(-1, 1, 3)[0]
    out = augment.color(rng(), dim, brightness=0.2, contrast=0.0, saturation=0.0)
    np.testing.assert_allclose(out, dim * gain, atol=0.5 + 1e-3)


def test_saturation_leaves_grey_alone():
    grey = np.repeat(np.arange(48, dtype=np.uint8).reshape(6, 8, 1), 3, axis=2)
    out = augment.color(rng(), grey, brightness=0.0, contrast=0.0, saturation=0.9)
    np.testing.assert_array_equal(out, grey)


def test_contrast_keeps_the_mean():
    picture = rng().integers(80, 120, (32, 32, 3), dtype=np.uint8)
    for seed in (1, 2, 3):
        out = augment.color(rng(seed), picture, brightness=0.0, contrast=0.5, saturation=0.0)
        assert abs(float(out.mean()) - float(picture.mean())) < 0.5
        share = 1.0 + 0.5 * rng(seed).uniform(-1, 1, 3)[1]
        np.testing.assert_allclose(out.std(), picture.std() * share, rtol=0.05)


def test_blur_smooths_and_noise_roughens(picture):
    def roughness(image):
        return np.abs(np.diff(image[..., 2].astype(int), axis=1)).mean()

    assert roughness(augment.blur(rng(1), picture, chance=1.0)) < 0.8 * roughness(picture)
    flat = np.full((64, 64, 3), 128, np.uint8)
    noisy = augment.noise(rng(4), flat, largest=6.0, chance=1.0)
    np.testing.assert_allclose(noisy.std(), rng(4).uniform(0.0, 6.0), rtol=0.05)
    white = augment.noise(rng(4), np.full((8, 8, 3), 255, np.uint8), chance=1.0)
    assert white.min() > 200  # clipped, not wrapped around


def test_jpeg_loses_a_little(picture):
    out = augment.jpeg(rng(), picture, quality=(90, 90), chance=1.0)
    assert out.shape == picture.shape
    assert 0 < np.abs(out.astype(int) - picture).mean() < 20


def test_a_transform_of_all_pictures(picture):
    """Every role has random numbers of its own; what is no picture stays."""
    steps = (functools.partial(augment.blur, chance=1.0), functools.partial(augment.noise, chance=1.0))
    sample = {"source_image": picture, "driving_image": picture, "labels": picture[..., 0], "identity": np.ones(3)}
    changed = augment.pictures_of(*steps)(sample, rng(1))
    assert list(changed) == list(sample)
    assert (changed["source_image"] != picture).any()
    assert (changed["source_image"] != changed["driving_image"]).any()
    for name in ("labels", "identity"):
        assert changed[name] is sample[name]
    again = augment.pictures_of(*steps)({"image": picture}, rng(1))
    np.testing.assert_array_equal(again["image"], augment.pictures_of(*steps)({"image": picture}, rng(1))["image"])
    assert (sample["source_image"] == picture).all()


def test_hue_turns_colours_and_leaves_grey():
    grey, red = np.full((4, 4, 3), 90, np.uint8), np.zeros((4, 4, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
    np.testing.assert_array_equal(augment.hue(rng(), grey, largest=0.5), grey)
    turned = augment.hue(rng(3), red, largest=0.5)
    assert turned.max() == 200
    assert not np.array_equal(turned, red)


def test_shift_moves_by_whole_pixels_and_mirrors_the_edge(picture):
    padded = np.pad(picture, ((3, 3), (3, 3), (0, 0)), mode="reflect")
    places = {(top, left): padded[top : top + 24, left : left + 32] for top in range(7) for left in range(7)}
    seen = set()
    for seed in range(40):
        moved = augment.shift(rng(seed), picture, largest=3)
        seen |= {place for place, expected in places.items() if np.array_equal(moved, expected)}
    assert {top for top, _ in seen} == {left for _, left in seen} == set(range(7))
