"""Compiling a configuration's own step: how it is read and refused, and what the table says."""

import importlib.util
from pathlib import Path

import jax
import pytest

from jaxanim.core.errors import InputError
from launch.aot import __main__ as command
from launch.aot import compiler, configuration, pod

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu, which compiles for TPUs, is not installed"
)
SMALL = Path("configs/atw/small.py")
GIB = 2**30
SLICE = {"target": "v5e:16x16", "chips": 256, "devices": 256, "hosts": 64, "fsdp": 2, "batch_size": 2560}
ROW = SLICE | {
    "compute_dtype": "float32",
    "memory_bytes": 16 * GIB,
    "argument_bytes": GIB // 4,
    "temp_bytes": GIB,
    "output_bytes": GIB // 8,
    "needed_bytes": 2 * GIB,
    "gradient_bytes": 57_000_000,
    "flops": 2.5e12,
    "bytes_accessed": 3e10,
    "collectives": {"all-reduce": 3},
    "exchange_bytes": {"all-reduce": 57_300_000},
    "seconds": 61.2,
}


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])


def run(*arguments):
    return command.main([str(argument) for argument in arguments])


def said(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_settings_are_read_and_changed():
    read = configuration.read(SMALL, ["--config.batch_size=12", "--config.design.width=5"])
    assert (read.system, read.batch_size, read.design.width) == ("atw", 12, 5)
    assert configuration.read(SMALL, []).batch_size == 8


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        (SMALL, ["--config.nonsense=1"], "nonsense"),
        (SMALL, ["--config.batch_size=many"], "many"),
        (Path("configs/atw/missing.py"), [], "missing.py: there is no such file"),
    ],
)
def test_what_cannot_be_read_is_refused(path, changes, message):
    with pytest.raises(InputError, match=message):
        configuration.read(path, changes)


def test_a_file_that_is_no_configuration_of_a_run(tmp_path):
    path = tmp_path / "other.py"
    path.write_text("import ml_collections\n\ndef get_config():\n    return ml_collections.ConfigDict({'a': 1})\n")
    with pytest.raises(InputError, match=r"other.py: .*system"):
        configuration.read(path, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("batch_size=10", "batch_size=10, config.fsdp=1: a batch of 10 does not divide over 4 devices"),
        ("fsdp=3", "fsdp must divide the number of devices, 4, got 3"),
        ("compute_dtype=float8", "compute_dtype must be one of"),
    ],
)
def test_what_does_not_fit_the_devices_is_said_in_one_line(change, message, monkeypatch, capsys):
    monkeypatch.setattr(compiler, "devices_of", lambda topology: jax.devices())
    assert run("--config", SMALL, "--topology", "v5e:2x2", f"--config.{change}") == 2
    assert message in said(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", SMALL], "--topology is missing"),
        (["--config", SMALL, "--topology", "v5e:2x2", "--train"], "only --topology and --json go with it"),
        (["--config", SMALL, "--platform", "cuda"], "only --topology and --json go with it"),
    ],
)
def test_options_that_do_not_go_together(options, message, capsys):
    assert run(*options) == 2
    assert message in said(capsys)


@pytest.mark.parametrize("options", [["--config.fsdp=2"], ["--config", SMALL, "--nonsense"]])
def test_unknown_options_are_said_in_one_line(options, capsys):
    with pytest.raises(SystemExit) as stopped:
        run("--topology", "v5e:2x2", *options)
    assert stopped.value.code == 2
    assert "unrecognized arguments" in said(capsys)


def test_without_libtpu(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert run("--config", SMALL, "--topology", "v5e:2x2") == 2
    assert "pip install '.[aot]'" in said(capsys)


@needs_libtpu
@pytest.mark.parametrize(("topology", "message"), [("v99:2x2", "such as"), ("v5e:16x16", "over 256 devices")])
def test_topologies_that_cannot_be_compiled_for(topology, message, capsys):
    assert run("--config", SMALL, "--topology", topology) == 2
    assert message in said(capsys)


@pytest.mark.parametrize(("more", "code"), [({}, 0), ({"error": "does not fit"}, 1)])
def test_the_command_prints_a_table(more, code, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(compiler, "devices_of", lambda topology: jax.devices())
    monkeypatch.setattr(pod, "program", lambda config, devices: None)
    monkeypatch.setattr(pod, "compile_step", lambda made: ROW | more)
    path = tmp_path / "row.jsonl"
    assert run("--config", SMALL, "--topology", "v5e:16x16", "--json", path) == code
    header, rule, line = capsys.readouterr().out.splitlines()
    assert header.count("|") == rule.count("|") == line.count("|")
    assert path.read_text().startswith('{"program": "configs/atw/small.py", "target": "v5e:16x16"')


def test_a_line_of_the_table():
    assert pod.line(ROW) == (
        "| v5e:16x16 | 256, 64 | 128 x 2 | 2560 | float32 | 0.250 GiB | 1.000 GiB | 0.125 GiB | 2.000 GiB of 16 GiB, "
        "12.5 % | 2.500 | 30.0 | 3 all-reduce of 57.3 MB; gradients 57.0 MB | 61 s |"
    )


def test_a_line_says_what_the_compiler_refused():
    message = "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 24.85G of 15.75G hbm. Exceeded by 9.1G"
    refused = SLICE | {"compute_dtype": "float32", "error": message}
    assert pod.line(refused).endswith("| REFUSED: does not fit, needs 24.85G of 15.75G |")
    assert pod.line(refused | {"error": "Mosaic:\n no"}).endswith("| REFUSED: Mosaic: no |")
