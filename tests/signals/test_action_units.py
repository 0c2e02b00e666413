"""Action units and blendshapes."""

import numpy as np
import pytest

from data_pipelines.procedural_faces import anatomy
from jaxanim.signals import action_units

ARKIT = anatomy.anatomy().expression_names


def face(**values):
    return np.array([values.get(name, 0.0) for name in ARKIT])


def test_one_muscle_one_unit():
    found = action_units.from_blendshapes(face(browInnerUp=0.4), ARKIT)
    assert dict(zip(action_units.NAMES, found, strict=True)) == {
        name: 2.0 if name == "AU01" else 0.0 for name in action_units.NAMES
    }


def test_one_side_counts_half():
    found = action_units.from_blendshapes(face(mouthSmileLeft=1.0), ARKIT)
    assert found[action_units.NAMES.index("AU12")] == 2.5


def test_lips_part_with_the_jaw_unless_they_are_held():
    parted = action_units.NAMES.index("AU25")
    assert action_units.from_blendshapes(face(jawOpen=0.3), ARKIT)[parted] == pytest.approx(3.0)
    assert action_units.from_blendshapes(face(jawOpen=0.3, mouthClose=0.3), ARKIT)[parted] == 0


def test_there_and_back():
    intensities = np.random.default_rng(0).uniform(0, 5, (20, 17))
    jaw, parted = (action_units.NAMES.index(name) for name in ("AU26", "AU25"))
    lift = action_units.NAMES.index("AU10")
    back = action_units.from_blendshapes(action_units.to_blendshapes(intensities, ARKIT), ARKIT)
    others = [k for k in range(17) if k != parted]
    np.testing.assert_allclose(back[:, others], intensities[:, others], atol=1e-9)
    # Lips part as far as asked, or as far as the jaw and the upper lip part them anyway.
    least = np.maximum(intensities[:, parted], 2 * intensities[:, jaw]) + 0.5 * intensities[:, lift]
    np.testing.assert_allclose(back[:, parted], np.minimum(least, 5), atol=1e-9)


def test_ranges_and_shapes():
    wild = np.random.default_rng(1).normal(0, 3, (2, 3, 52))
    found = action_units.from_blendshapes(wild, ARKIT)
    assert found.shape == (2, 3, 17)
    assert found.min() >= 0
    assert found.max() <= 5
    wild = np.random.default_rng(2).normal(2, 4, (20, 17))
    clipped = action_units.to_blendshapes(np.clip(wild, 0, 5), ARKIT)
    np.testing.assert_array_equal(action_units.to_blendshapes(wild, ARKIT), clipped)
    back = action_units.to_blendshapes(np.full((2, 17), 9.0), ARKIT)
    assert back.shape == (2, 52)
    assert back.max() == 1


def test_wrong_input():
    with pytest.raises(ValueError, match=r"expected 17 intensities, AU01 to AU45, got shape \(16,\)"):
        action_units.to_blendshapes(np.zeros(16), ARKIT)
    with pytest.raises(ValueError, match="action units need the blendshape 'mouthLowerDown', there are jawOpen"):
        action_units.from_blendshapes(np.zeros(1), ["jawOpen"])
