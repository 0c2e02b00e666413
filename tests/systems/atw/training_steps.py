"""Twenty steps of a tiny ATW with all its phases, on noise: what `tests/golden/atw/steps.json` records.

python -m tests.systems.atw.training_steps    writes the file anew
"""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.systems.atw import Design
from jaxanim.train import averages
from launch import settings
from launch.aot import exchanges, pod
from launch.jobs import atw

RECORDED = Path(__file__).parents[2] / "golden" / "atw" / "steps.json"
STEPS, BATCH = 20, 4
DESIGN = Design("action units", 3, 2, 0.2, size=64, critic_width=2, drive_scale=2.0)


def config():
    made = settings.run("atw", steps=STEPS, batch_size=BATCH)
    made.update(atw.entries(DESIGN))
    return made


@functools.cache  # what one test has compiled serves the others
def compiled(devices):
    """Returns the step's program and the step compiled, for so many devices of this machine."""
    made = pod.program(config(), jax.devices()[:devices])
    with jax.set_mesh(made.mesh):
        return made, made.step.lower(*made.arguments).compile()


def found_exchanges(devices):
    return exchanges.find(compiled(devices)[1].as_text())


def losses(devices):
    """Trains, and returns the losses and terms of each step by name."""
    made, step = compiled(devices)
    shapes, batch_shapes, weight_shapes, _ = made.arguments
    state, rows = place(first_state(shapes), shapes), []
    weights = place(dict_of_weights(weight_shapes), weight_shapes)
    for number in range(STEPS):
        state, measured = step(state, place(batch(batch_shapes, number), batch_shapes), weights, None)
        rows.append({name: value for name, value in averages.fetch(measured).items() if "skipped" not in name})
    return rows


def first_state(shapes):
    """Returns parameters five times as large as untrained ones, which hardly move or judge anything."""
    rng = np.random.default_rng(3)
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes.replace(key=shapes.step))
    params = jax.tree.map(lambda x: 0.1 * rng.standard_normal(x.shape, np.float32), shapes.params)
    return zeros.replace(params=params, average={name: params[name] for name in shapes.average}, key=jax.random.key(0))


def dict_of_weights(shapes):
    made = atw.make_job(config()).weights(0)
    assert jax.tree.structure(made) == jax.tree.structure(shapes)
    return made


def batch(shapes, number):
    rng = np.random.default_rng(number)

    def noise(shape):
        if shape.dtype == jnp.uint8:
            return rng.integers(0, 256, shape.shape, np.uint8)
        return rng.uniform(0.0, 5.0, shape.shape).astype(shape.dtype)

    return {name: noise(shapes[name]) for name in sorted(shapes)}


def place(tree, shapes):
    return jax.tree.map(lambda x, shape: jax.device_put(x, shape.sharding), tree, shapes)


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_disable_most_optimizations", True)
    rounded = [{name: float(f"{value:.7g}") for name, value in row.items()} for row in losses(1)]
    RECORDED.write_text("[\n" + ",\n".join(json.dumps(row) for row in rounded) + "\n]\n")
