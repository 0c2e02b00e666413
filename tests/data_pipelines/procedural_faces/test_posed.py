"""Groups of faces that hold still."""

import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.procedural_faces import posed
from data_pipelines.procedural_faces.expressions import EMOTIONS, coefficients
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder


def test_a_dataset(tmp_path):
    options = ["--count", "2", "--groups", "1", "--size", "64", "--mixed", "1", "--workers", "0"]
    assert build.main(["posed_faces", "--data-dir", str(tmp_path), *options]) == 0
    faces = RecordFolder(tmp_path)
    assert faces.columns["person"].tolist() == [0] * 9 + [1] * 9
    assert faces.columns["emotion"].tolist() == [*EMOTIONS, "mixed"] * 2
    neutral, happy = faces[0], faces[1]
    assert neutral["image"].shape == (64, 64, 3)
    smile = 8  # AU12
    assert happy["action_units"][smile] > 2 > neutral["action_units"][smile] + 1
    change = np.abs(neutral["image"].astype(float) - happy["image"]).mean(axis=-1)
    outside = np.ones((64, 64), bool)
    low, high = neutral["landmarks_68"].min(axis=0).astype(int) - 4, neutral["landmarks_68"].max(axis=0).astype(int) + 4
    outside[max(low[1], 0) : high[1], max(low[0], 0) : high[0]] = False
    assert change[outside].mean() < 2 < change[~outside].mean()  # the face alone moves


def test_the_face_fills_the_picture():
    rows = posed.plan(count=1, size=64, mixed=0).records(0)
    points = np.stack([record["landmarks_68"] for record, _ in rows])
    extent = points.reshape(-1, 2).max(axis=0) - points.reshape(-1, 2).min(axis=0)
    assert extent.max() == pytest.approx(64 / 1.5, rel=0.03)


def test_faces_are_those_of_their_emotions_and_looks_stay():
    motion = posed.random_faces(5, 30)
    assert motion.expression.shape == (38, 52)
    assert (motion.rotations == motion.rotations[0]).all()
    looking = coefficients(dict.fromkeys(("eyeLookIn", "eyeLookOut"), 1.0)) > 0
    assert (motion.expression[:8, looking] == motion.expression[0, looking]).all()
    for row, face in zip(motion.expression, EMOTIONS.values(), strict=False):
        shown = coefficients(face) > 0
        share = row[shown] / coefficients(face)[shown]
        assert np.ptp(share) < 1e-6 if shown.any() else True
    assert not np.array_equal(motion.expression, posed.random_faces(6, 30).expression)


@pytest.mark.parametrize("wrong", [{"size": 100}, {"count": 0}, {"groups": 0}, {"mixed": -1}])
def test_what_cannot_be_planned_is_refused(wrong):
    with pytest.raises(InputError):
        posed.plan(**{"count": 1, **wrong})
