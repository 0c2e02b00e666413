"""The numpy head does what `geometry.morphable` does."""

import jax.numpy as jnp
import numpy as np

from data_pipelines.open_head.model import METRES
from data_pipelines.procedural_faces import anatomy
from jaxanim.geometry import morphable, open_head, render


def random_parameters(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.8, 60), rng.uniform(0, 0.6, 52), rng.normal(0, 0.25, (5, 3))


def test_poses_as_the_model_does():
    head = open_head.load_open_head()
    for seed in range(3):
        identity, expression, rotations = random_parameters(seed)
        rest = anatomy.with_expression(anatomy.shape(identity), expression)
        mine = METRES * anatomy.bones(rest, rotations).move(rest, anatomy.anatomy().weights)
        parameters = morphable.FaceParameters(*(jnp.asarray(v, jnp.float32) for v in (identity, expression, rotations)))
        np.testing.assert_allclose(mine, morphable.pose(head, parameters).vertices, atol=2e-6)


def test_every_identity_mode_has_a_name():
    names = anatomy.identity_names()
    assert len(names) == anatomy.anatomy().identity.shape[1] == len(set(names))
    forward = anatomy.shape(np.eye(60)[names.index("nose_forward")]) - anatomy.anatomy().template
    assert forward[:, 2].max() > 0.02  # the mode of that name moves something ahead


def test_normals():
    head = anatomy.anatomy()
    mine = anatomy.vertex_normals(np.array(head.template), head.faces)
    theirs = np.asarray(render.vertex_normals(jnp.asarray(head.template), jnp.asarray(head.faces)))
    np.testing.assert_allclose(mine, theirs, atol=2e-3)  # hidden folds have nearly no area


def test_arrays_cannot_be_changed():
    assert not anatomy.anatomy().template.flags.writeable
