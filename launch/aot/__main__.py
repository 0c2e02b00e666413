"""Compiles the training step of a configuration, or the warp at its real sizes, for devices that are not there.

    python -m launch.aot --config configs/atw/procedural.py --config.batch_size=2560 --topology v5e:16x16 [--json OUT]
    python -m launch.aot --topology v5e:2x2 [--shape gdpw-512 ...] [--implementation xla] [--json OUT.jsonl]
    python -m launch.aot --topology v5e:16x16 --train
    python -m launch.aot --platform cuda [--implementation mosaic_gpu]

With --config the step is that of `launch.train`, with all its phases, and the report a table: memory, FLOPs and
accesses of one device, exchanges between devices. Otherwise a line says what one program needs: warps run forward and
back, and 'minimum' is what a perfect kernel would move, reading and writing every array once; --train is a small step
around a warp. Ends with 1 where the compiler refused something, memory does not suffice or activations travel between
chips, with 2 where the command cannot be carried out.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import jax
from jax.sharding import Mesh

from jaxanim.core.errors import InputError, UserError
from jaxanim.ops.grid_sample.dispatch import Implementation
from jaxanim.ops.grid_sample.shapes import SHAPES, WarpShape
from launch.aot import compiler, cuda, report, warp
from launch.aot.report import Row

REFUSED, USER_ERROR = 1, 2
# Of each platform, the one that is compiled if none is named, first.
_OF_PLATFORM: dict[str, tuple[Implementation, ...]] = {
    "tpu": ("pallas_tpu", "xla"),
    "cuda": ("pallas_gpu", "mosaic_gpu", "xla"),
}
_ALL = sorted({name for names in _OF_PLATFORM.values() for name in names})


class _Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"{self.prog}: error: {message}\n")


def make_parser() -> argparse.ArgumentParser:
    """Builds the command's parser."""
    parser = _Parser(
        prog="launch.aot", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--platform", choices=sorted(_OF_PLATFORM), default="tpu", help="cuda is one H200")
    parser.add_argument("--topology", help=f"TPU slice to compile for, such as {compiler.EXAMPLES}")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="compile this run's step; --config.x=y changes entry x"
    )
    parser.add_argument("--shape", action="append", metavar="NAME", help="which warp; all of them if not given")
    parser.add_argument("--implementation", choices=_ALL, help="the platform's kernels")
    parser.add_argument("--train", action="store_true", help="a small training step around a warp, on the whole slice")
    parser.add_argument("--json", metavar="OUT", type=Path, help="file to write every row to, a line of JSON each")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
      0, 1 where the compiler refused something, 2 where something the user gave could not be used.
    """
    parser = make_parser()
    parsed, rest = parser.parse_known_args(arguments)
    if unknown := [each for each in rest if parsed.config is None or not each.startswith("--config.")]:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    jax.config.update("jax_platforms", "cpu")  # whatever is here, it is not compiled for
    try:
        if parsed.config is not None:
            return _report_step(parsed, rest)
        return 0 if report.write(_rows(parsed), parsed.json) else REFUSED
    except UserError as error:
        print(f"launch.aot: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR


def _report_step(parsed: argparse.Namespace, changes: Sequence[str]) -> int:
    """Reports on the training step of a configuration."""
    from launch.aot import configuration, pod  # the rest does without what training needs

    if parsed.platform != "tpu" or parsed.train or parsed.shape or parsed.implementation:
        raise InputError("--config compiles a run's own step for TPUs: only --topology and --json go with it")
    if parsed.topology is None:
        raise InputError(f"--topology is missing; such are {compiler.EXAMPLES}")
    config = configuration.read(parsed.config, changes)
    devices = compiler.devices_of(parsed.topology)
    head = {"program": str(parsed.config), "target": parsed.topology} | pod.describe(config, devices)
    step = pod.program(config, devices)
    print(pod.HEADER, flush=True)
    return 0 if report.write([head | _attempt(pod.compile_step, step)], parsed.json, pod.line) else REFUSED


def _rows(parsed: argparse.Namespace) -> Iterator[Row]:
    """Yields what is to be reported, as it is found."""
    implementation = parsed.implementation or _OF_PLATFORM[parsed.platform][0]
    if implementation not in _OF_PLATFORM[parsed.platform]:
        raise InputError(f"--implementation {implementation} does not run on --platform {parsed.platform}")
    if parsed.platform == "cuda":
        if parsed.topology is not None or parsed.train:
            raise InputError("--topology and --train are for TPUs; --platform cuda compiles warps for one GPU")
        return _warps(_chosen(parsed.shape), "cuda", implementation)
    if parsed.topology is None:
        raise InputError(f"--topology is missing; such are {compiler.EXAMPLES}")
    if not parsed.train:
        return _warps(_chosen(parsed.shape), parsed.topology, implementation)
    if parsed.shape is not None:
        raise InputError("--shape chooses warps; --train compiles a training step of its own size")
    return _training_steps(parsed.topology, implementation)


def _chosen(names: Sequence[str] | None) -> list[WarpShape]:
    unknown = sorted(set(names or ()) - set(SHAPES))
    if unknown:
        raise InputError(f"no shape is called {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    return [SHAPES[name] for name in names or SHAPES]


def _warps(shapes: Sequence[WarpShape], target: str, implementation: Implementation) -> Iterator[Row]:
    """Yields one row for each warp, forward and both gradients."""
    for shape in shapes:
        head = {"program": shape.name, "target": target, "implementation": implementation}
        yield head | _attempt(_compile_warp, shape, target, implementation)


def _compile_warp(shape: WarpShape, target: str, implementation: Implementation) -> Row:
    program, arguments = warp.program(implementation), warp.arguments(shape)
    if target == "cuda" and not cuda.can_compile():
        return dataclasses.asdict(cuda.lower_for_cuda(program, arguments))
    if target == "cuda":
        found = cuda.compile_for_h200(program, arguments)
    else:
        found = compiler.compile_for(program, arguments, target)
    minimum = warp.minimum_bytes(shape)
    return dataclasses.asdict(found) | {"minimum_bytes": minimum, "traffic": found.main_memory_bytes / minimum}


def _training_steps(topology: str, implementation: Implementation) -> Iterator[Row]:
    """Yields one row for each way of splitting the training step."""
    from launch.aot import training  # the rest does without optax

    mesh = compiler.mesh_of(topology, training.AXIS)
    for sharding in training.SHARDINGS:
        head = {"program": f"train-{sharding}", "target": topology, "implementation": implementation}
        step, arguments = training.program(mesh, sharding, implementation)
        yield head | _attempt(_compile_step, step, arguments, mesh)


def _compile_step(step: Callable[..., Any], arguments: tuple[Any, ...], mesh: Mesh) -> Row:
    row = dataclasses.asdict(compiler.compile_for(step, arguments, mesh, donate=(0, 1)))
    gathers = row["collectives"].get("all-gather", 0)
    return row | ({"error": f"{gathers} all-gathers: chips fetch each other's part of the batch"} if gathers else {})


def _attempt(work: Callable[..., Row], *arguments: Any) -> Row:
    """Returns what work returns, or the compiler's message under 'error'."""
    try:
        return work(*arguments)
    except UserError:
        raise
    except Exception as error:  # Mosaic, Triton, XLA and jax refuse programs with many types of error
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main())
