"""Pictures that have nothing but the person in common."""

import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.procedural_faces import snapshots
from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder
from jaxanim.geometry import cameras, landmarks, morphable
from jaxanim.geometry.morphable import FaceParameters
from jaxanim.geometry.open_head import load_open_head


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("snapshots")
    options = ["--count", "2", "--pictures", "2", "--size", "96", "--workers", "0"]
    assert build.main(["snapshots", "--data-dir", str(path), *options]) == 0
    return RecordFolder(path)


def test_a_dataset(folder):
    assert folder.columns["person"].tolist() == [0, 0, 1, 1]
    first, second = folder[0], folder[1]
    assert first["image"].shape == (96, 96, 3)
    np.testing.assert_array_equal(first["identity"], second["identity"])
    assert np.abs(first["rotations"] - second["rotations"]).max() > 0.01
    extent = np.ptp(first["landmarks_68"], axis=0).max()
    assert extent == pytest.approx(96 / snapshots.WIDEN, rel=0.03)


def test_parameters_put_the_landmarks_where_they_are(folder):
    record, head = folder[2], load_open_head()
    face = FaceParameters(*(jnp.asarray(record[name])[None] for name in ("identity", "expression", "rotations")))
    surface = morphable.pose(head, face)
    points = morphable.embed(surface.vertices, head.faces, head.landmarks[98])
    focal, x, y, metres = (jnp.asarray(value)[None] for value in record["camera"])
    zero = jnp.zeros(1)
    camera = cameras.PerspectiveCamera(
        jnp.eye(3)[None], jnp.stack([zero, zero, -metres], axis=-1), focal, jnp.stack([x, y], axis=-1)
    )
    found = cameras.project_perspective(camera, points).pixels[0]
    np.testing.assert_allclose(found, record["landmarks_98"], atol=0.05)
    assert landmarks.head_rotation(face.rotations, chain=(0, 1)).shape == (1, 3, 3)


def test_some_mouths_are_thrown_open():
    """Poses stay, and other faces; who speaks opens the jaw by 0.46 at most."""
    jaw = load_open_head().expression_names.index("jawOpen")
    plain, some, every = ([snapshots.random_snapshot(n, wide) for n in range(40)] for wide in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal([face.rotations for face in plain], [face.rotations for face in every])
    changed = np.array([not np.array_equal(a.expression, b.expression) for a, b in zip(plain, some, strict=True)])
    assert 8 <= changed.sum() <= 32
    wide = np.array([face.expression[0, jaw] for face in every])
    assert 0.25 <= wide.min() < 0.5 < 1.0 < wide.max() <= 1.2
    assert max(face.expression[0, jaw] for face in plain) < 0.6


@pytest.mark.parametrize(
    "wrong", [{"size": 300}, {"count": 0}, {"pictures": 0}, {"seed": -1}, {"wide": 1.5}, {"wide": -0.1}]
)
def test_what_cannot_be_planned_is_refused(wrong):
    with pytest.raises(InputError):
        snapshots.plan(**wrong)
