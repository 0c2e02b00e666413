"""Small programs, each run once or twice: compiling fast beats running fast."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.systems.atw import Atw, Design


@pytest.fixture(autouse=True)
def _compile_fast(compile_fast):
    pass


@pytest.fixture(scope="session")
def system():
    """A tiny system of three classes."""
    return Atw(Design("classes", 3, 4, 0.2, size=64, critic_width=4))


@pytest.fixture(scope="session")
def variables(system):
    """Its parameters, five times as large as untrained ones: these hardly move or judge anything."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(system.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(0.1 * rng.standard_normal(leaf.shape), jnp.float32), shapes)
