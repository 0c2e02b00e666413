"""Measures of found faces, against numbers worked out by hand."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jaxanim.evaluate import faces


def test_landmark_error():
    truth = np.zeros((2, 68, 2))
    truth[:, 36], truth[:, 45] = (0, 0), (50, 0)
    found = truth.copy()
    found[1] += (3, 4)
    np.testing.assert_allclose(faces.landmark_error(found, truth), [0, 0.1])


def test_rotation_error():
    turns = Rotation.from_euler("y", [[0], [30], [170]], degrees=True).as_matrix()
    np.testing.assert_allclose(faces.rotation_error(turns, np.stack([np.eye(3)] * 3)), [0, 30, 170], atol=1e-6)


def test_correlation():
    truth = np.array([[0.0, 5.0], [1.0, 5.5], [2.0, 6.0]])
    assert faces.correlation(2 * truth + 1, truth) == pytest.approx(1)
    assert faces.correlation(-truth, truth) == pytest.approx(-1)
    assert faces.correlation(np.zeros((3, 2)), truth) == 0
