"""Compiling for devices that are not there: what reports count and say, what is refused, lowering for CUDA.

Compiling for a TPU needs libtpu (extra 'aot'); those tests are skipped where it is not installed.
"""

import dataclasses
import importlib.util
import json

import jax
import jax.numpy as jnp
import pytest

from jaxanim.core.errors import InputError
from jaxanim.ops.grid_sample.shapes import SHAPES, WarpShape
from launch import aot
from launch.aot import __main__ as command
from launch.aot import compiler, cuda, report, warp

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu, which compiles for TPUs, is not installed"
)
needs_cuda_wheels = pytest.mark.skipif(not cuda.can_compile(), reason="the CUDA wheels of jax are not installed")
SMALL = WarpShape("small", 2, 48, 64, 32, 32, 16, "bfloat16", "a test")
FOUND = aot.Compiled(
    device_kind="TPU v9",
    devices=1,
    seconds=2.04,
    argument_bytes=1_000_000,
    output_bytes=2_000_000,
    temp_bytes=3_000_000,
    code_bytes=4_000_000,
    flops=5e6,
    bytes_accessed=7e9,
    main_memory_bytes=6e6,
    custom_calls=3,
    collectives={},
)
HEAD = {"program": "small", "target": "v9:2x2", "implementation": "pallas_tpu"}


@pytest.fixture
def no_libtpu(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "libtpu" else found(name, *rest)
    )


@pytest.fixture
def no_cuda_wheels(monkeypatch):
    monkeypatch.setattr(cuda, "can_compile", lambda: False)


@pytest.fixture
def small_shape(monkeypatch):
    monkeypatch.setitem(SHAPES, SMALL.name, SMALL)


def run(*arguments):
    return command.main([str(argument) for argument in arguments])


def test_minimum_bytes():
    image, grid, output = 2 * 48 * 64 * 32 * 2, 2 * 32 * 16 * 2 * 4, 2 * 32 * 16 * 32 * 2
    assert warp.minimum_bytes(SMALL) == 2 * image + 2 * grid + 2 * output


def test_the_program_gives_the_output_and_both_gradients():
    output, (image, grid) = jax.eval_shape(warp.program("xla"), *warp.arguments(SMALL))
    assert (output.shape, output.dtype) == ((2, 32, 16, 32), jnp.bfloat16)
    assert (image.shape, image.dtype) == ((2, 48, 64, 32), jnp.bfloat16)
    assert (grid.shape, grid.dtype) == ((2, 32, 16, 2), jnp.float32)


def test_kernels_are_counted():
    call = '%k.{} = f32[8]{{0}} custom-call(%a), custom_call_target="{}"\n'
    text = call.format(1, "tpu_custom_call") + call.format(2, "AllocateBuffer") + call.format(3, "tpu_custom_call")
    assert compiler.count_custom_calls(text) == 2


def test_a_line():
    row = HEAD | dataclasses.asdict(FOUND) | {"traffic": 1.5}
    assert report.line(row) == (
        "small v9:2x2 pallas_tpu: TPU v9 x 1, 2.0 s, arguments 1.0 MB, outputs 2.0 MB, temporary 3.0 MB, code 4.0 MB, "
        "3 kernels, 5e+06 FLOP, 6.0 MB moved = 1.5 x minimum, exchanges: none"
    )


@pytest.mark.parametrize(
    ("collectives", "end"),
    [
        ({"all-reduce": 2}, "exchanges: 2 all-reduce, no all-gather"),
        ({"all-gather": 1, "all-reduce": 2}, "exchanges: 1 all-gather, 2 all-reduce"),
    ],
)
def test_a_line_says_whether_a_slice_gathers(collectives, end):
    row = HEAD | dataclasses.asdict(dataclasses.replace(FOUND, devices=256, collectives=collectives))
    assert report.line(row).endswith(end)


