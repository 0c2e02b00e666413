"""Frames on a canvas: size, place, background, and edges without fringes."""

import numpy as np
import pytest

from jaxanim.animate import compose
from jaxanim.core.errors import InputError


def disc(color, *, size=32, radius=10.0):
    """Returns an antialiased disc in the middle of a transparent picture whose hidden colour is black."""
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    cover = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    frame = np.zeros((size, size, 4), np.uint8)
    frame[..., 3] = np.round(255 * cover)
    frame[cover > 0, :3] = color
    return frame


@pytest.mark.parametrize(
    ("text", "size"), [("720", (720, 720)), ("1280x720", (1280, 720)), ("1", (1, 1)), ("8192x1", (8192, 1))]
)
def test_parse_size(text, size):
    assert compose.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "10x", "x10", "-5", "1.5", "10 x 10", "10x10x10", "10X10", "5\n"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="is neither like 720 nor like 1280x720") as error:
        compose.parse_size(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("text", "named"), [("0", "0x0"), ("8193", "8193x8193"), ("10x0", "10x0"), ("99999x10", "99999x10")]
)
def test_sizes_out_of_range(text, named):
    with pytest.raises(InputError, match=rf"size {named} is out of range \(1 to 8192 pixels"):
        compose.parse_size(text)


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("transparent", None),
        ("white", (255, 255, 255)),
        ("#40a0ff", (64, 160, 255)),
        ("#f80", (255, 136, 0)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
    ],
)
def test_parse_background(text, color):
    assert compose.parse_background(text) == color


@pytest.mark.parametrize("text", ["", "nocolour", "#12345", "#gggggg"])
def test_backgrounds_that_are_none(text):
    with pytest.raises(InputError, match="is neither 'transparent' nor a colour such as white or #40a0ff") as error:
        compose.parse_background(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("text", ["#40a0ff80", "rgba(1, 2, 3, 128)"])
def test_half_transparent_backgrounds_are_refused(text):
    """A background is a colour or nothing; its alpha must not be dropped without a word."""
    with pytest.raises(InputError, match="neither 'transparent' nor a colour"):
        compose.parse_background(text)


def test_same_size_on_a_transparent_canvas_changes_nothing():
    frame = np.random.default_rng(0).integers(0, 256, (8, 6, 4), np.uint8)
    np.testing.assert_array_equal(compose.place(frame, compose.Canvas(6, 8, None)), frame)


def test_same_size_on_a_color():
    """Alpha 0, 51 (one fifth) and 255 of red over blue."""
    frame = np.array([[[255, 0, 0, 0], [255, 0, 0, 51], [255, 0, 0, 255]]], np.uint8)
    placed = compose.place(frame, compose.Canvas(3, 1, (0, 0, 255)))
    assert placed[0].tolist() == [[0, 0, 255], [51, 0, 204], [255, 0, 0]]


@pytest.mark.parametrize(
    ("width", "height", "left", "top", "side"),
    [(40, 40, 0, 0, 40), (80, 40, 20, 0, 40), (40, 100, 0, 30, 40), (10, 30, 0, 10, 10), (41, 20, 10, 0, 20)],
)
def test_frames_are_scaled_to_fit_and_centred(width, height, left, top, side):
    frame = np.full((20, 20, 4), 255, np.uint8)
    placed = compose.place(frame, compose.Canvas(width, height, None))
    assert placed.shape == (height, width, 4)
    inside = np.zeros((height, width), bool)
    inside[top : top + side, left : left + side] = True
    assert (placed[inside] == 255).all()
    assert (placed[~inside] == 0).all()


def test_margins_take_the_background():
    placed = compose.place(np.full((4, 4, 4), 255, np.uint8), compose.Canvas(12, 4, (1, 2, 3)))
    assert placed.shape == (4, 12, 3)
    assert (placed[:, :4] == [1, 2, 3]).all()
    assert (placed[:, 4:8] == 255).all()


@pytest.mark.parametrize("side", [7, 13, 31, 50, 96])
def test_scaling_leaves_no_dark_fringe(side):
    """The hidden black around a white disc must not darken its edge: white wherever anything is seen."""
    placed = compose.place(disc((255, 255, 255)), compose.Canvas(side, side, None))
    seen = placed[..., 3] > 0
    assert seen.any()
    assert (placed[seen, :3] == 255).all()
    assert ((placed[..., 3] > 0) & (placed[..., 3] < 255)).any()  # there is an edge to look at


def test_scaling_keeps_colors():
    """Lanczos overshoots an edge by up to a tenth; 8-bit premultiplied colours are off by up to 255 / alpha more."""
    color = np.array([230.0, 120.0, 40.0])
    placed = compose.place(disc((230, 120, 40)), compose.Canvas(24, 24, None)).astype(float)
    seen = placed[..., 3] > 8
    off = np.abs(placed[seen, :3] - color)
    assert (off <= 0.1 * color + 255 / placed[seen, 3:] + 1).all()
    assert np.median(off) <= 1


def test_scaling_onto_white_does_not_darken():
    placed = compose.place(disc((255, 255, 255)), compose.Canvas(45, 45, (255, 255, 255)))
    assert (placed == 255).all()


def test_tiny_canvas_still_shows_a_pixel():
    """A 512 wide and 2 high frame on 8x8 would be 0.03 pixels high."""
    placed = compose.place(np.full((2, 512, 4), 255, np.uint8), compose.Canvas(8, 8, None))
    assert placed.shape == (8, 8, 4)
    assert placed[..., 3].max() == 255
