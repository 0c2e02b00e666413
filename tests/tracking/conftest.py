"""Small programs, hundreds of them, each run once or twice: compiling fast beats running fast."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _compile_fast():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
