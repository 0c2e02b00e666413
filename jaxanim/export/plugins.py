"""Teaches jax2onnx our own operations, so that each leaves as one ONNX node.

`grid_sample` becomes GridSample (a hundred nodes of gathers otherwise), `upsample_bilinear` becomes Resize. jax2onnx
finds plugins in a table of its own; `register` fills it once and does nothing on later calls.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import onnx_ir as ir
from jax.extend import core as jax_core
from jax2onnx.plugins import plugin_system
from jax2onnx.plugins._ir_shapes import _ensure_value_metadata, _stamp_type_and_shape
from jax2onnx.plugins._patching import MonkeyPatchSpec

from jaxanim.core.types import Array
from jaxanim.ops import grid_sample, pyramid
from jaxanim.ops.grid_sample import api

_LINEAR_SINCE_OPSET = 20  # GridSample calls its mode 'bilinear' before and 'linear' from there on
_PADDING_MODES = {"zeros": "zeros", "border": "border", "reflect": "reflection"}
_GRID_SAMPLE = "jaxanim.grid_sample"
_UPSAMPLE = "jaxanim.upsample_bilinear"


def register() -> None:
    """Adds our operations to jax2onnx's table."""
    for name, make_plugin in ((_GRID_SAMPLE, _grid_sample_plugin), (_UPSAMPLE, _upsample_plugin)):
        if name not in plugin_system.PLUGIN_REGISTRY:
            plugin_system.register_primitive(
                jaxpr_primitive=name,
                jax_doc="",
                onnx=[],
                since="0.1.0",
                context="primitives.jaxanim",
                component=name.rpartition(".")[2],
                testcases=[],
            )(make_plugin(_primitive(name)))


def _primitive(name: str) -> Any:
    primitive = jax_core.Primitive(name)
    primitive.multiple_results = False
    return primitive


def _stamped(context: Any, value: Any, dtype: Any, shape: tuple[Any, ...]) -> Any:
    """Notes type and shape of an intermediate value, which jax2onnx does not infer."""
    value.type = ir.TensorType(dtype)
    _stamp_type_and_shape(value, shape)
    _ensure_value_metadata(context, value)
    return value


def _transposed(context: Any, value: Any, shape: tuple[Any, ...], order: tuple[int, ...], name: str) -> Any:
    result = context.builder.Transpose(value, perm=list(order), _outputs=[name])
    return _stamped(context, result, value.type.dtype, tuple(shape[axis] for axis in order))


def _grid_sample_plugin(primitive: Any) -> type:
    class GridSamplePlugin(plugin_system.PrimitiveLeafPlugin):
        """grid_sample -> Transpose, GridSample, Transpose."""

        def lower(self, ctx: Any, eqn: Any) -> None:
            image_var, grid_var = eqn.invars
            image, grid = (ctx.get_value_for_var(var, name_hint=ctx.fresh_name("sample_in")) for var in eqn.invars)
            result = ctx.get_value_for_var(eqn.outvars[0], name_hint=ctx.fresh_name("sample_out"))
            b, _, _, c = image_var.aval.shape
            _, i, j, _ = grid_var.aval.shape
            planar = _transposed(ctx, image, image_var.aval.shape, (0, 3, 1, 2), ctx.fresh_name("sample_planar"))
            sampled = ctx.builder.GridSample(
                planar,
                grid,
                mode="linear" if ctx.builder.opset >= _LINEAR_SINCE_OPSET else "bilinear",
                padding_mode=_PADDING_MODES[eqn.params["padding"]],
                align_corners=int(eqn.params["align_corners"]),
                _outputs=[ctx.fresh_name("sampled")],
            )
            sampled = _stamped(ctx, sampled, image.type.dtype, (b, c, i, j))
            ctx.bind_value_for_var(eqn.outvars[0], _transposed(ctx, sampled, (b, c, i, j), (0, 2, 3, 1), result.name))

        @classmethod
        def binding_specs(cls) -> list[Any]:
            def replace(_: Any) -> Callable[..., Array]:
                return _make_exported_grid_sample(primitive)

            return [MonkeyPatchSpec(module, "grid_sample", replace) for module in (api, grid_sample)]

    @primitive.def_abstract_eval
    def _(image: Any, grid: Any, *, padding: str, align_corners: bool) -> Any:
        return image.update(shape=(*grid.shape[:-1], image.shape[-1]))

    return GridSamplePlugin


def _make_exported_grid_sample(primitive: Any) -> Callable[..., Array]:
    """Returns what stands in for `grid_sample` while a graph is traced: a single operation on normalised grids."""

    def exported(image: Array, grid: Array, *, padding: str, align_corners: bool, units: str, **_: Any) -> Array:
        if image.ndim != 4:
            raise NotImplementedError(f"only images with one batch axis can be exported, got shape {image.shape}")
        if units == "pixel":
            height, width = image.shape[1:3]
            grid, align_corners = _normalised(grid, height, width, align_corners and padding == "reflect")
        return primitive.bind(image, grid, padding=padding, align_corners=align_corners)

    return exported


def _normalised(grid: Array, height: int, width: int, align_corners: bool) -> tuple[Array, bool]:
    """Converts a grid in pixels to normalised units; corners are aligned only where that matters and can be done."""
    align_corners = align_corners and min(height, width) > 1
    if align_corners:
        scale, shift = [2.0 / (width - 1), 2.0 / (height - 1)], [-1.0, -1.0]
    else:
        scale, shift = [2.0 / width, 2.0 / height], [1.0 / width - 1.0, 1.0 / height - 1.0]
    scales, shifts = jnp.asarray(scale, grid.dtype), jnp.asarray(shift, grid.dtype)
    return grid * scales[None, None, None] + shifts[None, None, None], align_corners


def _upsample_plugin(primitive: Any) -> type:
    class UpsamplePlugin(plugin_system.PrimitiveLeafPlugin):
        """upsample_bilinear -> Transpose, Resize, Transpose."""

        def lower(self, ctx: Any, eqn: Any) -> None:
            (image_var,), (out_var,) = eqn.invars, eqn.outvars
            image = ctx.get_value_for_var(image_var, name_hint=ctx.fresh_name("double_in"))
            result = ctx.get_value_for_var(out_var, name_hint=ctx.fresh_name("double_out"))
            b, h, w, c = image_var.aval.shape
            planar = _transposed(ctx, image, (b, h, w, c), (0, 3, 1, 2), ctx.fresh_name("double_planar"))
            scales = ctx.builder.add_initializer_from_array(
                ctx.fresh_name("double_scales"), np.array([1.0, 1.0, 2.0, 2.0], np.float32)
            )
            no_region = ctx.builder.add_initializer_from_array(ctx.fresh_name("double_roi"), np.zeros(0, np.float32))
            doubled = ctx.builder.Resize(
                planar,
                no_region,
                scales,
                mode="linear",
                coordinate_transformation_mode="half_pixel",
                _outputs=[ctx.fresh_name("doubled")],
            )
            doubled = _stamped(ctx, doubled, image.type.dtype, (b, c, 2 * h, 2 * w))
            ctx.bind_value_for_var(out_var, _transposed(ctx, doubled, (b, c, 2 * h, 2 * w), (0, 2, 3, 1), result.name))

        @classmethod
        def binding_specs(cls) -> list[Any]:
            return [MonkeyPatchSpec(pyramid, "upsample_bilinear", lambda _: primitive.bind)]

    @primitive.def_abstract_eval
    def _(image: Any) -> Any:
        b, h, w, c = image.shape
        return image.update(shape=(b, 2 * h, 2 * w, c))

    return UpsamplePlugin
