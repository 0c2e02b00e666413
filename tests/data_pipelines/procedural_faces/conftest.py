"""A few people, made once: each takes a quarter of a second."""

import pytest

from data_pipelines.procedural_faces import clip


@pytest.fixture(scope="session")
def drawn():
    """A clip of 12 frames of somebody with a fringe and glasses."""
    return clip.random_clip(26, 7, 12)


@pytest.fixture(scope="session")
def built():
    return clip.figure_of(26)
