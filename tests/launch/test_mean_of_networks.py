"""The mean of two trainings."""

import jax
import numpy as np
import pytest

from jaxanim.systems.atw import Atw, Design, files
from jaxanim.weights.card import Card
from launch import mean_of_networks

DESIGN = Design("action units", 3, 4, 0.2, size=64, critic_width=4)


def write(path, seed, design=DESIGN):
    files.write_atw(path, Card("atw", path.stem, "CC0", "a test"), design, Atw(design).init(jax.random.key(seed)))
    return path


def test_the_mean_of_two(tmp_path):
    first, second = (write(tmp_path / f"{seed}.safetensors", seed) for seed in (0, 1))
    output = tmp_path / "mean.safetensors"
    assert mean_of_networks.main([str(first), str(second), "--share", "0.25", "-o", str(output)]) == 0
    card, design, found = files.read_atw(output)
    assert (card.name, design) == ("mean", DESIGN)
    assert set(found["params"]) == {files.GENERATOR}
    one, other = (files.read_atw(path)[2]["params"][files.GENERATOR] for path in (first, second))
    jax.tree.map(
        lambda a, b, c: np.testing.assert_allclose(c, 0.75 * a + 0.25 * b, atol=1e-6),
        one,
        other,
        found["params"][files.GENERATOR],
    )


def test_what_does_not_fit(tmp_path, capsys):
    first = write(tmp_path / "first.safetensors", 0)
    other = write(tmp_path / "other.safetensors", 0, Design("action units", 2, 4, 0.2, size=64, critic_width=4))
    with pytest.raises(SystemExit) as ended:
        mean_of_networks.main([str(first), str(other), "-o", str(tmp_path / "out.safetensors")])
    assert ended.value.code == 2
    assert "different designs" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()
