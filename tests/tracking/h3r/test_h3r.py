"""H3R's decoding against numpy loops, the mirror image by hand, and whole networks on small crops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.geometry import mirror
from jaxanim.tracking.h3r import h3r, networks
from tests.nn.test_conv_and_norms import loop_conv
from tests.nn.test_resnet import init, loop_norm


def random_maps(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def loop_position(logits):
    """The nine highest cells of one map, one after the other."""
    cells = sorted(np.ndindex(logits.shape), key=lambda cell: -logits[cell])[:9]
    weights = np.exp([float(logits[cell]) for cell in cells])
    places = np.array([(x, y) for y, x in cells])
    return 4.0 * (weights[:, None] * places).sum(axis=0) / weights.sum()


def test_positions():
    maps = random_maps(2, 6, 8, 3)
    got = jax.jit(h3r.positions)(maps)
    want = [[loop_position(maps[image, ..., point]) for point in range(3)] for image in range(2)]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_point_between_two_cells():
    """Equal logits at (x 5, y 2) and (x 6, y 2), all others far below."""
    maps = np.full((6, 8, 1), -50.0, np.float32)
    maps[2, 5:7] = 3.0
    np.testing.assert_allclose(h3r.positions(jnp.asarray(maps)), [[22.0, 8.0]], atol=1e-5)


@pytest.mark.parametrize(
    ("chances", "confidence"), [((1.0,), 1.0), ((0.25,) * 4, 1.0), ((0.5,), 0.5), ((0.9, 0.9), 1.0)]
)
def test_confidence_counts_cells(chances, confidence):
    present = np.full((1, 4, 4, 98), -30.0, np.float32)
    for cell, chance in enumerate(chances):
        present[0, cell, 1] = 30.0 if chance == 1.0 else np.log(chance / (1.0 - chance))
    absent = np.full_like(present, 2.0)
    heatmaps = networks.Heatmaps(jnp.asarray(absent), jnp.asarray(present + 2.0))
    np.testing.assert_allclose(h3r.confidence(heatmaps), [confidence], atol=1e-4)


def test_unmirrored_points():
    """A point on the first pixel's centre is on the last one's in the mirrored picture; the pupils change places."""
    points = np.zeros((1, 98, 2), np.float32)
    points[0, 96] = (0.0, 5.0)
    np.testing.assert_array_equal(h3r.unmirror(jnp.asarray(points), width=64)[0, 97], [63.0, 5.0])
    again = h3r.unmirror(h3r.unmirror(jnp.asarray(random_maps(2, 98, 2)), width=64), width=64)
    np.testing.assert_allclose(again, random_maps(2, 98, 2), atol=1e-4)


@pytest.fixture(scope="module")
def network():
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    return h3r.H3RLandmarks(init(networks.H3R("mobilenetv2"), image), "mobilenetv2", size=64)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)


def test_a_batch_is_its_faces_and_a_mirrored_face_has_mirrored_points(network, crops):
    both = network(np.concatenate([crops, crops[:1, :, ::-1]]))
    assert both.points_98.shape == (3, 98, 2)
    assert both.confidence.shape == (3,)
    np.testing.assert_allclose(both.points_98, 32.0, atol=32.0)
    np.testing.assert_allclose(both.confidence, 0.5, atol=0.5)
    assert np.abs(np.asarray(both.points_98[0] - both.points_98[1])).max() > 1.0
    mirrored = np.asarray(both.points_98[0])[mirror.mirrored_order(98)] * [-1, 1] + [64, 0]
    np.testing.assert_allclose(both.points_98[2], mirrored, atol=1e-2)


def test_other_crops_and_networks_are_refused(network, crops):
    with pytest.raises(ValueError, match="crops must"):
        network(crops[:, :32])
    with pytest.raises(ValueError, match="height and width must be multiples of 32"):
        jax.eval_shape(networks.H3R("hrnet18").init, jax.random.key(0), jnp.zeros((1, 48, 64, 3)))


def layer(x, params, name, stride=1):
    kernel = np.asarray(params[f"{name}_conv"]["kernel"], np.float64)
    return loop_norm(loop_conv(x, kernel, stride=stride, padding=kernel.shape[0] // 2), params[f"{name}_norm"])


def test_branches_of_hrnet_are_added(monkeypatch):
    """Without blocks: small to large by repeating, large to small in steps, with an activation between steps."""
    monkeypatch.setattr(networks, "HRNET_DEPTH", 0)
    branches = tuple(random_maps(1, size, size, width) for size, width in ((8, 2), (4, 3), (2, 4)))
    module = networks.HRModule((2, 3, 4))
    params = init(module, branches)
    got = jax.jit(lambda params, branches: module.apply({"params": params}, branches))(params, branches)
    large, middle, small = (np.asarray(x[0], np.float64) for x in branches)
    up = layer(middle, params, "fuse1to0").repeat(2, 0).repeat(2, 1)
    far = layer(small, params, "fuse2to0").repeat(4, 0).repeat(4, 1)
    np.testing.assert_allclose(got[0][0], np.maximum(large + up + far, 0.0), atol=1e-4)
    step = np.maximum(layer(large, params, "fuse0to2_step0", 2), 0.0)
    down = layer(step, params, "fuse0to2_step1", 2) + layer(middle, params, "fuse1to2_step0", 2)
    np.testing.assert_allclose(got[2][0], np.maximum(small + down, 0.0), atol=1e-3)
