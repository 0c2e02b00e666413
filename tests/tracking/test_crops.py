"""Crops: points there and back, cutting out with borders and smoothing, pasting back without a seam."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments, crops
from jaxanim.tracking.crops import Alignment


def make_picture(height=90, width=120):
    """Waves of about 40 pixels, another one in each channel."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 7 + c) + np.cos(y / 6 - c) for c in range(3)]
    return np.rint(127.5 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)


def make_alignment(center=(60.0, 45.0), side=50.0, size=50, degrees=0.0):
    return alignments.around_center(np.array(center, np.float64), side, size, degrees=degrees)


def test_the_middle_and_the_corners_of_a_square():
    alignment = make_alignment(side=20.0, size=40)
    np.testing.assert_allclose(crops.to_crop(alignment, np.array([60.0, 45.0])), [20, 20])
    np.testing.assert_allclose(alignment.corners, [[50, 35], [50, 55], [70, 55], [70, 35]])
    assert alignment.scale == pytest.approx(2)


def test_a_turned_square_stands_upright_in_its_crop():
    """Clockwise by a quarter: what lies to the right in the crop lies below in the picture."""
    alignment = make_alignment(side=20.0, size=20, degrees=90.0)
    np.testing.assert_allclose(crops.to_picture(alignment, np.array([20.0, 10.0])), [60, 55], atol=1e-9)
    assert alignment.degrees == pytest.approx(90)


@pytest.mark.parametrize("degrees", [0.0, 17.0, -140.0])
def test_points_return(degrees):
    alignment = make_alignment(side=33.0, size=256, degrees=degrees)
    points = np.random.default_rng(0).uniform(-50, 200, (4, 7, 2))
    back = crops.to_picture(alignment, crops.to_crop(alignment, points))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-9)


def test_whole_pixels_are_copied_and_the_edge_is_repeated():
    picture = make_picture()
    crop = crops.take(picture, make_alignment(center=(5.0, 85.0), side=40.0, size=40))
    rows, columns = np.clip(np.arange(65, 105), 0, 89), np.clip(np.arange(-15, 25), 0, 119)
    np.testing.assert_array_equal(crop, picture[rows][:, columns])


@pytest.mark.parametrize(("side", "size", "degrees"), [(40.0, 40, 25.0), (40.0, 100, 0.0), (40.0, 90, -70.0)])
def test_turned_and_enlarged_crops_show_what_is_there(side, size, degrees):
    """At positions that fall on the crop's pixel centres the waves themselves tell the colour."""
    alignment = make_alignment(side=side, size=size, degrees=degrees)
    centers = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    x, y = np.moveaxis(crops.to_picture(alignment, centers) - 0.5, -1, 0)
    waves = [np.sin(x / 7 + c) + np.cos(y / 6 - c) for c in range(3)]
    crop = crops.take(make_picture(), alignment)
    assert np.abs(crop - (127.5 + 60 * np.stack(waves, axis=-1))).max() <= 2  # 8 bits, twice


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_shrinking_is_smooth(degrees):
    """Stripes of one pixel become grey, not the wider stripes that picking every eighth-and-a-bit pixel would give."""
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[:, ::2] = 255
    crop = crops.take(picture, make_alignment(center=(200.0, 200.0), side=250.0, size=30, degrees=degrees))
    assert np.abs(crop.astype(int) - 127).max() <= 6


@pytest.mark.parametrize("side", [40.0, 101.0])
def test_shrinking_keeps_places(side):
    """A white quarter stays a quarter."""
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[100:, 100:] = 255
    crop = crops.take(picture, make_alignment(center=(100.0, 100.0), side=side, size=20))
    assert crop[..., 0].mean() == pytest.approx(255 / 4, abs=1)
    np.testing.assert_allclose(crop[..., 0], crop[..., 0].T, atol=4)  # rows are rounded before columns


@pytest.mark.parametrize(
    ("center", "side", "size", "degrees"),
    [((60, 45), 50.0, 50, 0), ((60, 45), 50.0, 120, 33), ((3, 88), 60.0, 70, -20), ((60.3, 44.8), 50.7, 47, 5)],
)
def test_taken_and_pasted_nothing_changes(center, side, size, degrees):
    picture = make_picture()
    alignment = make_alignment(center, side, size, degrees)
    result = crops.paste(picture, crops.take(picture, alignment), alignment, feather=0.1)
    assert np.abs(result.astype(int) - picture).max() <= 2


@pytest.mark.parametrize("degrees", [0.0, 40.0])
def test_outside_nothing_changes_and_inside_it_shows(degrees):
    picture = make_picture()
    alignment = make_alignment(side=40.0, size=64, degrees=degrees)
    result = crops.paste(picture, np.full((64, 64, 3), 255, np.uint8), alignment, feather=0.2)
    centers = np.stack(np.meshgrid(np.arange(120) + 0.5, np.arange(90) + 0.5), axis=-1)
    inside = crops.to_crop(alignment, centers)
    distance = np.minimum(inside, 64 - inside).min(axis=-1)
    np.testing.assert_array_equal(result[distance <= 0], picture[distance <= 0])
    assert (result[distance >= 0.2 * 64] == 255).all()
    assert 20 < np.abs(result.astype(int) - picture)[(distance > 5) & (distance < 8)].mean() < 100


def test_pasting_fades_without_a_step():
    """White on black along a line across the crop: neighbours differ by little, as in 10 of 50 pixels of fading."""
    alignment = make_alignment()
    black = np.zeros((90, 120, 3), np.uint8)
    result = crops.paste(black, np.full((50, 50, 3), 255, np.uint8), alignment, feather=0.2)
    line = result[45, :, 0].astype(int)
    assert line.max() == 255
    assert np.abs(np.diff(line)).max() <= 1.5 * 255 / 10 + 1  # the steepest part of a smooth step


def test_hard_edges():
    black = np.zeros((90, 120, 3), np.uint8)
    result = crops.paste(black, np.full((50, 50, 3), 255, np.uint8), make_alignment(), feather=0.0)
    expected = np.zeros((90, 120), bool)
    expected[20:70, 35:85] = True
    np.testing.assert_array_equal(result[..., 0] == 255, expected)


def test_a_crop_of_another_place():
    picture = make_picture()
    with pytest.raises(InputError, match=r"x -90 to -40 .* outside of the picture, which is 120x90"):
        crops.take(picture, make_alignment(center=(-65.0, 45.0)))
    with pytest.raises(InputError, match="outside"):
        crops.paste(picture, np.zeros((50, 50, 3), np.uint8), make_alignment(center=(60.0, 115.0)), feather=0.1)


def test_huge_squares_need_no_memory_of_their_size():
    """A square of a million pixels' side around a small picture is a crop of its edges."""
    crop = crops.take(make_picture(), make_alignment(side=1e6, size=32))
    assert crop.shape == (32, 32, 3)


@pytest.mark.parametrize(
    "matrix",
    [[[1, 0, 0], [0, 2, 0]], [[1, 0.1, 0], [0.1, 1, 0]], [[0, 0, 3], [0, 0, 3]], [[np.nan, 0, 0], [0, 1, 0]]],
)
def test_matrices_that_do_more_than_turn(matrix):
    with pytest.raises(ValueError, match="rotates, scales and shifts"):
        Alignment(np.array(matrix, np.float64), 64)


def test_wrong_calls():
    with pytest.raises(ValueError, match="at least one pixel"):
        Alignment(np.eye(2, 3), 0)
    with pytest.raises(ValueError, match="need a crop of 50 pixels"):
        crops.paste(make_picture(), np.zeros((49, 49, 3), np.uint8), make_alignment(), feather=0.1)
