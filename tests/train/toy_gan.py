"""A GAN of two tiny networks that learns where a row of numbers lies; enough for every kind of phase."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxanim.core.system import Phase
from jaxanim.train.state import new_state

SIZE, LATENT, HIDDEN = 4, 3, 16
CENTRE = np.array([1.0, -1.0, 0.5, 2.0], np.float32)
GROUPS = ("critic", "generator")


def init(seed):
    rng = np.random.default_rng(seed)  # JAX would have to compile it

    def dense(rows, columns):
        kernel = rng.normal(size=(rows, columns)) / rows**0.5
        return {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.zeros(columns)}

    generator = {"in": dense(LATENT, HIDDEN), "out": dense(HIDDEN, SIZE)}
    critic = {"in": dense(SIZE, HIDDEN), "out": dense(HIDDEN, 1)}
    return {"params": {"generator": generator, "critic": critic}, "stats": {}}


def network(params, x):
    hidden = jnp.tanh(jnp.dot(x, params["in"]["kernel"]) + params["in"]["bias"][None])
    return jnp.dot(hidden, params["out"]["kernel"]) + params["out"]["bias"][None]


def fake(params, inputs):
    rows = inputs.data["row"]
    return network(params, jax.random.normal(inputs.key, (len(rows), LATENT), rows.dtype))


def critic_loss(params, inputs, weights):
    real = network(params, inputs.data["row"]).mean()
    made = network(params, fake(inputs.params["generator"], inputs)).mean()
    return weights["adversarial"] * (made - real), {"gap": real - made}


def penalty_loss(params, inputs, weights):
    slope = jax.vmap(jax.grad(lambda row: network(params, row[None])[0, 0]))(inputs.data["row"])
    penalty = jnp.square(slope).sum(axis=1).mean()
    return weights["penalty"] * penalty, {"penalty": penalty}


def generator_loss(params, inputs, weights):
    del weights
    return -network(inputs.params["critic"], fake(params, inputs)).mean(), {}


def regression_loss(params, inputs, weights):
    """Supervised and without chance: the critic learns the sum of a row."""
    del weights
    wrong = network(params, inputs.data["row"])[:, 0] - inputs.data["row"].sum(axis=1)
    return jnp.square(wrong).mean(), {"worst": jnp.abs(wrong).mean()}


WEIGHTS = {"critic": {"adversarial": 1.0}, "penalty": {"penalty": 2.0}}
PHASES = (
    Phase("critic", "critic", critic_loss),
    Phase("penalty", "critic", penalty_loss, every=2),
    Phase("generator", "generator", generator_loss, every=3),
)
REGRESSION = (Phase("regression", "critic", regression_loss),)


def optimizers(rate=0.02):
    return {group: optax.adam(rate, b1=0.5) for group in GROUPS}


def state(seed=0, rate=0.02):
    return new_state(jax.random.key(seed), init(seed), optimizers(rate), averaged=("generator",))


def batch(step, size=16):
    rng = np.random.default_rng([7, step])
    return {"row": CENTRE + rng.normal(size=(size, SIZE)).astype(np.float32)}


def same(first, second):
    """Bit for bit."""
    pairs = zip(jax.tree.leaves(plain(first)), jax.tree.leaves(plain(second)), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


def plain(tree):
    """On the host, with keys as numbers."""

    def fetch(leaf):
        return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)

    return jax.tree.map(fetch, tree)
