"""Draws characters in poses on one picture: a row per character, at rest in full first, then its head in poses.

    python -m data_pipelines.procedural_anime.sheet OUT.png [--seeds 0 1 2]

Columns: at rest; smile, laugh, surprised, angry, troubled, wink, bored, aaa and looking up, uuu and looking down,
head turned to the viewer's left and right, tilted, nodding up and down, leaning.
"""

import argparse
from collections.abc import Mapping, Sequence

from PIL import Image

from data_pipelines.procedural_anime.character import render
from data_pipelines.procedural_anime.design import CharacterDesign, random_design
from jaxanim.cli.argument_types import writable
from jaxanim.signals import pose_vector

CELL = 128
SEEDS = (30, 6, 12, 19, 27, 38, 24, 29)  # of different looks
POSES: tuple[Mapping[str, float], ...] = (
    {},
    {"mouth_raised_corner": 1, "mouth_smirk": 1, "eyebrow_happy": 0.6},
    {"eye_happy_wink": 1, "mouth_aaa": 0.9, "mouth_raised_corner": 1, "eyebrow_happy": 1},
    {"eye_surprised": 1, "eyebrow_raised": 1, "mouth_ooo": 0.8, "iris_small": 0.3},
    {"eyebrow_angry": 1, "eye_unimpressed": 0.3, "mouth_lowered_corner": 1},
    {"eyebrow_troubled": 1, "eye_relaxed": 0.3, "mouth_delta": 0.6},
    {"eye_wink_left": 1, "mouth_raised_corner": 1, "neck_z": -0.6},
    {"eye_unimpressed": 1, "eye_raised_lower_eyelid": 0.6, "mouth_lowered_corner": 0.6, "eyebrow_lowered": 1},
    {"mouth_aaa": 1, "iris_rotation_x": 1},
    {"mouth_uuu": 1, "iris_rotation_x": -1, "eyebrow_serious": 1},
    {"head_y": 1, "iris_rotation_y": 0.8},
    {"head_y": -1, "iris_rotation_y": -0.8, "mouth_iii": 1},
    {"neck_z": 1, "eye_wink": 1},
    {"head_x": 1, "mouth_eee": 1},
    {"head_x": -1, "eye_relaxed": 0.6},
    {"body_z": 1, "body_y": 1, "head_y": 0.6, "breathing": 1, "mouth_aaa": 0.5},
)
_PAPER = ((246, 244, 240), (236, 240, 246))
_HEAD = (0.25, 0.02, 0.75, 0.52)  # left, top, right, bottom of the part of a picture that shows the head


def draw_sheet(designs: Sequence[CharacterDesign], *, cell: int = CELL) -> Image.Image:
    """Returns the sheet of `POSES`, a row per design, in RGB."""
    sheet = Image.new("RGB", (len(POSES) * cell, len(designs) * cell))
    for row, design in enumerate(designs):
        for column, values in enumerate(POSES):
            pose = pose_vector.make_pose(values)
            if column == 0:
                picture = render(design, pose, size=cell)
            else:
                picture = render(design, pose, size=2 * cell)
                left, top, right, bottom = (round(2 * cell * edge) for edge in _HEAD)
                picture = picture.crop((left, top, right, bottom))
            corner = (column * cell, row * cell)
            sheet.paste(_PAPER[row % 2], (*corner, corner[0] + cell, corner[1] + cell))
            sheet.paste(picture, corner, picture)
    return sheet


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws the sheet."""
    parser = argparse.ArgumentParser(description="Draw procedural characters in poses on one picture.")
    parser.add_argument("out", type=writable, help="a .png file, 256 colours")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the characters, a row each")
    options = parser.parse_args(arguments)
    sheet = draw_sheet([random_design(seed) for seed in options.seeds])
    sheet.quantize(256, dither=Image.Dither.NONE).save(options.out, optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
