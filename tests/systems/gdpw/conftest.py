"""Small programs, each run once or twice: compiling fast beats running fast."""

import functools
from collections.abc import Iterator

import jax
import pytest

from jaxanim.systems.gdpw import files


@pytest.fixture(autouse=True, scope="module")
def _compile_fast() -> Iterator[None]:
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def _remember_shapes() -> Iterator[None]:
    """Few designs are read and written many times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "template", functools.cache(files.template))
        yield
