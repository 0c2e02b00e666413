"""PSNR, L1 and SSIM from their definitions."""

import numpy as np
import pytest

from jaxanim.evaluate import l1, psnr, ssim


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


def test_l1_counts_grey_levels():
    truth = np.zeros((2, 4, 4, 3), np.float32)
    wrong = truth.copy()
    wrong[0, :2], wrong[1] = 0.2, -2
    np.testing.assert_allclose(l1(wrong, truth), [12.75, 255.0], rtol=1e-6)  # 0.2 of 2 in half of the pixels
    np.testing.assert_allclose(l1(wrong, truth, peak=1.0), [25.5, 510.0], rtol=1e-6)


def test_ssim_by_its_formula():
    """One window has a place in 11x11 pixels: means, variances and covariance under a Gaussian, then Wang's formula."""
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-1, 1, (2, 2, 11, 11, 3))
    away = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = (away[:, None] * away[None, :] / away.sum() ** 2)[..., None]

    def mean(values):
        return (values * window).sum(axis=(1, 2))

    one, other = mean(first), mean(second)
    variances = mean(first**2) - one**2, mean(second**2) - other**2
    covariance = mean(first * second) - one * other
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    expected = (2 * one * other + c1) * (2 * covariance + c2) / ((one**2 + other**2 + c1) * (sum(variances) + c2))
    np.testing.assert_allclose(ssim(first, second), expected.mean(axis=-1), rtol=1e-6)
    np.testing.assert_allclose(ssim(first, first), [1, 1])
