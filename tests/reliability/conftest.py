"""What the processes of these tests share."""

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where compiled programs are kept for the next process."""
    return tmp_path_factory.mktemp("compiled")
