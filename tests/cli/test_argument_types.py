"""Options that are numbers or parts."""

import argparse

import pytest

from jaxanim.cli import argument_types


def test_what_is_read(tmp_path):
    assert argument_types.count("0") == 0
    assert argument_types.positive("12") == 12
    assert argument_types.part_of("0/4") == (0, 4)
    assert argument_types.writable(str(tmp_path / "sheet.png")) == tmp_path / "sheet.png"


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


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(argparse.ArgumentTypeError, match="does not exist"):
        argument_types.writable(str(tmp_path / "none" / "sheet.png"))
