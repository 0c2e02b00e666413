"""The full system's wiring, by shapes and by what each crop may change. Its numbers are held by the parity tests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.system import System
from jaxanim.systems.tha4 import FullSystem, networks
from jaxanim.systems.tha4 import system as full
from jaxanim.weights import name_table


@pytest.fixture(scope="module")
def shapes():
    """Shapes of parameters, code and one frame of two poses, without computing any of them."""
    system = FullSystem()
    variables = jax.eval_shape(system.init, jax.random.key(0))
    code = jax.eval_shape(system.encode_source, variables, jax.ShapeDtypeStruct((512, 512, 4), jnp.float32))
    return variables, code


def test_is_a_system():
    assert isinstance(FullSystem(), System)


def test_has_one_group_per_network(shapes):
    variables, _ = shapes
    assert tuple(sorted(variables["params"])) == tuple(sorted(full.NETWORKS))


def test_code_holds_the_picture_taken_apart(shapes):
    _, code = shapes
    assert code.image.shape == (512, 512, 4)
    assert code.eyebrows.eyebrow_layer.shape == code.eyebrows.background_layer.shape == (1, 128, 128, 4)


def test_code_has_no_time_branch(shapes):
    variables, code = shapes
    for name in ("body_morpher", "upscaler"):
        before = set(name_table.flatten(variables["params"][name]))
        after = set(name_table.flatten(getattr(code, name)))
        gone = before - after
        assert after < before
        assert all("/time/" in path or "time_embed" in path for path in gone)


def test_crops_nest_as_released():
    """Rows and columns of the released code: eyebrows [64:192, 192:320], face [32:224, 160:352]."""
    picture = jnp.arange(512.0 * 512).reshape(1, 512, 512, 1) * jnp.ones((1, 1, 1, 4))
    eyebrows = full._crop(picture, full.EYEBROW_CORNER, 128)
    face = full._crop(picture, full.FACE_CORNER, 192)
    np.testing.assert_array_equal(eyebrows[0, 0, 0], picture[0, 64, 192])
    np.testing.assert_array_equal(face[0, -1, -1], picture[0, 223, 351])
    np.testing.assert_array_equal(face[:, 32:160, 32:160], eyebrows)


def test_paste_changes_the_patch_and_nothing_else():
    picture = jnp.zeros((2, 8, 8, 4))
    result = np.asarray(full._paste(picture, jnp.ones((2, 2, 3, 4)), (4, 1)))
    assert result.sum() == 2 * 2 * 3 * 4
    assert result[:, 4:6, 1:4].all()


def test_blend_takes_color_where_alpha_is_one():
    color, image = jnp.full((1, 1, 1, 4), 3.0), jnp.full((1, 1, 1, 4), 5.0)
    for alpha, want in ((1.0, 3.0), (0.0, 5.0), (0.25, 4.5)):
        result = networks.blend(jnp.full((1, 1, 1, 1), alpha), color, image)
        np.testing.assert_allclose(result, np.full((1, 1, 1, 4), want))


def test_rgb_blend_keeps_the_alpha_of_the_background():
    front, back = jnp.full((1, 1, 1, 4), 1.0), jnp.asarray([[[[0.0, 0.0, 0.0, 0.25]]]])
    np.testing.assert_allclose(
        networks._blend_rgb(jnp.full((1, 1, 1, 1), 0.5), front, back)[0, 0, 0], [0.5, 0.5, 0.5, 0.25]
    )


def test_teacher_and_student_split_their_channels_differently():
    raw = jnp.broadcast_to(jnp.arange(7.0), (1, 4, 4, 7))
    teacher = networks._compose_teacher(raw * 0.01, jnp.zeros((1, 4, 4, 4)))
    np.testing.assert_allclose(teacher.color[0, 0, 0], [0.0, 0.01, 0.02, 0.03])
    np.testing.assert_allclose(teacher.flow_ndc[0, 0, 0], [0.04, 0.05])
    np.testing.assert_allclose(teacher.alpha[0, 0, 0], 1 / (1 + np.exp(-0.06)), rtol=1e-5)
    positions = jnp.zeros((4, 4, 2))
    student = networks.compose_student(raw * 0.01, jnp.zeros((1, 4, 4, 4)), positions)
    np.testing.assert_allclose(student.flow_ndc[0, 0, 0], [0.0, 0.01])
    np.testing.assert_allclose(student.alpha[0, 0, 0], [0.02])  # no activation
    np.testing.assert_allclose(student.color[0, 0, 0], [0.03, 0.04, 0.05, 0.06])


def test_has_no_training_objective():
    assert FullSystem().phases() == ()
