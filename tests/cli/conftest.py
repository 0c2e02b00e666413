"""A stand-in renderer, so that tests of the command do not wait for networks, and a way to run the command."""

import dataclasses

import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.weights.card import Card


@dataclasses.dataclass
class Result:
    """What a run of the command printed and returned."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys):
    """Runs `jaxanim ARGUMENTS` in this process."""

    def run(*arguments) -> Result:
        capsys.readouterr()
        try:
            code = main.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse: --help, --version and wrong arguments
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return run


@pytest.fixture
def fake_renderer(monkeypatch):
    """Replaces the networks: red is mouth_aaa, the left half is transparent. Returns the poses it was given."""
    from jaxanim.animate import characters

    seen: list[np.ndarray] = []

    def render(poses: np.ndarray) -> np.ndarray:
        seen.extend(poses)
        frames = np.zeros((len(poses), 512, 512, 4), np.uint8)
        frames[..., 0] = np.round(255 * poses[:, 26])[:, None, None]
        frames[:, :, 256:, 3] = 255
        return frames

    card = Card("tha4-student", "fake", "none needed", "tests")
    monkeypatch.setattr(characters, "student_renderer", lambda path, **options: (card, render))
    return seen
