"""Boxes of a photo: reading them, cutting out over the edge, pasting back."""

import numpy as np
import pytest

from jaxanim.animate import crop
from jaxanim.core.errors import InputError


def make_photo(height=6, width=9):
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize(("text", "box"), [("1,2,16", (1, 2, 16, 16)), (" -5 , 0 , 99", (-5, 0, 99, 99))])
def test_parse(text, box):
    assert crop.parse(text) == crop.Box(*box)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "a,0,64", "1.5,0,64", "0,0,-64", "0;0;64", "1e3,0,64"])
def test_other_forms(text):
    with pytest.raises(InputError, match="not of the form x,y,size"):
        crop.parse(text)


@pytest.mark.parametrize("size", [0, 15, 8001, 999999])
def test_sides_out_of_range(size):
    with pytest.raises(InputError, match="16 to 8000 pixels"):
        crop.parse(f"0,0,{size}")


def test_over_the_edge_the_edge_is_repeated():
    """Two columns to the left of a photo of 9, three rows below one of 6."""
    photo = make_photo()
    taken = crop.take(photo, crop.Box(-2, 4, 4, 5))
    assert taken.shape == (5, 4, 3)
    np.testing.assert_array_equal(taken[:2, 2:], photo[4:, :2])
    np.testing.assert_array_equal(taken[:2, :2], np.repeat(photo[4:, :1], 2, axis=1))
    np.testing.assert_array_equal(taken[2:], np.repeat(taken[1:2], 3, axis=0))


@pytest.mark.parametrize("box", [crop.Box(2, 1, 4, 3), crop.Box(-2, 4, 4, 5), crop.Box(-3, -3, 20, 20)])
def test_pasting_changes_the_box_only(box):
    photo = make_photo()
    np.testing.assert_array_equal(crop.paste(photo, box, crop.take(photo, box)), photo)
    pasted = crop.paste(photo, box, np.full((box.height, box.width, 3), 255, np.uint8))
    changed = (pasted != photo).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert changed.sum() == (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
    assert rows.min() == max(box.y, 0)
    assert columns.max() == min(box.x + box.width, 9) - 1


@pytest.mark.parametrize("box", [crop.Box(9, 0, 4, 4), crop.Box(0, -4, 4, 4)])
def test_boxes_beside_the_photo(box):
    with pytest.raises(InputError, match="outside of the photo, which is 9x6"):
        crop.check(box, make_photo())
