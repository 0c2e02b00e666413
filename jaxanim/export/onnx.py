"""Exports pure functions to ONNX with a dynamic batch, their constants as initialisers.

jax2onnx computes whatever does not depend on an input while it traces, which would turn a character's position maps
into hundreds of megabytes of constants. Constants are therefore traced as inputs and become initialisers afterwards.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import onnx
from jax2onnx import to_onnx

from jaxanim.core.types import Array
from jaxanim.export import plugins
from jaxanim.weights.card import Card

OPSETS = (17, 18, 19, 20, 21, 22, 23)
FLOAT32_OPERATIONS = ["GridSample", "Range", "Resize", "Sin"]  # in float16 models
Shape = tuple[int | str, ...]


def to_model(
    fn: Callable[..., Any],
    constants: Any,
    inputs: Mapping[str, Shape],
    outputs: Sequence[str],
    *,
    opset: int,
    card: Card,
) -> onnx.ModelProto:
    """Exports `fn(constants, *inputs)`.

    Args:
      fn: pure function, not jitted, that returns one array or a tuple.
      constants: pytree of arrays that become part of the file.
      inputs: names and shapes of the inputs, float32; a string is a dynamic length.
      outputs: names of the results.
      opset: of ONNX; 17 runs in browsers.
      card: written into the file's metadata.

    Raises:
      ValueError: the opset is not supported.
    """
    if opset not in OPSETS:
        raise ValueError(f"opset must be one of {OPSETS}, got {opset}")
    leaves, structure = jax.tree_util.tree_flatten(constants)
    leaves = [np.asarray(leaf) for leaf in leaves]
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(constants)[0]]
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]
    plugins.register()

    def flat(*arguments: Array) -> Any:
        given = len(inputs)
        return fn(jax.tree_util.tree_unflatten(structure, arguments[given:]), *arguments[:given])

    specs = [*inputs.values(), *(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves)]
    model = to_onnx(
        flat,
        inputs=specs,
        input_names=[*inputs, *names],
        output_names=list(outputs),
        model_name=card.name,
        opset=opset,
    )
    _bind(model, dict(zip(names, leaves, strict=True)))
    _describe(model, card)
    onnx.checker.check_model(model)
    return model


def to_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Converts a model to compute in float16; inputs and outputs stay float32.

    Sampling positions and the arguments of sines stay float32: half a pixel and a tenth of a radian would be lost.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16

    converted = convert_float_to_float16(model, keep_io_types=True, op_block_list=FLOAT32_OPERATIONS)
    for entry in converted.metadata_props:
        if entry.key == "notes":
            entry.value = json.dumps(json.loads(entry.value) | {"precision": "float16"}, sort_keys=True)
    return converted


def _bind(model: onnx.ModelProto, constants: Mapping[str, np.ndarray]) -> None:
    """Turns graph inputs into initialisers."""
    kept = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    used = {name for node in model.graph.node for name in node.input}
    for name, array in constants.items():
        if name in used:
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))


def _describe(model: onnx.ModelProto, card: Card) -> None:
    fields = {"format": "jaxanim", "system": card.system, "name": card.name}
    fields |= {"licence": card.licence, "source": card.source, "notes": json.dumps(dict(card.notes), sort_keys=True)}
    model.producer_name = "jaxanim"
    onnx.helper.set_model_props(model, fields)
