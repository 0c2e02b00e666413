"""Measures a distilled character on poses it has not seen and writes it as one file with its card.

    python -m launch.finish_character --workdir DIR --name sora -o sora.safetensors

Numbers are means over held-out random poses: PSNR of the 8-bit frame composed on white against the drawing of that
pose, over the whole frame and over the face, beside the PSNR of simply showing the picture at rest.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import flax.serialization
import numpy as np
from jaxtyping import Float, UInt8

import jaxanim
from data_pipelines.procedural_anime import HOUSE_CHARACTER, poses, render
from jaxanim.animate import characters
from jaxanim.animate.renderer import RenderPoses
from jaxanim.core.types import Params
from jaxanim.systems.tha4 import files, pictures
from jaxanim.weights.card import Card

HELD_OUT_SEED = 990_000_000  # the training draws from seeds counted from its own --seed
FACE = np.s_[pictures.FACE_ROWS, pictures.FACE_COLUMNS]


@dataclasses.dataclass(frozen=True)
class Quality:
    """PSNR in dB over the whole frame and the face, of the student and of the motionless picture."""

    frame: float
    face: float
    rest_frame: float
    rest_face: float


def on_white(rgba: UInt8[np.ndarray, "h w 4"]) -> Float[np.ndarray, "h w 3"]:
    """Composes a picture with straight alpha on white; 0 to 255."""
    alpha = rgba[..., 3:].astype(np.float64) / 255.0
    return rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)


def psnr(a: Float[np.ndarray, "*n"], b: Float[np.ndarray, "*n"]) -> float:
    """Returns the peak signal-to-noise ratio of 8-bit values in dB."""
    return float(10.0 * np.log10(255.0**2 / max(float(((a - b) ** 2).mean()), 1e-12)))


def measure(frames: RenderPoses, count: int) -> Quality:
    """Compares renderings of held-out poses with the drawings of these poses."""
    rest = on_white(np.asarray(render(HOUSE_CHARACTER)))
    rows = []
    for number in range(count):
        pose = poses.random_pose(np.random.default_rng([HELD_OUT_SEED, number]))
        truth = on_white(np.asarray(render(HOUSE_CHARACTER, pose)))
        ours = on_white(frames(pose[None])[0])
        rows.append(
            (psnr(ours, truth), psnr(ours[FACE], truth[FACE]), psnr(rest, truth), psnr(rest[FACE], truth[FACE]))
        )
    return Quality(*(float(column) for column in np.mean(rows, axis=0)))


def make_card(name: str, quality: Quality, *, steps: int, origin: str, count: int) -> Card:
    """Says what the character is and how it was made and measured."""
    return Card(
        system=files.STUDENT,
        name=name,
        licence="Apache-2.0 (part of jaxanim)",
        source="drawn by data_pipelines/procedural_anime, distilled by launch/distill_character.py",
        notes={
            "made with": f"jaxanim {jaxanim.__version__}, {steps} steps of 16 windows of 64x64 pixels, "
            f"on a CPU, {origin}",
            "measured": f"{count} held-out random poses, on white: PSNR {quality.frame:.1f} dB over the frame, "
            f"{quality.face:.1f} dB over the face (motionless picture: {quality.rest_frame:.1f}, "
            f"{quality.rest_face:.1f} dB)",
            "limits": "soft edges; trained briefly; poses far outside its ranges fall apart",
        },
    )


def read_average(workdir: Path) -> tuple[Params, int, str]:
    """Returns the running average of the parameters, the steps taken, and what they started from."""
    state = flax.serialization.msgpack_restore((workdir / "state.msgpack").read_bytes())
    note = workdir / "origin.txt"
    return state["average"], int(state["step"]), note.read_text() if note.exists() else "anew"


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="of launch.distill_character")
    parser.add_argument("--name", required=True)
    parser.add_argument("--poses", type=int, default=100, help="held-out poses to measure on")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    params, steps, origin = read_average(args.workdir)
    picture = np.asarray(render(HOUSE_CHARACTER))
    draft = files.Character(Card(files.STUDENT, args.name, "", ""), {"params": params}, picture)
    with tempfile.TemporaryDirectory() as folder:
        unfinished = Path(folder) / "draft.safetensors"
        files.write_character(unfinished, draft)
        _, frames = characters.student_renderer(unfinished)
        quality = measure(frames, args.poses)
    card = make_card(args.name, quality, steps=steps, origin=origin, count=args.poses)
    files.write_character(args.output, dataclasses.replace(draft, card=card))
    print(f"{args.output}: {card.notes['measured']}")


if __name__ == "__main__":
    main()
