"""Our operations leave as single ONNX nodes and compute what JAX computes, at every batch size and opset.

Exports run here in one process: fine, as long as no test jits the very functions it has exported.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import pytest

from jaxanim.export import onnx as onnx_export
from jaxanim.export import runtime
from jaxanim.nn import siren
from jaxanim.nn.apply import apply
from jaxanim.ops import flow, grid_sample, pyramid
from jaxanim.weights import onnx_session
from jaxanim.weights.card import Card

CARD = Card("system", "name", "a licence", "tests", {"made": "here"})
TOLERANCE = 1e-5  # float32 in another order


def export(fn, inputs, outputs=("out",), *, constants=(), opset=17):
    return onnx_export.to_model(
        lambda constants, *x: fn(*constants, *x), constants, inputs, outputs, opset=opset, card=CARD
    )


def run(model, tmp_path, **feeds):
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return onnx_session.make_session(path).run(None, {name: np.asarray(value) for name, value in feeds.items()})


def double(x):
    """Looks the operation up when it is traced: exporting replaces it in its module."""
    return pyramid.upsample_bilinear(x)


def operations(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("opset", [17, 23])
@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("align", [False, True])
def test_grid_sample_is_one_node(key, tmp_path, opset, padding, align):
    def fn(image, grid):
        return grid_sample.grid_sample(image, grid, padding=padding, align_corners=align, units="normalised")

    model = export(fn, {"image": ("N", 5, 7, 3), "grid": ("N", 4, 6, 2)}, opset=opset)
    assert operations(model) == ["Transpose", "GridSample", "Transpose"]
    for batch in (1, 3):
        image = jax.random.normal(key, (batch, 5, 7, 3))
        grid = jax.random.uniform(key, (batch, 4, 6, 2), minval=-1.5, maxval=1.5)
        (out,) = run(model, tmp_path, image=image, grid=grid)
        np.testing.assert_allclose(out, fn(image, grid), atol=TOLERANCE)


def test_warp_in_pixels(key, tmp_path):
    def fn(image, flow_px):
        return flow.warp(image, flow_px, padding="border")

    model = export(fn, {"image": ("N", 6, 8, 4), "flow": ("N", 6, 8, 2)})
    assert operations(model).count("GridSample") == 1
    image, flow_px = jax.random.normal(key, (2, 6, 8, 4)), 3.0 * jax.random.normal(key, (2, 6, 8, 2))
    (out,) = run(model, tmp_path, image=image, flow=flow_px)
    np.testing.assert_allclose(out, fn(image, flow_px), atol=1e-4)


@pytest.mark.parametrize("opset", [17, 23])
def test_upsampling_is_one_node(key, tmp_path, opset):
    model = export(double, {"x": ("N", 3, 5, 2)}, opset=opset)
    assert operations(model) == ["Transpose", "Resize", "Transpose"]
    x = jax.random.normal(key, (3, 3, 5, 2))
    (out,) = run(model, tmp_path, x=x)
    np.testing.assert_allclose(out, pyramid.upsample_bilinear(x), atol=TOLERANCE)


def test_sine_network_with_its_parameters_inside(key, tmp_path):
    """Constants become initialisers, not computed planes: the file is as large as the parameters."""
    module = siren.SirenPyramid(((8, 6), (5, 4)), 2)
    axes = tuple(flow.normalised_axis(size, align_corners=False) for size in (16, 32))
    grids = tuple(flow.grid_of_axes(axis, axis) for axis in axes)
    params = jax.jit(module.init)(key, grids, jnp.zeros((1, 3)))["params"]

    def fn(params, axes, pose):
        return apply(module, params, tuple(flow.grid_of_axes(axis, axis) for axis in axes), pose)

    model = export(fn, {"pose": ("N", 3)}, constants=(params, axes))
    numbers = sum(np.asarray(leaf).size for leaf in jax.tree.leaves((params, axes)))
    assert model.ByteSize() < 4 * numbers + 40_000
    for batch in (1, 3):
        pose = jax.random.normal(key, (batch, 3))
        (out,) = run(model, tmp_path, pose=pose)
        np.testing.assert_allclose(out, fn(params, axes, pose), atol=1e-4)


def test_several_outputs_and_names(key, tmp_path):
    model = export(lambda x: (2.0 * x, x + 1.0), {"x": ("N", 2)}, ("double", "more"))
    assert [value.name for value in model.graph.input] == ["x"]
    assert [value.name for value in model.graph.output] == ["double", "more"]
    double, more = run(model, tmp_path, x=np.ones((3, 2), np.float32))
    assert double.shape == more.shape == (3, 2)
    assert (double == 2.0).all()


def test_card_travels_in_the_metadata(tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(export(lambda x: x * 2.0, {"x": ("N", 2)}), path)
    _, card = runtime.open_session(path)
    assert card == CARD


@pytest.mark.parametrize("opset", [9, 16, 24])
def test_unsupported_opsets_are_refused(opset):
    with pytest.raises(ValueError, match=f"opset must be one of .*17.*23.*, got {opset}"):
        export(lambda x: x * 2.0, {"x": ("N", 2)}, opset=opset)


def test_unbatched_images_are_refused():
    def fn(image, grid):
        return grid_sample.grid_sample(image, grid, padding="zeros", align_corners=False, units="pixel")

    with pytest.raises(NotImplementedError, match=r"one batch axis can be exported, got shape \(5, 7, 3\)"):
        export(fn, {"image": (5, 7, 3), "grid": (4, 6, 2)})


def test_float16_keeps_inputs_outputs_and_coordinates(key, tmp_path):
    def fn(image, flow_px):
        return flow.warp(jnp.sin(image) * 0.5, flow_px, padding="border")

    model = export(fn, {"image": ("N", 6, 8, 4), "flow": ("N", 6, 8, 2)})
    half = onnx_export.to_float16(model)
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*half.graph.input, *half.graph.output)}
    assert set(kinds.values()) == {onnx.TensorProto.FLOAT}
    notes = next(entry.value for entry in half.metadata_props if entry.key == "notes")
    assert json.loads(notes)["precision"] == "float16"
    image, flow_px = jax.random.normal(key, (2, 6, 8, 4)), jnp.full((2, 6, 8, 2), 0.5)
    (out,) = run(half, tmp_path, image=image, flow=flow_px)
    np.testing.assert_allclose(out, fn(image, flow_px), atol=1e-2)


def test_our_operations_work_as_before_after_an_export(key):
    """Exporting swaps them out while it traces, and must put them back."""
    export(double, {"x": ("N", 3, 5, 2)})
    x = jax.random.normal(key, (1, 4, 4, 1))
    assert pyramid.upsample_bilinear(x).shape == (1, 8, 8, 1)
    grid = flow.identity_grid(4, 4, align_corners=True)[None]
    same = grid_sample.grid_sample(x, grid, padding="border", align_corners=True, units="normalised")
    np.testing.assert_allclose(same, x, atol=1e-6)
