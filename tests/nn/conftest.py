"""Small programs, hundreds of them, each run once or twice: compiling fast beats running fast."""

import pytest


@pytest.fixture(autouse=True)
def _compile_fast(compile_fast):
    pass
