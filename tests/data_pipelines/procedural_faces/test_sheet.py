"""Sheets have the pictures that they are said to have."""

import sys

import pytest
from PIL import Image

from data_pipelines.procedural_faces import sheet


def test_a_sheet_of_people():
    picture = sheet.people(3, 2, 64)
    assert picture.shape == (128, 128, 3)
    assert (picture[64:, 64:] == 0).all()  # nobody is fourth
    assert (picture[:64, :64] != picture[:64, 64:]).any()


def test_the_command(tmp_path, monkeypatch):
    path = tmp_path / "faces.png"
    monkeypatch.setattr(sys, "argv", ["sheet", "expressions", "-o", str(path), "--size", "64"])
    monkeypatch.setattr(sheet, "EXPRESSION_PEOPLE", (3,))
    sheet.main()
    assert Image.open(path).size == (8 * 48, 2 * 48)


def test_it_asks_what_to_draw(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sheet"])
    with pytest.raises(SystemExit):
        sheet.main()