def test_rows_are_printed_and_written_and_errors_count(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    rows = [HEAD | dataclasses.asdict(FOUND), HEAD | {"error": "Mosaic:\n  no such\n  layout"}]
    assert report.write(rows[:1], path)
    assert not report.write(rows, path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    assert capsys.readouterr().out.splitlines()[-1].endswith("pallas_tpu: REFUSED: Mosaic: no such layout")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topology", "v5e:2x2", "--shape", "huge"], "no shape is called huge; there are tha4, "),
        (["--platform", "cuda", "--shape", "huge"], "no shape is called huge; there are tha4, "),
        ([], "--topology is missing; such are "),
        (["--platform", "cuda", "--topology", "v5e:2x2"], "--topology and --train are for TPUs"),
        (["--platform", "cuda", "--train"], "--topology and --train are for TPUs"),
        (["--platform", "cuda", "--implementation", "pallas_tpu"], "pallas_tpu does not run on --platform cuda"),
        (["--topology", "v5e:2x2", "--train", "--shape", "tha4"], "--shape chooses warps"),
    ],
)
def test_wrong_options_are_said_in_one_line(arguments, message, capsys):
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("launch.aot: error: ")
    assert message in line


def test_an_unknown_implementation_is_said_in_one_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        run("--topology", "v5e:2x2", "--implementation", "cuda")
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.usefixtures("no_libtpu")
@pytest.mark.parametrize("arguments", [["--shape", "tha4"], ["--train"]])
def test_without_libtpu_the_line_says_what_to_install(arguments, capsys):
    assert run("--topology", "v5e:2x2", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install '.[aot]'" in line


def test_a_file_that_cannot_be_written(tmp_path, capsys):
    assert run("--platform", "cuda", "--json", tmp_path / "missing" / "rows.jsonl") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot write" in line


@pytest.mark.usefixtures("small_shape", "no_cuda_wheels")
@pytest.mark.parametrize(("implementation", "kernels"), [("pallas_gpu", 2), ("xla", 0)])
def test_lowering_for_cuda(implementation, kernels, capsys, tmp_path):
    path = tmp_path / "rows.jsonl"
    options = ("--shape", "small", "--implementation", implementation, "--json", path)
    assert run("--platform", "cuda", *options) == 0
    assert "lowered, not compiled, for NVIDIA H200, " in (line := capsys.readouterr().out)
    assert line.endswith(f"{kernels} Triton kernels\n")
    assert json.loads(path.read_text())["triton_calls"] == kernels


@needs_cuda_wheels
@pytest.mark.parametrize(("implementation", "kernels"), [("pallas_gpu", 2), ("mosaic_gpu", 1), ("xla", 0)])
def test_compiling_for_an_h200(implementation, kernels):
    found = cuda.compile_for_h200(warp.program(implementation), warp.arguments(SMALL))
    assert found.custom_calls == kernels
    assert found.main_memory_bytes >= warp.minimum_bytes(SMALL)


def test_without_cuda_wheels_compiling_is_refused(monkeypatch):
    monkeypatch.setattr(cuda, "can_compile", lambda: False)
    with pytest.raises(InputError, match=r"needs the CUDA wheels of jax"):
        cuda.compile_for_h200(lambda x: x, [jax.ShapeDtypeStruct((1,), jnp.float32)])


def test_compiled_for_cuda_where_the_wheels_are(monkeypatch, capsys):
    """Without the wheels here, what they would return."""
    monkeypatch.setitem(SHAPES, "small", SMALL)
    monkeypatch.setattr(cuda, "can_compile", lambda: True)
    found = dataclasses.replace(FOUND, device_kind="NVIDIA H200", flops=None, bytes_accessed=None)
    monkeypatch.setattr(cuda, "compile_for_h200", lambda program, arguments: found)
    assert run("--platform", "cuda", "--shape", "small") == 0
    line = capsys.readouterr().out
    assert "NVIDIA H200 x 1" in line
    assert "FLOP" not in line
    assert "x minimum" in line


@pytest.mark.usefixtures("no_cuda_wheels")
def test_what_cannot_be_lowered_is_reported_and_the_rest_goes_on(monkeypatch, capsys):
    monkeypatch.setitem(SHAPES, "small", SMALL)
    monkeypatch.setitem(SHAPES, "huge", dataclasses.replace(SMALL, name="huge", height=2**15, width=2**15))
    assert run("--platform", "cuda", "--shape", "huge", "--shape", "small") == 1
    huge, small = capsys.readouterr().out.splitlines()
    assert "REFUSED: NotImplementedError: pallas_gpu takes fewer than 2^31 elements" in huge
    assert small.endswith("2 Triton kernels")


def test_lowering_counts_calls_not_mentions():
    text = """
      %1 = stablehlo.custom_call @__gpu$xla.gpu.triton(%0) {name = "__gpu$xla.gpu.triton"}
      %2 = stablehlo.custom_call @triton_kernel_call_ffi(%1)
    """
    assert cuda.count_triton_calls(text) == 2


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_called_by_their_names(name):
    shape = SHAPES[name]
    assert shape.name == name
    assert shape.where
    jax.eval_shape(warp.program("xla"), *warp.arguments(shape))


@needs_libtpu
@pytest.mark.parametrize("topology", ["", "v5e", "v99:2x2", "v5e:3x5"])
def test_unknown_topologies_are_said_in_one_line(topology, capsys):
    assert run("--topology", topology, "--shape", "tha4") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "such as" in line


@needs_libtpu
def test_compiling_for_one_chip():
    a = jax.ShapeDtypeStruct((512, 256), jnp.float32)
    found = aot.compile_for(lambda a: a @ a.T, (a,), "v5e:2x2")
    assert (found.device_kind, found.devices, found.custom_calls, found.collectives) == ("TPU v5 lite", 1, 0, {})
    assert (found.argument_bytes, found.output_bytes) == (512 * 256 * 4, 512 * 512 * 4)
    assert found.flops >= 2 * 512 * 512 * 256


@needs_libtpu
@pytest.mark.slow
def test_compiling_the_warp_kernels():
    found = aot.compile_for(warp.program("pallas_tpu"), warp.arguments(SMALL), "v5e:2x2")
    assert found.custom_calls == 3
    assert found.main_memory_bytes > 0.5 * warp.minimum_bytes(SMALL)


@needs_libtpu
@pytest.mark.slow
@pytest.mark.parametrize("sharding", ["jit", "shard_map"])
def test_a_training_step_gathers_nothing(sharding, monkeypatch):
    from launch.aot import training

    monkeypatch.setattr(training, "SIZE", 64)
    mesh = aot.mesh_of("v5e:2x2", training.AXIS)
    # optax mixes Python floats and int32 counts by itself: the suite's strict promotion is for our own code.
    with jax.numpy_dtype_promotion("standard"):
        step, arguments = training.program(mesh, sharding, "xla")
        found = aot.compile_for(step, arguments, mesh, donate=(0, 1))
    assert found.devices == 4
    assert found.collectives.get("all-reduce", 0) > 0
    assert "all-gather" not in found.collectives


@needs_libtpu
def test_an_all_gather_is_seen():
    from jax.sharding import NamedSharding, PartitionSpec

    mesh = aot.mesh_of("v5e:2x2", "batch")
    split = jax.ShapeDtypeStruct((64, 128), jnp.float32, sharding=NamedSharding(mesh, PartitionSpec("batch")))

    def gather(a):
        return jax.lax.with_sharding_constraint(a, NamedSharding(mesh, PartitionSpec()))

    assert aot.compile_for(gather, (split,), mesh).collectives.get("all-gather") == 1


def test_missing_libtpu_is_an_error_of_the_user(no_libtpu):
    with pytest.raises(InputError, match="libtpu"):
        aot.mesh_of("v5e:2x2", "batch")
