"""Designs on cards: there and back, and everything that is no design is refused by name."""

import dataclasses
import json
from pathlib import Path

import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.weights import design_note
from jaxanim.weights.card import Card


@dataclasses.dataclass(frozen=True)
class Net:
    """Some networks."""

    width: int = 8
    scale: float = 1.5
    labels: tuple[str, ...] = ("a",)
    small: bool = False

    def __post_init__(self):
        if self.width < 1:
            raise ValueError(f"width must be positive, got {self.width}")


def read(notes):
    return design_note.read(Path("x.safetensors"), Card("net", "n", "l", "s", notes), Net())


@pytest.mark.parametrize("net", [Net(), Net(3, 0.5, ("b", "c"), True), Net(labels=())])
def test_there_and_back(net):
    assert read({"other": "note", **design_note.note(net)}) == net


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": "8"}, "width is '8'"),
        ({"width": True}, "width is True"),
        ({"scale": 2}, "scale is 2"),
        ({"labels": "abc"}, "labels is 'abc'"),
        ({"labels": ["a", 3]}, "one of labels is 3"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": float("-inf")}, "scale is -inf"),
        ({"width": -1}, "width must be positive, got -1"),
        ({"depth": 3}, "depth"),
        ({"small": None}, "small is None"),
    ],
)
def test_damage(change, said):
    text = json.dumps({**dataclasses.asdict(Net()), **change})
    with pytest.raises(WeightsError, match=rf"x\.safetensors: the design on its card is damaged \(.*{said}"):
        read({"design": text})


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"width": 8}', "[" * 100_000])
def test_no_design_at_all(text):
    with pytest.raises(WeightsError, match="is damaged"):
        read({"design": text})
    with pytest.raises(WeightsError, match="does not say the design"):
        read({})
