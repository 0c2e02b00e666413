"""The rasteriser against sums over many samples in each pixel, and against areas one can verify by hand."""

import numpy as np
import pytest

from data_pipelines.procedural_anime import raster

SIZE, SAMPLES = 24, 16
STAR = (
    12
    + 11
    * np.array([[np.sin(a), -np.cos(a)] for a in 2 * np.pi / 10 * np.arange(10)])
    * np.resize([1, 0.4], 10)[:, None]
)
POLYGONS = {
    "square": np.array([[4.0, 5.0], [9.0, 5.0], [9.0, 11.0], [4.0, 11.0]]),
    "square between pixels": np.array([[4.25, 5.5], [9.75, 5.5], [9.75, 11.0], [4.25, 11.0]]),
    "flat triangle": np.array([[1.3, 10.2], [22.6, 11.1], [3.7, 12.9]]),
    "star": STAR,
    "leaves the picture": STAR * 2.0 - [20.0, 3.0],
    "around the picture": np.array([[-50.0, -60.0], [70.0, -40.0], [60.0, 80.0], [-30.0, 60.0]]),
}


def painted(points, *, fill=(1, 1, 1, 1), line=(0, 0, 0, 0), blur=0.0, closed=True, clip=None):
    """Returns the picture of one shape."""
    canvas, seen = np.zeros((SIZE, SIZE, 4), np.float32), np.full((SIZE, SIZE), -1, np.int16)
    polygons = [points] if clip is None else [points, clip]
    starts = np.cumsum([0, *map(len, polygons)]).astype(np.int32)
    shapes = np.array([[0, 7, closed, 0, len(polygons) - 1]], np.int32)
    numbers = np.array([[*fill, *line, blur]], np.float32)
    raster.paint(canvas, seen, np.concatenate(polygons), starts, shapes, numbers, np.array([1], np.int32))
    return canvas, seen


def sampled(points):
    """Returns the coverage by counting samples inside the polygon (even-odd)."""
    centers = (np.arange(SIZE * SAMPLES) + 0.5) / SAMPLES
    x, y = np.meshgrid(centers, centers)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / np.where(ay == by, 1.0, by - ay))
    return inside.reshape(SIZE, SAMPLES, SIZE, SAMPLES).mean(axis=(1, 3))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", POLYGONS)
def test_coverage_is_the_area(name, turned):
    """Whichever way round the corners go. 256 samples in a pixel err by less than 1/16."""
    points = POLYGONS[name][::-1] if turned else POLYGONS[name]
    canvas, _ = painted(points)
    np.testing.assert_allclose(canvas[..., 3], sampled(POLYGONS[name]), atol=1 / 16)


def test_area_of_a_square_between_pixels():
    canvas, _ = painted(POLYGONS["square between pixels"])
    assert canvas[..., 3].sum() == pytest.approx(5.5 * 5.5, rel=1e-5)
    assert canvas[5, 4, 3] == pytest.approx(0.375)
    assert canvas[7, 9, 3] == pytest.approx(0.75)


def test_colour_is_premultiplied_and_opacity_weighs_it():
    canvas, _ = painted(POLYGONS["square"], fill=(1.0, 0.5, 0.0, 0.4))
    np.testing.assert_allclose(canvas[7, 6], [0.4, 0.2, 0.0, 0.4], rtol=1e-6)
    np.testing.assert_array_equal(raster.straight(canvas)[7, 6], [255, 128, 0, 102])


def test_clips_multiply():
    both = painted(POLYGONS["square"], clip=POLYGONS["square"] + [2.5, 0.0])[0][..., 3]
    assert both.sum() == pytest.approx(2.5 * 6.0, rel=1e-5)


def test_blur_keeps_the_amount():
    canvas, _ = painted(POLYGONS["square"] + [5.0, 3.0], blur=1.2)
    assert canvas[..., 3].sum() == pytest.approx(30.0, rel=0.02)
    assert 0.0 < canvas[7, 11, 3] < 0.5


@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
def test_lines_are_as_wide_as_asked(width):
    path = np.array([[4.0, 12.0], [20.0, 12.0]])
    canvas, _ = painted(path, fill=(0, 0, 0, 0), line=(1, 1, 1, width), closed=False)
    assert canvas[:, 12, 3].sum() == pytest.approx(width, rel=0.01)


def test_closed_lines_return():
    points = POLYGONS["square"]
    alphas = [painted(points, fill=(0, 0, 0, 0), line=(1, 1, 1, 2.0), closed=closed)[0][8, 3, 3] for closed in (0, 1)]
    assert alphas[0] == 0.0
    assert alphas[1] > 0.9


def test_seen_is_what_covers_half_a_pixel():
    _, seen = painted(POLYGONS["square between pixels"])
    assert (seen[8, 4], seen[8, 9], seen[5, 6], seen[4, 6]) == (7, 7, 7, -1)
    assert seen[5, 4] == -1  # 3/8
