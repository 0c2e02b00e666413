"""Random checkpoints of the released networks, written once for all parity tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.systems.tha4 import released

NETWORKS = (
    "eyebrow_decomposer",
    "eyebrow_morphing_combiner",
    "face_morpher",
    "body_morpher",
    "upscaler",
    "student_face_morpher",
    "student_body_morpher",
)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> Iterator[Path]:
    """A folder with one NAME.npz per network."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in NETWORKS:
        np.savez(folder / f"{name}.npz", **released.state_dict(name))
    yield folder
    shutil.rmtree(folder)
