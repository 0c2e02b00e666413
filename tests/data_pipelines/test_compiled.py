"""Without numba other datasets can be built, and the drawings say what they need."""

import subprocess
import sys

CODE = """
import sys
sys.modules["numba"] = None
import data_pipelines.build
from data_pipelines.procedural_anime import HOUSE_CHARACTER, render
from jaxanim.core.errors import InputError
from data_pipelines.procedural_faces import records
faces = records.DrawnFaces(count=1, seed=0, size=64, people=range(1))
for draw in (lambda: render(HOUSE_CHARACTER), lambda: faces[0]):
    try:
        draw()
    except InputError as error:
        print(error)
"""


def test_without_numba():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    hint = "needs numba: pip install 'jaxanim[train]'"
    assert done.stdout.splitlines() == [f"drawing {hint}", f"the rasteriser for the host {hint}"]
