"""Contact sheets: many poses of a character on one picture, each with its name."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from jaxanim.animate import compose
from jaxanim.animate.renderer import RenderPoses
from jaxanim.signals import pose_vector

LABEL_HEIGHT = 18
HEAD = (128, 32, 384, 288)  # left, top, right, bottom of the part of a 512x512 frame that shows head and shoulders
_INK = (60, 60, 70)

EXPRESSIONS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "smile": {"mouth_raised_corner": 1, "eyebrow_happy": 0.6},
    "laugh": {"eye_happy_wink": 1, "mouth_aaa": 0.9, "mouth_raised_corner": 1},
    "surprised": {"eye_surprised": 1, "eyebrow_raised": 1, "mouth_ooo": 0.8, "iris_small": 0.2},
    "angry": {"eyebrow_angry": 1, "eye_unimpressed": 0.4, "mouth_lowered_corner": 1},
    "troubled": {"eyebrow_troubled": 1, "eye_relaxed": 0.3, "mouth_lowered_corner": 1},
    "serious": {"eyebrow_serious": 1},
    "wink": {"eye_wink_left": 1, "mouth_raised_corner": 1},
    "eyes closed": {"eye_wink": 1},
    "sleepy": {"eye_relaxed": 0.7},
    "bored": {"eye_unimpressed": 1},
    "smirk": {"mouth_smirk": 1, "eyebrow_raised_left": 1},
    "aaa": {"mouth_aaa": 1},
    "iii": {"mouth_iii": 1},
    "uuu": {"mouth_uuu": 1},
    "eee": {"mouth_eee": 1},
    "ooo": {"mouth_ooo": 1},
    "delta": {"mouth_delta": 1},
    "look up": {"iris_rotation_x": 1, "head_x": 1},
    "look down": {"iris_rotation_x": -1, "head_x": -1},
    "turn to viewer's left": {"head_y": 1, "iris_rotation_y": 0.6},
    "turn to viewer's right": {"head_y": -1, "iris_rotation_y": -0.6},
    "tilt": {"neck_z": 1},
    "lean": {"body_z": 1, "body_y": 1, "head_y": 0.5},
}


def expression_poses() -> tuple[tuple[str, ...], Float[np.ndarray, "n 45"]]:
    """Returns the names and poses of the built-in sheet."""
    return tuple(EXPRESSIONS), np.stack([pose_vector.make_pose(values) for values in EXPRESSIONS.values()])


def draw_sheet(
    render: RenderPoses,
    labels: Sequence[str],
    poses: Float[np.ndarray, "n 45"],
    *,
    columns: int,
    size: int,
    background: compose.Rgb,
    whole_body: bool,
) -> UInt8[np.ndarray, "h w 3"]:
    """Renders poses and lays them out row by row.

    Args:
      render: makes frames of poses.
      labels: one per pose.
      poses: one row per picture.
      columns: pictures in a row.
      size: side of one picture in pixels.
      background: colour behind the characters and between the pictures.
      whole_body: show the whole frame instead of head and shoulders.

    Raises:
      ValueError: there are no poses.
    """
    if len(poses) == 0:
        raise ValueError("a sheet needs at least one pose")
    pictures = []
    for pose in poses:
        frame = render(pose[None])[0]
        if not whole_body:
            left, top, right, bottom = HEAD
            frame = frame[top:bottom, left:right]
        pictures.append(compose.place(frame, compose.Canvas(size, size, background)))
    return lay_out(pictures, labels, columns=columns, size=size, background=background)


def lay_out(
    pictures: Sequence[UInt8[np.ndarray, "s s 3"]],
    labels: Sequence[str],
    *,
    columns: int,
    size: int,
    background: compose.Rgb,
) -> UInt8[np.ndarray, "h w 3"]:
    """Lays squares out row by row, each with its label below.

    Args:
      pictures: of the same size.
      labels: one per picture.
      columns: pictures in a row.
      size: side of one picture in pixels.
      background: colour around labels and where a row is not full.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * size, rows * (size + LABEL_HEIGHT)), background)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    for index, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        x, y = index % columns * size, index // columns * (size + LABEL_HEIGHT)
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x + size / 2, y + size + LABEL_HEIGHT / 2), label, fill=_INK, font=font, anchor="mm")
    return np.asarray(sheet)
