"""PSNR from its definition."""

import numpy as np
import pytest

from jaxanim.evaluate import psnr


def test_a_constant_error_has_the_psnr_of_its_definition():
    truth = np.zeros((2, 4, 4, 3), np.float32)
    wrong = truth + np.array([0.2, 0.02], np.float32)[:, None, None, None]
    np.testing.assert_allclose(psnr(wrong, truth), [20.0, 40.0], rtol=1e-5)
    np.testing.assert_allclose(psnr(wrong, truth, peak=1.0), np.array([20.0, 40.0]) - 20 * np.log10(2), rtol=1e-5)


def test_only_pixels_of_the_mask_count():
    truth = np.zeros((1, 4, 4, 3))
    wrong, mask = truth.copy(), np.zeros((1, 4, 4), bool)
    wrong[0, :2] = 0.2
    mask[0, 0] = True
    np.testing.assert_allclose(psnr(wrong, truth, mask), [20.0])
    np.testing.assert_allclose(psnr(wrong, truth), [20.0 + 10 * np.log10(2)])


def test_equal_pictures_have_a_finite_one():
    assert psnr(np.ones((1, 2, 2, 3)), np.ones((1, 2, 2, 3))) > 100


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="no pixel"):
        psnr(np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2), bool))
