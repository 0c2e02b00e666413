"""Without numba other datasets can be built, and the drawings say what they need."""

import subprocess
import sys

CODE = """
import sys
sys.modules["numba"] = None
import data_pipelines.build
from data_pipelines.procedural_anime import HOUSE_CHARACTER, render
from jaxanim.core.errors import InputError
try:
    render(HOUSE_CHARACTER)
except InputError as error:
    print(error)
"""


def test_without_numba():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "drawing characters needs numba: pip install 'jaxanim[train]'\n"
