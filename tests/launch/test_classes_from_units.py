"""Classes that mean action units do what the action units do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines.procedural_faces.expressions import EMOTIONS
from jaxanim.core.errors import InputError
from jaxanim.systems.atw import Atw, Design, files
from jaxanim.weights.card import Card
from launch import classes_from_units


def made(design):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(Atw(design).init, jax.random.key(0))["params"]["generator"]
    return jax.tree.map(lambda leaf: 0.1 * rng.standard_normal(leaf.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("modulate", [False, True])
def test_each_emotion_is_its_action_units(tmp_path, modulate):
    design = Design("action units", 17, 4, 0.2, size=64, critic_width=4, drive_scale=0.5, modulate=modulate)
    units, classes = tmp_path / "units.safetensors", tmp_path / "classes.safetensors"
    files.write_atw(units, Card("atw", "units", "CC0", "noise"), design, {"params": {"generator": made(design)}})
    assert classes_from_units.main([str(units), "-o", str(classes)]) == 0
    card, folded, variables = files.read_atw(classes)
    assert (card.licence, folded.labels) == ("CC0", tuple(EMOTIONS))
    picture = jax.random.uniform(jax.random.key(1), (64, 64, 3), minval=-1.0)
    table = jnp.asarray(classes_from_units.units_of_emotions()[[1, 4]], jnp.float32)
    old, new = Atw(design), Atw(folded)
    before = files.read_atw(units)[2]
    expected = jax.jit(old.render)(before, old.encode_source(before, picture), table)
    found = jax.jit(new.render)(variables, new.encode_source(variables, picture), jnp.eye(8)[jnp.array([1, 4])])
    np.testing.assert_allclose(found.motion, expected.motion, atol=2e-5)
    assert float(jnp.abs(expected.motion[0] - expected.motion[1]).max()) > 1e-3


def test_smiling_is_happy_and_what_classes_drive_is_refused():
    units = classes_from_units.units_of_emotions()
    assert units.shape == (8, 17)
    assert list(EMOTIONS)[units[:, 8].argmax()] == "happy"  # AU12
    design = Design("classes", 8, 4, 0.2, size=64)
    with pytest.raises(InputError, match="17 action units is needed"):
        classes_from_units.fold(design, {}, units)
