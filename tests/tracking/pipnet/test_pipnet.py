"""PIPNet's neighbours and decoding against loops as the released code describes them, and whole networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking.pipnet import neighbours, networks, pipnet
from tests.nn.test_resnet import init
from tests.tracking import released


@pytest.fixture(scope="module")
def table():
    return released.golden(released.PIPNET)["meanface_neighbours"]


def loop_guessers(table):
    """Walks over all points and their neighbours in order; repeats each list until it is as long as the longest."""
    lists = [[] for _ in range(98)]
    for point in range(98):
        for slot in range(10):
            lists[table[point, slot]].append((point, slot))
    longest = max(map(len, lists))
    return [(pairs * longest)[:longest] for pairs in lists]


def test_guessers(table):
    found = neighbours.guessers(table)
    assert found.point.shape == (98, 17)
    np.testing.assert_array_equal(np.stack([found.point, found.slot], axis=-1), loop_guessers(table))


def test_nearest():
    """On a line with growing gaps: the point after 0 is nearest to 1, then 2."""
    face = np.stack([np.arange(98.0) ** 2, np.zeros(98)], axis=1)
    near = neighbours.nearest(face)
    assert near.shape == (98, 10)
    assert near[0].tolist() == list(range(1, 11))
    assert near[97].tolist() == list(range(96, 86, -1))
    assert near[5, :3].tolist() == [4, 6, 3]


def test_places_and_merge(table):
    rng = np.random.default_rng(0)
    scores, offsets, around = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((2, 3, 4, 98), (2, 3, 4, 98, 2), (2, 3, 4, 98, 10, 2))
    )
    guesses = networks.Guesses(jnp.asarray(scores), jnp.asarray(offsets), jnp.asarray(around))
    told = jax.jit(pipnet.places)(guesses)
    merged = jax.jit(pipnet.merge)(told, neighbours.guessers(table))
    lists = loop_guessers(table)
    for image in range(2):
        own, others = np.zeros((98, 2)), np.zeros((98, 10, 2))
        for point in range(98):
            y, x = np.unravel_index(scores[image, ..., point].argmax(), (3, 4))
            own[point] = (x, y) + offsets[image, y, x, point]
            others[point] = (x, y) + around[image, y, x, point]
        means = [np.mean([own[p], *(others[q, slot] for q, slot in lists[p])], axis=0) for p in range(98)]
        np.testing.assert_allclose(told[image, :, 0], own, atol=1e-5)
        np.testing.assert_allclose(told[image, :, 1:], others, atol=1e-5)
        np.testing.assert_allclose(merged[image], means, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[:, :9], "integers of shape"),
        (lambda t: t.astype(np.float32), "integers of shape"),
        (lambda t: np.where(t == 97, 96, t), "some point never"),
        (lambda t: np.where(t == 97, 98, t), "one that is not there"),
    ],
)
def test_other_tables_are_refused(table, change, message):
    with pytest.raises(InputError, match=message):
        neighbours.check(change(table), what="table")


def test_a_batch_is_its_faces(table):
    """A small crop has a grid of 2x2 cells of 32 pixels; every face is found as if alone."""
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    network = pipnet.PIPNetLandmarks(init(networks.PIPNet(), image), table, size=64)
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    both, last = network(crops), network(crops[1:])
    assert both.points_98.shape == (2, 98, 2)
    np.testing.assert_allclose(both.points_98[1:], last.points_98, rtol=1e-3)
    np.testing.assert_allclose(both.confidence, 0.5, atol=0.5)
    alone = jnp.asarray(crops[1:], jnp.float32) / 255
    guesses = jax.jit(networks.PIPNet().apply)({"params": network.params}, alone)
    merged = pipnet.merge(pipnet.places(guesses), neighbours.guessers(table))
    np.testing.assert_allclose(last.points_98, 32.0 * np.asarray(merged), rtol=1e-3)
    with pytest.raises(ValueError, match="crops must"):
        network(crops[:, :32])


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="multiples of 32"):
        jax.eval_shape(networks.PIPNet().init, jax.random.key(0), jnp.zeros((1, 48, 64, 3)))
