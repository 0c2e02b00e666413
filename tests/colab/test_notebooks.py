"""Every notebook runs from top to bottom as it is, and is stored without outputs."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "colab").glob("*.ipynb"))


@pytest.fixture
def kernel_environment(monkeypatch, tmp_path):
    """Kernels of this environment, whatever is installed for the user."""
    from ipykernel import kernelspec

    kernelspec.install(user=False, prefix=str(tmp_path / "kernel"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernel" / "share" / "jupyter"))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    return tmp_path


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("..", "..[demo]"),
        ("jaxanim-0.1.0-py3-none-any.whl", "jaxanim-0.1.0-py3-none-any.whl[demo]"),
        ("git+https://host/jaxanim.git@main", "jaxanim[demo] @ git+https://host/jaxanim.git@main"),
    ],
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_installed(path, source, wanted, monkeypatch):
    install = nbformat.read(path, as_version=4).cells[1].source
    assert 'source = ".."' in install
    ran = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    exec(install.replace('source = ".."', f"source = {source!r}").partition("import jax\n")[0], {})
    assert ran == [[sys.executable, "-m", "pip", "install", "-q", wanted]]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, kernel_environment):
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(kernel_environment)}}
    )
    client.execute()
    kinds = {kind for cell in notebook.cells for out in cell.get("outputs", []) for kind in out.get("data", {})}
    assert {"text/html", "image/png"} <= kinds  # a video and a picture
