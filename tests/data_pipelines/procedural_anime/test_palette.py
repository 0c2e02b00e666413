"""Colours, against values one can verify by hand."""

import numpy as np
import pytest

from data_pipelines.procedural_anime import palette


@pytest.mark.parametrize(
    ("hsv", "rgb"),
    [
        ((0.0, 1.0, 1.0), (1, 0, 0)),
        ((1 / 3, 1.0, 1.0), (0, 1, 0)),
        ((2 / 3, 1.0, 0.5), (0, 0, 0.5)),
        ((0.5, 0.5, 1.0), (0.5, 1, 1)),
        ((0.7, 0.0, 0.3), (0.3, 0.3, 0.3)),
    ],
)
def test_hsv(hsv, rgb):
    np.testing.assert_allclose(palette.hsv(*hsv), rgb, atol=1e-12)


def test_shade_and_tint():
    np.testing.assert_allclose(palette.shade((0.2, 0.4, 0.8), 0.5), (0.1, 0.2, 0.4))
    np.testing.assert_allclose(palette.shade((0.2, 0.4, 0.8), 0.5, 1.0, 2.0), (0.1, 0.4, 1.0))  # clipped
    np.testing.assert_allclose(palette.tint((0.0, 0.5, 1.0), 0.2), (0.2, 0.6, 1.0))


def test_outlines_are_darker_than_the_shade_and_the_shade_than_the_cloth():
    cloth = (0.9, 0.6, 0.3)
    assert sum(palette.ink(cloth)) < sum(palette.dusk(cloth)) < sum(cloth)
