"""Training steps on one and on four devices: the losses recorded, and nothing but gradients travels."""

import json
import math

import jax
import pytest

from tests.systems.atw import training_steps


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.slow), 4])  # it was recorded on one
def test_the_losses_of_twenty_steps_are_those_recorded(devices):
    recorded = json.loads(training_steps.RECORDED.read_text())
    found = training_steps.losses(devices)
    assert len(found) == len(recorded) == training_steps.STEPS
    for want, got in zip(recorded, found, strict=True):
        assert got == pytest.approx(want, rel=1e-4, abs=1e-5)
    assert ["generator/loss" in row for row in found] == [number % 5 == 4 for number in range(training_steps.STEPS)]


def without_ones(shape):
    return tuple(size for size in shape if size != 1)


def test_four_devices_exchange_sums_of_gradients_and_nothing_else():
    made, _ = training_steps.compiled(4)
    parameters = {without_ones(leaf.shape) for leaf in jax.tree.leaves(made.arguments[0].params)}
    found = training_steps.found_exchanges(4)
    assert {each.kind for each in found} == {"all-reduce"}
    sizes = [size for each in found for size in each.sizes]
    assert {without_ones(size) for size in sizes} <= parameters | {()}
    assert 4 * sum(map(math.prod, sizes)) >= made.gradient_bytes
