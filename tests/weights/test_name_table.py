"""Name tables: what they fill, and every way in which a checkpoint, a table and a network can disagree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.weights import layouts, name_table
from jaxanim.weights.name_table import Row

TABLE = (
    Row("fc.weight", "head/fc/kernel", layouts.dense),
    Row("fc.bias", "head/fc/bias"),
    Row("scale", "scale"),
)
TEMPLATE = {"head": {"fc": {"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}}, "scale": jnp.zeros(())}


@pytest.fixture
def source() -> dict[str, np.ndarray]:
    return {
        "fc.weight": np.array([[1, 2, 3], [4, 5, 6]], np.float32),
        "fc.bias": np.array([7, 8], np.float32),
        "scale": np.array(9.0, np.float32),
    }


def apply(source, table=TABLE, template=TEMPLATE):
    return name_table.apply(table, source, template, what="net.pt")


def test_fills_the_template(source):
    filled = apply(source)
    np.testing.assert_array_equal(filled["head"]["fc"]["kernel"], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(filled["head"]["fc"]["bias"], [7, 8])
    np.testing.assert_array_equal(filled["scale"], 9.0)
    assert jax.tree.structure(filled) == jax.tree.structure(TEMPLATE)


def test_shapes_and_memory_layout_are_those_of_the_template(source):
    for path, leaf in name_table.flatten(apply(source)).items():
        assert leaf.shape == name_table.flatten(TEMPLATE)[path].shape, path
        assert leaf.flags.c_contiguous, path


def test_template_may_be_shapes_only(source):
    shapes = jax.eval_shape(lambda: TEMPLATE)
    np.testing.assert_array_equal(apply(source, template=shapes)["head"]["fc"]["bias"], [7, 8])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(source, dtype):
    filled = apply({name: array.astype(dtype) for name, array in source.items()})
    assert {leaf.dtype for leaf in jax.tree.leaves(filled)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(filled["head"]["fc"]["bias"], [7, 8])


def test_result_does_not_share_memory_with_a_transposed_source(source):
    filled = apply(source)
    source["fc.weight"][0, 1] = 99.0
    assert filled["head"]["fc"]["kernel"][1, 0] == 2.0


def test_missing_key(source):
    del source["fc.bias"]
    with pytest.raises(WeightsError, match=r"^net\.pt: missing in the file: fc\.bias$"):
        apply(source)


def test_unused_key(source):
    source["fc.extra"] = np.zeros(1, np.float32)
    with pytest.raises(WeightsError, match=r"^net\.pt: unknown in the file: fc\.extra$"):
        apply(source)


def test_unfilled_leaf(source):
    template = {**TEMPLATE, "other": {"bias": jnp.zeros(2)}}
    with pytest.raises(WeightsError, match=r"^net\.pt: not filled by the table: other/bias$"):
        apply(source, template=template)


def test_unknown_leaf(source):
    template = {"head": TEMPLATE["head"]}
    with pytest.raises(WeightsError, match=r"^net\.pt: unknown to the network: scale$"):
        apply(source, template=template)


def test_long_lists_are_cut(source):
    source |= {f"extra{number}": np.zeros(1, np.float32) for number in range(5)}
    with pytest.raises(WeightsError, match=r"unknown in the file: extra0, extra1, extra2 and 2 more$"):
        apply(source)


@pytest.mark.parametrize("repeated", [Row("scale", "head/fc/bias"), Row("fc.bias", "scale")])
def test_row_given_twice(source, repeated):
    """A total table names every source and every leaf once; the later row must not win silently."""
    with pytest.raises(WeightsError, match=r"net\.pt: .*(twice|more than once)"):
        apply(source, table=(*TABLE, repeated))


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (6,), (2, 3, 1), ()])
def test_wrong_shape(source, shape):
    source["fc.weight"] = np.zeros(shape, np.float32)
    with pytest.raises(WeightsError) as raised:
        apply(source)
    assert str(raised.value) == f"net.pt: fc.weight has shape {shape}, which cannot fill head/fc/kernel (3, 2)"


def test_same_size_in_another_shape_is_refused(source):
    """Nothing is broadcast or reshaped."""
    source["scale"] = np.zeros(1, np.float32)
    with pytest.raises(WeightsError, match=r"scale has shape \(1,\), which cannot fill scale \(\)"):
        apply(source)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_, np.complex64])
def test_wrong_type(source, dtype):
    source["fc.bias"] = np.zeros(2, dtype)
    with pytest.raises(WeightsError, match=rf"^net\.pt: fc\.bias holds {np.dtype(dtype)}, expected floating-point"):
        apply(source)


def test_flatten_and_unflatten():
    tree = {"a": {"b": {"c": np.zeros(1)}, "d": np.ones(2)}, "e": np.zeros(3)}
    flat = name_table.flatten(tree)
    assert {path: leaf.shape for path, leaf in flat.items()} == {"a/b/c": (1,), "a/d": (2,), "e": (3,)}
    back = name_table.unflatten(flat)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    assert back["a"]["d"] is tree["a"]["d"]


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_unflatten_of_contradicting_paths(paths):
    """One path cannot be an array and a group of arrays."""
    with pytest.raises(ValueError, match="a"):
        name_table.unflatten({path: np.zeros(1) for path in paths})


def test_flatten_of_nothing():
    assert name_table.flatten({}) == {}
    assert name_table.unflatten({}) == {}


def test_filled_templates_pass(source):
    name_table.check_filled(apply(source), TEMPLATE, what="net.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"fc": {"kernel": np.zeros((3, 2), np.float32)}}}, r"not those of the network \(head/fc/bias\)"),
        ({"more": np.zeros(1, np.float32)}, r"not those of the network \(more\)"),
        ({"scale": np.zeros(2, np.float32)}, r"scale is float32 \(2,\), float32 \(\) was expected"),
        ({"scale": np.zeros((), np.float16)}, r"scale is float16 \(\), float32 \(\) was expected"),
        ({"scale": np.full((), np.nan, np.float32)}, r"scale holds numbers that are not finite"),
    ],
)
def test_filled_otherwise(source, change, message):
    with pytest.raises(WeightsError, match=f"net.safetensors.*{message}"):
        name_table.check_filled(apply(source) | change, TEMPLATE, what="net.safetensors")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite(source, value):
    source["fc.bias"] = source["fc.bias"].astype(np.float64)
    source["fc.bias"][1] = value
    with pytest.raises(WeightsError, match=r"net\.pt: fc\.bias holds numbers that are not finite"):
        apply(source)
