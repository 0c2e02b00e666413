"""The distilled system: what it shows, that its two forms agree, and that poses and batches do not mix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.system import System
from jaxanim.ops.sine import fast_sin
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import Student, files, networks, pictures
from jaxanim.weights import name_table
from tests.systems.tha4 import released

# Sines of 30 x amplify the rounding of the two forms; ten times the noise floor recorded for this checkpoint.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def variables():
    template = jax.eval_shape(Student().init, jax.random.key(0))["params"]
    return {
        "params": {
            name: name_table.apply(table, released.state_dict(f"student_{name}"), template[name], what=name)
            for name, table in files.STUDENT_TABLES.items()
        }
    }


@pytest.fixture(scope="module")
def picture():
    """A disc of opaque colours on a transparent ground."""
    y, x = np.mgrid[:512, :512]
    rgba = np.zeros((512, 512, 4), np.uint8)
    rgba[..., 0], rgba[..., 1], rgba[..., 2] = x // 2, y // 2, 128
    rgba[..., 3] = np.where((x - 256) ** 2 + (y - 256) ** 2 < 200**2, 255, 0)
    return pictures.encode(rgba)


@pytest.fixture(scope="module")
def rendered(variables, picture):
    """Two different poses rendered in one batch by the exact sine."""
    system = Student()
    code = system.encode_source(variables, jnp.asarray(picture))
    drive = jnp.asarray(np.stack([pose_vector.make_pose({"mouth_aaa": 1}), pose_vector.make_pose({"head_y": -1})]))
    return code, drive, jax.jit(system.render)(variables, code, drive)


def test_is_a_system():
    assert isinstance(Student(), System)


def test_shapes(rendered):
    _, _, frame = rendered
    assert frame.image.shape == frame.warped.shape == frame.color.shape == (2, 512, 512, 4)
    assert frame.alpha.shape == (2, 512, 512, 1)
    assert frame.flow_px.shape == (2, 512, 512, 2)
    assert frame.face.shape == (2, 128, 128, 4)


def test_frames_of_a_batch_are_independent(variables, rendered):
    code, drive, frame = rendered
    alone = jax.jit(Student().render)(variables, code, drive[1:])
    np.testing.assert_allclose(alone.image[0], frame.image[1], atol=TOLERANCE)


def test_fast_sine_renders_the_same(variables, rendered):
    code, drive, frame = rendered
    fast = jax.jit(Student(sine=fast_sin).render)(variables, code, drive)
    error = np.abs(np.asarray(fast.image) - np.asarray(frame.image))
    assert error.max() < TOLERANCE
    assert error.mean() < 1e-5


def test_image_is_the_blend_of_its_parts(rendered):
    _, _, frame = rendered
    blended = np.asarray(frame.color) * np.asarray(frame.alpha) + np.asarray(frame.warped) * (1 - frame.alpha)
    np.testing.assert_allclose(frame.image, blended, atol=1e-5)


def test_warped_picture_is_sampled_by_the_flow_with_the_new_face(rendered):
    from jaxanim.ops import flow

    code, _, frame = rendered
    pasted = code.image.at[pictures.FACE_ROWS, pictures.FACE_COLUMNS].set(frame.face[0])
    np.testing.assert_allclose(flow.warp(pasted, frame.flow_px[0], padding="border"), frame.warped[0], atol=TOLERANCE)


def test_face_depends_on_the_face_numbers_only(variables, rendered):
    code, drive, frame = rendered
    turned = drive.at[:, pose_vector.BODY].set(0.5)
    again = jax.jit(Student().render)(variables, code, turned)
    np.testing.assert_array_equal(again.face, frame.face)
    assert np.abs(np.asarray(again.image) - np.asarray(frame.image)).max() > 0.01


@pytest.mark.parametrize("index", [0, 11, 12, 38])
def test_every_part_of_the_face_pose_reaches_the_face(variables, index):
    params = {"params": variables["params"]["face_morpher"]}
    positions = networks.student_positions()[0]
    pose = jnp.zeros((2, 39)).at[1, index].set(1.0)
    face = networks.StudentFace().apply(params, positions, pose)
    assert np.abs(face[0] - face[1]).max() > 1e-3


def test_initialisation_differs_by_key_and_not_by_call(key):
    init = jax.jit(Student().init)
    one, same, other = init(key), init(key), init(jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, one, same)
    kernel = one["params"]["face_morpher"]["siren"]["sine1"]["dense"]["kernel"]
    assert np.abs(kernel - other["params"]["face_morpher"]["siren"]["sine1"]["dense"]["kernel"]).max() > 1e-3


def test_phases_train_the_two_students():
    assert [(phase.name, phase.wrt, phase.every) for phase in Student().phases()] == [
        ("face", "face_morpher", 1),
        ("body", "body_morpher", 1),
    ]
