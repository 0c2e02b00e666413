"""Contact sheets: where pictures and names stand, what part of the frame is shown, and the built-in expressions."""

import numpy as np
import pytest

from jaxanim.animate import sheet
from jaxanim.signals import pose_vector

PAPER, SIZE = (240, 240, 240), 32
STEP = SIZE + sheet.LABEL_HEIGHT  # from one row of pictures to the next


def render(poses):
    """Paints frames red, with the pose's first number as the level, inside the head's box and blue outside."""
    frames = np.zeros((len(poses), 512, 512, 4), np.uint8)
    frames[..., 2:] = 255
    left, top, right, bottom = sheet.HEAD
    frames[:, top:bottom, left:right, 2] = 0
    frames[:, top:bottom, left:right, 0] = np.round(255 * poses[:, 0])[:, None, None].astype(np.uint8)
    return frames


def draw(count, *, columns, whole_body=False, labels=None):
    poses = np.zeros((count, 45), np.float32)
    poses[:, 0] = np.arange(1, count + 1) * 20 / 255
    labels = [f"no. {n}" for n in range(count)] if labels is None else labels
    return sheet.draw_sheet(render, labels, poses, columns=columns, size=SIZE, background=PAPER, whole_body=whole_body)


def test_pictures_stand_row_by_row():
    drawn = draw(5, columns=3)
    assert drawn.shape == (2 * STEP, 3 * SIZE, 3)
    centers = [drawn[row * STEP + SIZE // 2, column * SIZE + SIZE // 2, 0] for row in (0, 1) for column in (0, 1, 2)]
    assert centers == [20, 40, 60, 80, 100, PAPER[0]]  # the sixth place stays empty


def test_no_more_columns_than_pictures():
    assert draw(2, columns=6).shape == (STEP, 2 * SIZE, 3)


def test_each_picture_has_its_name_below():
    drawn = draw(2, columns=2, labels=["abc", ""])
    below = drawn[SIZE:]
    assert (below[:, :SIZE].min(axis=(0, 1)) < 128).all()  # dark ink
    assert (below[:, SIZE:] == PAPER).all()  # an empty name


def test_head_or_whole_body():
    head, body = draw(1, columns=1)[:SIZE], draw(1, columns=1, whole_body=True)[:SIZE]
    assert (head == (20, 0, 0)).all()
    assert (body[0, 0] == (0, 0, 255)).all()
    # The head's box is half as wide as the frame: a quarter of the area, give or take a blurred pixel at its border.
    assert (body[..., 0] >= 10).mean() == pytest.approx(0.25, abs=0.03)


def test_every_pose_needs_a_name():
    with pytest.raises(ValueError, match="longer"):
        draw(2, columns=1, labels=["one"])


def test_head_box_is_a_square_within_the_frame():
    left, top, right, bottom = sheet.HEAD
    assert right - left == bottom - top
    assert 0 <= left < right <= 512
    assert 0 <= top < bottom <= 512


def test_built_in_expressions():
    names, poses = sheet.expression_poses()
    assert names[0] == "neutral"
    assert len(set(names)) == len(names) == len(poses) == 24
    assert not poses[0].any()
    assert len({row.tobytes() for row in poses}) == 24  # no two alike
    _, outside = pose_vector.clamp(poses)
    assert outside == 0


def test_wink_closes_the_characters_left_eye():
    names, poses = sheet.expression_poses()
    wink = poses[names.index("wink")]
    assert wink[pose_vector.POSE_INDEX["eye_wink_left"]] == 1
    assert wink[pose_vector.POSE_INDEX["eye_wink_right"]] == 0
