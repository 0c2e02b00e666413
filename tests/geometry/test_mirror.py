"""The mirrored order of landmarks, on symmetrical faces that are drawn from the definition of the point sets."""

import numpy as np
import pytest

from jaxanim.geometry import mirror


def arc(left, right, height, count):
    """Points from left to right, bent upwards by `height`."""
    t = np.linspace(0.0, 1.0, count)
    return np.stack(
        [left[0] + t * (right[0] - left[0]), left[1] + t * (right[1] - left[1]) - height * np.sin(np.pi * t)], 1
    )


def ring(left, right, height, upper, lower):
    """Left corner, upper points from left to right, right corner, lower points from right to left."""
    top, bottom = arc(left, right, height, upper + 2), arc(left, right, -height, lower + 2)
    return np.concatenate([top[:-1], top[-1:], bottom[-2:0:-1]])


def ibug_face():
    bridge = [(0.0, y) for y in (-10.0, -5.0, 0.0, 5.0)]
    return np.concatenate(
        [
            arc((-50, 0), (50, 0), -60, 17),
            arc((-40, -30), (-10, -30), 8, 5),
            arc((10, -30), (40, -30), 8, 5),
            bridge,
            arc((-10, 10), (10, 10), -3, 5),
            ring((-35, -15), (-15, -15), 5, 2, 2),
            ring((15, -15), (35, -15), 5, 2, 2),
            ring((-20, 30), (20, 30), 8, 5, 5),
            ring((-15, 30), (15, 30), 4, 3, 3),
        ]
    )


def wflw_face():
    bridge = [(0.0, y) for y in (-10.0, -5.0, 0.0, 5.0)]

    def brow(left, right):
        return np.concatenate([arc(left, right, 8, 5), arc(left, right, 3, 6)[-2:0:-1]])

    right_brow = np.concatenate([arc((10, -30), (40, -30), 8, 5), arc((10, -30), (40, -30), 3, 6)[-2:0:-1]])
    return np.concatenate(
        [
            arc((-50, 0), (50, 0), -60, 33),
            brow((-40, -30), (-10, -30)),
            right_brow,
            bridge,
            arc((-10, 10), (10, 10), -3, 5),
            ring((-35, -15), (-15, -15), 5, 3, 3),
            ring((15, -15), (35, -15), 5, 3, 3),
            ring((-20, 30), (20, 30), 8, 5, 5),
            ring((-15, 30), (15, 30), 4, 3, 3),
            [(-25, -15), (25, -15)],
        ]
    )


@pytest.mark.parametrize("face", [ibug_face, wflw_face])
def test_a_symmetrical_face_stays_as_it_is(face):
    points = face() + [64.0, 60.0]  # the mirror of a picture of 128 columns stands at 64
    assert len(points) in (68, 98)
    assert len(np.unique(points.round(6), axis=0)) == len(points)
    np.testing.assert_allclose(mirror.mirror_points(points, 128), points, atol=1e-9)


@pytest.mark.parametrize("count", [68, 98])
def test_mirroring_twice_changes_nothing(count):
    order = mirror.mirrored_order(count)
    np.testing.assert_array_equal(order[order], np.arange(count))
    points = np.random.default_rng(0).normal(size=(count, 2))
    np.testing.assert_allclose(mirror.mirror_points(mirror.mirror_points(points, 64), 64), points, atol=1e-12)


@pytest.mark.parametrize(
    ("count", "on_the_axis"),
    [(68, [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]), (98, [16, 51, 52, 53, 54, 57, 79, 85, 90, 94])],
)
def test_points_on_the_axis_stay(count, on_the_axis):
    order = mirror.mirrored_order(count)
    assert np.flatnonzero(order == np.arange(count)).tolist() == on_the_axis


def test_other_sets_of_points():
    with pytest.raises(ValueError, match=r"sets of \[68, 98\], got 106"):
        mirror.mirrored_order(106)


MESH = np.float32([[-1, 0, 0], [0, 2, 0], [1, 0, 0], [-0.5, 1, 1], [0.5, 1, 1]])
PARTNERS = [2, 1, 0, 4, 3]


def test_vertices_of_a_symmetric_mesh():
    order = mirror.mirrored_vertices(MESH)
    assert order.tolist() == PARTNERS
    noisy = MESH + np.float32([[1e-4, 0, 0]] + [[0, 0, 0]] * 4)  # of sides of 2: allowed are 2e-4
    assert mirror.mirrored_vertices(noisy).tolist() == PARTNERS
    seen = np.float32([[-0.9, 0.1, 3], [0.1, 0.5, 2], [0.4, 0.1, 1], [-0.2, 0.2, 0], [0.3, 0.2, 4]])
    mirrored = mirror.mirror_mesh(seen, order)
    assert mirrored[0].tolist() == pytest.approx([-0.4, 0.1, 1])
    np.testing.assert_array_equal(mirror.mirror_mesh(mirrored, order), seen)


def test_a_mesh_of_the_size_of_a_head():
    """Pairs in any order, and a line in the middle."""
    rng = np.random.default_rng(0)
    half, middle = rng.uniform(0.01, 1, (2000, 3)), rng.uniform(0, 1, (100, 3)) * [0, 1, 1]
    shuffle = rng.permutation(4100)
    mesh = np.concatenate([half, half * [-1, 1, 1], middle])[shuffle]
    partner = np.concatenate([np.arange(2000) + 2000, np.arange(2000), np.arange(4000, 4100)])
    np.testing.assert_array_equal(shuffle[mirror.mirrored_vertices(mesh)], partner[shuffle])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda mesh: mesh + np.float32([[0.5, 0, 0]]), "lies .* from any other's mirror image"),
        (lambda mesh: np.concatenate([mesh, mesh[:1]]), "is not the partner of its partner"),
    ],
)
def test_meshes_without_partners(change, said):
    with pytest.raises(ValueError, match=said):
        mirror.mirrored_vertices(change(MESH))


def test_mirrored_blendshapes():
    names = ("eyeLookInLeft", "jawOpen", "eyeLookInRight", "jawLeft", "jawRight")
    assert mirror.mirrored_names(names).tolist() == [2, 1, 0, 4, 3]
    with pytest.raises(ValueError, match="needs mouthLeft"):
        mirror.mirrored_names(("jawOpen", "mouthRight"))
