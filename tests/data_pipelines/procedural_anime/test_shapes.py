"""The vocabulary of the drawings: curves, ellipses, brush strokes, mirror images, and how polygons are painted."""

import numpy as np
import pytest

from data_pipelines.procedural_anime import draw, shapes
from data_pipelines.procedural_anime.motion import BODY, Layer
from data_pipelines.procedural_anime.shapes import Shape
from jaxanim.signals import pose_vector

REST = np.zeros(45, np.float32)
SQUARE = np.array([[100.0, 100.0], [140.0, 100.0], [140.0, 140.0], [100.0, 140.0]])
CONTROL = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 20.0)]
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def painted(*parts, pose=REST):
    return np.asarray(draw.picture(parts, pose))


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_closed_spline_passes_through_its_control_points(steps):
    curve = shapes.spline(CONTROL, steps)
    assert curve.shape == (4 * steps, 2)
    np.testing.assert_allclose(curve[::steps], CONTROL, atol=1e-12)


def test_open_spline_passes_through_its_control_points_and_ends_at_the_last():
    curve = shapes.spline(CONTROL, 5, closed=False)
    assert curve.shape == (3 * 5 + 1, 2)
    np.testing.assert_allclose(curve[::5], CONTROL, atol=1e-12)


def test_spline_through_points_on_a_line_stays_on_it():
    """Equal steps along a line are kept inside: Catmull-Rom reproduces straight motion."""
    line = [(2.0 * n, 3.0 * n) for n in range(5)]
    curve = shapes.spline(line, 4, closed=False)
    np.testing.assert_allclose(curve[:, 1], 1.5 * curve[:, 0], atol=1e-12)
    np.testing.assert_allclose(np.diff(curve[4:13], axis=0), [[0.5, 0.75]] * 8, atol=1e-12)


def test_spline_halfway_is_the_catmull_rom_value():
    """At half way: (-a + 9 b + 9 c - d) / 16."""
    curve = shapes.spline(CONTROL, 2)
    a, b, c, d = np.array(CONTROL)
    np.testing.assert_allclose(curve[3], (-a + 9 * b + 9 * c - d) / 16, atol=1e-12)


def test_ellipse():
    points = shapes.ellipse((10.0, 20.0), 3.0, 5.0, steps=8)
    assert points.shape == (8, 2)
    np.testing.assert_allclose(((points - [10, 20]) / [3, 5]) ** 2 @ [1, 1], 1)
    np.testing.assert_allclose(points[[0, 2]], [[13, 20], [10, 25]], atol=1e-12)


def test_ribbon_is_as_wide_as_asked():
    path = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])  # a straight line of length 10
    outline = shapes.ribbon(path, (1.0, 2.0, 4.0))
    assert outline.shape == (6, 2)
    left, right = outline[:3], outline[:2:-1]
    np.testing.assert_allclose((left + right) / 2, path, atol=1e-9)
    across = left - right
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), [1, 2, 4], rtol=1e-6)
    np.testing.assert_allclose(across @ [3, 4], 0, atol=1e-9)


def test_ribbon_of_a_point_that_repeats_is_finite():
    assert np.isfinite(shapes.ribbon(np.array([[1.0, 1.0]] * 3), (1.0, 1.0, 1.0))).all()


def test_mirrored():
    assert shapes.mirrored([(250.0, 7.0), (256.0, 8.0)]) == [[262.0, 7.0], [256.0, 8.0]]
    assert shapes.mirrored([(1.0, 2.0)], axis_x=0.0) == [[-1.0, 2.0]]
    twice = shapes.mirrored(shapes.mirrored(CONTROL))
    np.testing.assert_allclose(twice, CONTROL)


def test_fill_covers_the_polygon():
    picture = painted(Shape(SQUARE, BODY, RED))
    assert picture.shape == (512, 512, 4)
    assert (picture[102:138, 102:138] == (255, 0, 0, 255)).all()
    assert (picture[:98] == 0).all()
    assert (picture[:, 143:] == 0).all()


