"""Options that are numbers or parts."""

import argparse

import pytest

from jaxanim.cli import argument_types


def test_what_is_read():
    assert argument_types.count("0") == 0
    assert argument_types.positive("12") == 12
    assert argument_types.part_of("0/4") == (0, 4)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("count", "-1"),
        ("count", ""),
        ("positive", "0"),
        ("positive", "1.5"),
        ("part_of", "4/4"),
        ("part_of", "1"),
        ("part_of", "\u00b2/4"),
    ],
)
def test_what_is_refused(kind, text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"is expected, got {text!r}"):
        getattr(argument_types, kind)(text)
