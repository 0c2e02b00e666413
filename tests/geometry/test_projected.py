"""Meshes in pictures: their landmarks are the drawn datasets', their depths those of the camera."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines import face_square
from data_pipelines.procedural_faces import clip, figure, ground_truth, snapshots, talks
from jaxanim.geometry import morphable, open_head, projected
from jaxanim.geometry.morphable import FaceParameters

SIZE = 64
NAMES = ("identity", "expression", "rotations", "camera")
vertices_ndc = jax.jit(projected.vertices_ndc, static_argnames="size")


@pytest.fixture(scope="module")
def head():
    return open_head.load_open_head()


@pytest.fixture(scope="module")
def records():
    """Three frames of somebody who talks, cut out as the dataset `talking_heads` does, without their pictures."""
    drawn, built = clip.random_clip(0, 0, 48), clip.figure_of(0)
    numbers = (0, 20, 40)
    places = [figure.pose(built, drawn.motion.expression[at], drawn.motion.rotations[at]) for at in numbers]
    views = [ground_truth.view(built, place, drawn.scene.camera, 128) for place in places]
    points = np.stack([ground_truth.landmarks(view, 68) for view in views])
    square = face_square.around(points, (128, 128, 3), "the clip", widen=talks.WIDEN)
    rows = [clip.parameters(drawn, at, 128) for at in numbers]
    found = {name: np.stack([row[name] for row in rows]) for name in NAMES}
    found["camera"] = np.stack([snapshots.camera_of_square(camera, square, SIZE) for camera in found["camera"]])
    return found | {"landmarks_68": face_square.move(points, square, SIZE).astype(np.float32)}


def face_of(records):
    return FaceParameters(*(jnp.asarray(records[name]) for name in NAMES[:3]))


def test_landmarks_of_the_mesh_are_those_of_the_picture(head, records):
    found = vertices_ndc(head, face_of(records), jnp.asarray(records["camera"]), size=SIZE)
    points = (morphable.embed(found, head.faces, head.landmarks[68])[..., :2] + 1) * (SIZE / 2)
    assert np.linalg.norm(points - records["landmarks_68"], axis=-1).max() < 0.1
    assert np.ptp(records["landmarks_68"], axis=1).min() > 10  # pixels: not all on one point


def test_depth_has_the_unit_of_x_and_grows_away_from_the_camera(head):
    """From 1 km, 0.1 m are 0.1 * 8e5 / 1000 = 80 pixels, 0.8 half sides of 200 pixels, in every direction."""
    count = len(head.template)
    points = np.zeros((count, 3), np.float32)
    points[:4] = [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]]
    flat = head.replace(template=jnp.asarray(points))
    blank = FaceParameters(jnp.zeros(1), jnp.zeros(1), jnp.zeros((5, 3)))
    found = vertices_ndc(flat, blank, jnp.array([8e5, 100.0, 50.0, 1000.0]), size=200)
    expected = [[0, -0.5, 0], [0.8, -0.5, 0], [0, -1.3, 0], [0, -0.5, -0.8]]
    np.testing.assert_allclose(found[:4], expected, atol=1e-3)


def test_cameras_have_four_numbers():
    with pytest.raises(ValueError, match=r"camera must end in shape \(4\), got \(3,\)"):
        projected.camera_of.__wrapped__(jnp.ones(3))
