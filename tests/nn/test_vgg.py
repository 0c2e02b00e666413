"""VGG-19's features, and where its weights come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxanim.core.errors import WeightsError
from jaxanim.losses import vgg_weights as weights
from jaxanim.nn import vgg
from jaxanim.nn.apply import apply
from tests.weights import torch_writer

RNG = np.random.default_rng(6)


@pytest.fixture(scope="module")
def state():
    """The released names with numbers that cost nothing, but for the first layer's."""
    shapes = {"features.0.weight": (64, 3, 3, 3), "features.0.bias": (64,)}
    found = {name: RNG.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    template = jax.eval_shape(vgg.Vgg19().init, jax.random.key(0), jnp.zeros((1, 16, 16, 3)))["params"]
    for row in weights.vgg19()[2:]:
        block, leaf = row.path.split("/")
        shape = template[block][leaf].shape
        found[row.source] = np.zeros(shape if leaf == "bias" else [shape[k] for k in (3, 2, 0, 1)], np.float32)
    return found


def test_features_are_those_of_a_loop(state):
    """The first layer on a picture: standardised, convolved with zeros around, rectified."""
    picture = RNG.random((1, 16, 18, 3)).astype(np.float32)
    features = jax.jit(lambda params, x: apply(vgg.Vgg19(), params, x))(
        weights.from_state_dict(state, what="x"), jnp.asarray(picture)
    )
    assert [layer.shape[1:] for layer in features.layers] == [
        *((16, 18, 64), (8, 9, 128), (4, 4, 256), (2, 2, 512), (1, 1, 512))
    ]
    given = (picture - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    padded = np.pad(given, ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel, bias = state["features.0.weight"].astype(np.float64), state["features.0.bias"]
    for row, column in ((0, 0), (3, 17), (15, 8)):
        window = padded[0, row : row + 3, column : column + 3]
        want = np.maximum(np.einsum("oiyx,yxi->o", kernel, window) + bias, 0.0)
        np.testing.assert_allclose(features.relu1_1[0, row, column], want, rtol=1e-4, atol=1e-4)


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match="16 pixels or more"):
        jax.eval_shape(vgg.Vgg19().init, jax.random.key(0), jnp.zeros((1, 15, 16, 3)))


def test_files_with_and_without_the_classifier(state, tmp_path):
    more = {name: np.zeros((1, 1), np.float32) for name in weights.UNUSED}
    torch_writer.write(tmp_path / "vgg19-dcbb9e9d.pth", state | more)
    safetensors.numpy.save_file(state, tmp_path / "vgg19.safetensors")
    for name in ("vgg19-dcbb9e9d.pth", "vgg19.safetensors"):
        kernel = weights.read_vgg19(tmp_path / name)["conv1_1"]["kernel"]
        np.testing.assert_array_equal(kernel, state["features.0.weight"].transpose(2, 3, 1, 0))


def test_other_files_are_refused(state, tmp_path):
    (tmp_path / "x.safetensors").write_text("x")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        weights.read_vgg19(tmp_path / "x.safetensors")
    sixteen = {name: array for name, array in state.items() if "28" not in name}
    with pytest.raises(WeightsError, match=r"missing in the file: features\.28\.weight"):
        weights.from_state_dict(sixteen, what="x")
    with pytest.raises(WeightsError, match=r"unknown in the file: features\.36\.weight"):
        weights.from_state_dict({**state, "features.36.weight": np.zeros(1, np.float32)}, what="x")


def test_random_weights_are_always_the_same():
    first, second = weights.random_vgg19(), weights.random_vgg19()
    assert jax.tree.all(jax.tree.map(np.array_equal, first, second))
    assert first["conv5_1"]["kernel"].std() == pytest.approx(np.sqrt(2 / (9 * 512)), rel=0.01)
