"""Exports THA4 characters and the full system, and checks every file against JAX before it gets its name.

A character is one graph: `pose` (N, 45) -> `image` (N, 512, 512, 4). The full system is two: NAME.encode.onnx runs
once per picture (`picture` (512, 512, 4) -> `background_layer`, `eyebrow_layer`), NAME.onnx once per frame (these,
`picture` and
`pose` -> `image`). Pictures are as the networks see them: linear light, premultiplied by alpha, in [-1, 1].
"""

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx

from jaxanim.core import files as core_files
from jaxanim.core.types import Array, Params, Variables
from jaxanim.export import onnx as onnx_export
from jaxanim.export import runtime, verify
from jaxanim.ops import flow as flows
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import FullSystem, Student, files, networks, pictures, windows
from jaxanim.systems.tha4.student import StudentCode
from jaxanim.systems.tha4.system import FullCode
from jaxanim.weights.card import Card

MAX_ERROR = 2e-3  # of a student's image in [-1, 1]
# The five networks in a row turn rounding into single pixels that differ at hard edges (as the released code differs
# from itself in float64), so that the full system is held to its mean error: 55 dB is below half a step of 8 bits.
MIN_PSNR_FULL = 55.0
MIN_PSNR_FLOAT16 = 35.0
BATCHES = (1, 3)


@dataclasses.dataclass(frozen=True)
class Graph:
    """A function to export: what it computes, of which inputs, and with which numbers to check it."""

    path: Path
    fn: Callable[..., Any]
    constants: Any
    inputs: Mapping[str, onnx_export.Shape]
    outputs: tuple[str, ...]
    examples: tuple[Mapping[str, np.ndarray], ...]
    max_error: float = MAX_ERROR
    min_psnr: float = 0.0


def encode_path(path: Path) -> Path:
    """Returns where the once-per-picture graph of a full system lies beside the other."""
    return path.with_name(f"{path.stem}.encode{path.suffix}")


def export_file(source: Path, output: Path, *, opset: int, float16: bool) -> list[verify.Report]:
    """Exports one of our weights files.

    Returns:
      One report per file written; all of them get their names, or none.

    Raises:
      WeightsError: the weights cannot be used.
      OutputError: the file cannot be written, or does not agree with JAX.
    """
    core_files.check_writable(output)
    system = files.weights_file.read_card(source).system
    graphs: tuple[Graph, ...]
    if system == files.FULL:
        card, variables = files.read_full(source)
        card = dataclasses.replace(card, notes={**card.notes, runtime.OF_WEIGHTS: _digest(source)})
        graphs = full_graphs(variables, output)
    else:
        character = files.read_character(source)
        card, graphs = character.card, (student_graph(character, output),)
    for graph in graphs:
        core_files.check_writable(graph.path)
    with contextlib.ExitStack() as all_or_none:
        return [
            _export(
                graph, all_or_none.enter_context(core_files.replacing(graph.path)), card, opset=opset, float16=float16
            )
            for graph in graphs
        ]


def student_graph(character: files.Character, path: Path) -> Graph:
    """Returns the graph of a distilled character, its picture inside."""
    student = Student(sine=jnp.sin)

    def image(constants: Params, pose: Array) -> Array:
        coarse, middle, fine = (flows.grid_of_axes(axis, axis) for axis in constants["axes"])
        code = StudentCode(image=pictures.encode(constants["picture"]), positions=(coarse, middle, fine))
        return student.render(constants["variables"], code, pose).image

    axes = tuple(flows.normalised_axis(size, align_corners=False) for size in windows.LEVEL_SIZES)
    constants = {"variables": character.variables, "picture": character.picture, "axes": axes}
    examples = tuple({"pose": _random_poses(batch)} for batch in BATCHES)
    return Graph(path, image, constants, {"pose": ("N", pose_vector.POSE_SIZE)}, ("image",), examples)


def full_graphs(variables: Variables, path: Path) -> tuple[Graph, Graph]:
    """Returns the once-per-picture and the once-per-frame graph of the full system."""
    system = FullSystem()
    picture_shape = (pictures.SIZE, pictures.SIZE, 4)

    def layers(constants: Params, picture: Array) -> tuple[Array, Array]:
        eyebrows = system.decompose(constants, picture)
        return eyebrows.background_layer, eyebrows.eyebrow_layer

    def image(constants: Params, picture: Array, background: Array, eyebrow: Array, pose: Array) -> Array:
        blank = jnp.zeros_like(background[..., :1])
        eyebrows = networks.EyebrowLayers(eyebrow, blank, eyebrow, background, blank, background)
        code = FullCode(image=picture, eyebrows=eyebrows, **constants["folded"])
        return system.render(constants["variables"], code, pose).image

    params = variables["params"]
    per_frame = {name: params[name] for name in ("eyebrow_morphing_combiner", "face_morpher")}
    constants = {"variables": {"params": per_frame}, "folded": system.fold(variables)}
    picture = _random_picture()
    once = {"params": {"eyebrow_decomposer": params["eyebrow_decomposer"]}}
    background, eyebrow = (np.asarray(layer) for layer in layers(once, jnp.asarray(picture)))
    shared = {"picture": picture, "background_layer": background, "eyebrow_layer": eyebrow}
    layer_shape = background.shape
    return (
        Graph(
            encode_path(path),
            layers,
            once,
            {"picture": picture_shape},
            ("background_layer", "eyebrow_layer"),
            ({"picture": picture},),
        ),
        Graph(
            path,
            image,
            constants,
            {
                "picture": picture_shape,
                "background_layer": layer_shape,
                "eyebrow_layer": layer_shape,
                "pose": ("N", pose_vector.POSE_SIZE),
            },
            ("image",),
            tuple(shared | {"pose": _random_poses(batch)} for batch in BATCHES),
            max_error=np.inf,
            min_psnr=MIN_PSNR_FULL,
        ),
    )


def _digest(path: Path) -> str:
    """Returns what tells a file's content from that of others."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _export(graph: Graph, target: Path, card: Card, *, opset: int, float16: bool) -> verify.Report:
    """Writes a graph to a target that gets its name later, and compares it with JAX."""
    # JAX first: tracing for ONNX leaves entries in JAX's caches that a later jit of the same function would stumble
    # over.
    expected = [verify.run_jax(graph.fn, graph.constants, example) for example in graph.examples]
    model = onnx_export.to_model(graph.fn, graph.constants, graph.inputs, graph.outputs, opset=opset, card=card)
    if float16:
        model = onnx_export.to_float16(model)
    onnx.save(model, target)
    report = verify.compare(target, graph.examples, expected)
    max_error, min_psnr = (np.inf, MIN_PSNR_FLOAT16) if float16 else (graph.max_error, graph.min_psnr)
    verify.check(report, graph.path, max_error=max_error, min_psnr=min_psnr)
    return dataclasses.replace(report, path=graph.path)


def _random_poses(batch: int) -> np.ndarray:
    """Returns poses with every number away from zero, so that an ignored one shows."""
    rng = np.random.default_rng(batch)
    return rng.uniform(0.2 * pose_vector.POSE_LOW, pose_vector.POSE_HIGH, (batch, pose_vector.POSE_SIZE)).astype(
        np.float32
    )


def _random_picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (16, 16, 4), dtype=np.uint8)
    smooth = jax.image.resize(coarse.astype(np.float32), (pictures.SIZE, pictures.SIZE, 4), "linear")
    return pictures.encode(np.asarray(smooth).astype(np.uint8))
