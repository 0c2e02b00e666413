"""Tiny random ATW models in files."""

import jax
import numpy as np

from jaxanim.systems.atw import Atw, Design, files
from jaxanim.weights.card import Card

UNITS = Design("action units", 17, 4, 0.1, size=64, critic_width=4, drive_scale=2.0)
CLASSES = Design("classes", 2, 4, 0.1, size=64, critic_width=4, labels=("neutral", "happy"))


def write(path, design, name):
    """Writes a generator larger than an untrained one: these hardly move anything."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(Atw(design).init, jax.random.key(0))["params"]["generator"]
    params = jax.tree.map(lambda leaf: (0.1 * rng.standard_normal(leaf.shape)).astype(np.float32), shapes)
    files.write_atw(path, Card("atw", name, "none needed", "tests"), design, {"params": {"generator": params}})
    return path


def write_units(path):
    """Writes a model of action units."""
    return write(path, UNITS, "tiny units")


def write_classes(path):
    """Writes a model of two classes."""
    return write(path, CLASSES, "tiny classes")
