"""The 68 points among the 98, on the open head, which has both; and which crops are taken."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import mirror, morphable, open_head
from jaxanim.tracking import landmarks


@pytest.fixture(scope="module")
def points():
    """Both sets on the neutral open head, seen from the front, y down; eyes are about 1 apart."""
    head = open_head.load_open_head()
    sets = {count: morphable.embed(head.template, head.faces, at) for count, at in head.landmarks.items()}
    scale = np.linalg.norm(sets[98][96] - sets[98][97])
    return {count: np.asarray(found[:, :2]) * np.array([1, -1]) / scale for count, found in sets.items()}


def test_they_lie_where_the_68_lie(points):
    apart = np.linalg.norm(landmarks.points_68_from_98(points[98]) - points[68], axis=-1)
    same = np.r_[27:36, 36, 39, 42, 45, 48:68]  # nose, corners of the eyes, lips
    np.testing.assert_allclose(apart[same], 0.0, atol=1e-6)
    assert apart.max() < 0.12
    assert apart.mean() < 0.03


def test_mirror_images_remain_mirror_images():
    """Picking and renumbering may change places."""
    numbers = jnp.arange(98.0)[:, None].repeat(2, axis=1)
    picked = landmarks.points_68_from_98(numbers[mirror.mirrored_order(98)])
    np.testing.assert_array_equal(picked, landmarks.points_68_from_98(numbers)[mirror.mirrored_order(68)])


def test_batches_and_other_counts():
    batch = np.random.default_rng(0).uniform(size=(2, 3, 98, 2))
    np.testing.assert_array_equal(
        landmarks.points_68_from_98(batch)[1, 2], landmarks.points_68_from_98(batch[1, 2]), strict=True
    )
    with pytest.raises(ValueError, match=r"points_98 must end in shape \(98, 2\)"):
        landmarks.points_68_from_98(batch[:, :, :68])


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 64, 64, 3), np.float32), ((64, 64, 3), np.uint8), ((1, 64, 32, 3), np.uint8), ((1, 64, 64, 4), np.uint8)],
)
def test_other_crops_are_refused(shape, dtype):
    landmarks.check_crops(np.zeros((0, 64, 64, 3), np.uint8), size=64)
    with pytest.raises(ValueError, match="crops must"):
        landmarks.check_crops(np.zeros(shape, dtype), size=64)
