"""The sheet: a row per character, a column per pose, in a small file."""

import numpy as np
import pytest
from PIL import Image

from data_pipelines.procedural_anime import HOUSE_CHARACTER, random_design, sheet


def test_sheet_has_a_row_per_character_and_a_column_per_pose():
    drawn = np.asarray(sheet.draw_sheet([HOUSE_CHARACTER, random_design(1)], cell=48))
    assert drawn.shape == (96, 16 * 48, 3)
    cells = drawn.reshape(2, 48, 16, 48, 3).swapaxes(1, 2)
    for row in cells:
        assert len({cell.tobytes() for cell in row}) == 16
    np.testing.assert_array_equal(
        cells[0], np.asarray(sheet.draw_sheet([HOUSE_CHARACTER], cell=48)).reshape(48, 16, 48, 3).swapaxes(0, 1)
    )


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        sheet.main([str(tmp_path / "none" / "sheet.png")])
    assert left.value.code == 2
    assert "does not exist" in capsys.readouterr().err


def test_command_writes_a_png(tmp_path):
    out = tmp_path / "sheet.png"
    assert sheet.main([str(out), "--seeds", "3"]) == 0
    with Image.open(out) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (2048, 128))