def test_later_shapes_cover_earlier_ones():
    picture = painted(Shape(SQUARE, BODY, RED), Shape(SQUARE + [20, 0], BODY, BLUE))
    assert picture[120, 110].tolist() == [255, 0, 0, 255]
    assert picture[120, 130].tolist() == [0, 0, 255, 255]


def test_outline_only_closed_and_open():
    closed = painted(Shape(SQUARE, BODY, None, RED, 2.0))
    opened = painted(Shape(SQUARE, BODY, None, RED, 2.0, closed=False))
    assert closed[120, 120, 3] == opened[120, 120, 3] == 0  # not filled
    assert closed[120, 140].tolist() == opened[120, 140].tolist() == [255, 0, 0, 255]
    assert closed[120, 100, 3] == 255  # the side back to the first corner
    assert opened[120, 100, 3] == 0


def test_opacity_mixes_with_what_is_below():
    picture = painted(Shape(SQUARE, BODY, (0.0, 0.0, 0.0)), Shape(SQUARE, BODY, (1.0, 1.0, 1.0), opacity=0.4))
    np.testing.assert_allclose(picture[120, 120], [102, 102, 102, 255], atol=1)


def test_clip_cuts_to_all_clip_shapes():
    top, left = Shape(SQUARE - [0, 20], BODY, RED), Shape(SQUARE - [20, 0], BODY, RED)
    picture = painted(Shape(SQUARE, BODY, BLUE, clip=(top, left)))
    seen = [[int(picture[row, column, 3]) for column in (110, 130)] for row in (110, 130)]
    assert seen == [[255, 0], [0, 0]]


def test_blur_softens_the_edge_only():
    picture = painted(Shape(SQUARE, BODY, RED, blur=3.0))
    assert picture[120, 120, 3] > 250
    assert 100 < picture[120, 100, 3] < 155  # half at the border
    assert 0 < picture[120, 96, 3] < picture[120, 100, 3]
    assert (picture[120, 85] == 0).all()


def test_clipped_shapes_outside_the_picture_are_left_out():
    away = Shape(SQUARE + 1000, BODY, RED, opacity=0.5)
    assert not painted(away).any()


def test_seen_layers_are_those_on_top():
    """Only what hides what is behind it counts: not what is see-through, cut to another shape, or soft."""
    head = Layer("head")
    parts = [
        Shape(SQUARE, BODY, RED),
        Shape(SQUARE + [20, 0], head, BLUE),
        Shape(SQUARE, head, RED, opacity=0.5),
        Shape(SQUARE, head, RED, blur=1.0),
        Shape(SQUARE, head, RED, clip=(Shape(SQUARE, BODY, RED),)),
        Shape(SQUARE + [200, 0], head, None, RED, 4.0),
    ]
    packed = draw.pack(parts)
    _, seen = draw.paint(packed, REST)
    assert packed.layers == (BODY, head)
    assert (seen[120, 110], seen[120, 130], seen[120, 200]) == (0, 1, -1)
    assert (seen[120, 300], seen[120, 320]) == (1, -1)  # a line, and what it goes around


def test_painting_follows_the_pose():
    """body_y +1 moves the hips 5 px to the viewer's left."""
    hips = np.array([[252.0, 391.0], [260.0, 391.0], [260.0, 399.0], [252.0, 399.0]])
    moved = painted(Shape(hips, BODY, RED), pose=pose_vector.make_pose({"body_y": 1.0}))
    columns = np.nonzero(moved[395, :, 3])[0]
    assert columns.mean() == pytest.approx(painted_center(hips) - 5.0, abs=0.6)


def painted_center(points):
    columns = np.nonzero(painted(Shape(points, BODY, RED))[395, :, 3])[0]
    return columns.mean()


def test_smaller_pictures_are_the_same_drawing():
    small = np.asarray(draw.picture([Shape(SQUARE, BODY, RED)], REST, size=128))
    assert small.shape == (128, 128, 4)
    assert (small[26:34, 26:34] == (255, 0, 0, 255)).all()
    assert not small[:24].any()
