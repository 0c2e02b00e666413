"""AKD, AED and APD, against numbers worked out by hand."""

import numpy as np

from jaxanim.evaluate import reenactment


def test_keypoints_count_in_pixels_of_256():
    found, wanted = np.zeros((2, 68, 2)), np.zeros((2, 68, 2))
    found[0] += (3, 4)
    found[1, 0] += (68, 0)
    np.testing.assert_allclose(reenactment.average_keypoint_distance(found, wanted, 128), [10, 2])
    np.testing.assert_allclose(reenactment.average_keypoint_distance(found, wanted, 256), [5, 1])


def test_expressions():
    found, wanted = np.array([[0.0, 0.5], [1.0, 1.0]]), np.array([[0.25, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(reenactment.average_expression_distance(found, wanted), [0.375, 0])


def test_poses_go_the_short_way_around():
    found, wanted = np.array([[10.0, -5.0, 179.0], [0, 0, -90]]), np.array([[7.0, 4.0, -178.0], [0, 0, 60]])
    np.testing.assert_allclose(reenactment.average_pose_distance(found, wanted), [(3 + 9 + 3) / 3, 50])
