"""What an ATW in training is measured on: people it has never seen, asked to make other faces."""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.data.record_folder import RecordFolder
from jaxanim.data.sampling import RandomDriving, SameClipPair
from jaxanim.evaluate import eyes_and_mouth, psnr
from jaxanim.nn.apply import apply
from jaxanim.systems.atw import Design, Objective, objectives
from jaxanim.train.state import TrainState
from launch.jobs import atw_data, held_pairs
from launch.jobs.atw_data import DataSettings, Driven

COUNT, SHOWN, AT_A_TIME = 64, 6, 16


@dataclasses.dataclass(frozen=True)
class HeldPairs:
    """Pairs of held-out pictures. With pairs of one person the target's picture is the truth.

    Attributes:
      design, objective: of the run.
      source, target: pictures in [-1, 1].
      drive: of the target, in its own unit.
      mask: eyes and mouth of both pictures, where target and source are the same person.
    """

    design: Design
    objective: Objective
    source: Float[np.ndarray, "n h w 3"]
    target: Float[np.ndarray, "n h w 3"]
    drive: Float[np.ndarray, "n d"]
    mask: Bool[np.ndarray, "n h w"] | None

    @classmethod
    def of_folder(
        cls,
        folder: RecordFolder,
        data: DataSettings,
        design: Design,
        objective: Objective,
        *,
        split: str = "validation",
        count: int = COUNT,
    ) -> "HeldPairs":
        """Draws pairs of a split; the same for the same dataset."""
        records = atw_data.usable(folder, data, design, split)
        extra = ("landmarks_68",) if data.paired else ()
        source = Driven(folder, atw_data.drives(folder, data, design), extra)
        sampler = SameClipPair(folder.columns["group"][records]) if data.paired else RandomDriving(len(records))
        pairs = held_pairs.draw(lambda record: source[int(records[record])], sampler, count)
        first, second = ([pair[role] for pair in pairs] for role in ("source", "driving"))
        mask = None
        if data.paired:
            points = (np.stack([each["landmarks_68"] for each in found]) for found in (first, second))
            mask = np.logical_or(*(eyes_and_mouth(each, design.size) for each in points))
        images = [np.stack([each["image"] for each in found]) / np.float32(127.5) - 1 for found in (first, second)]
        return cls(design, objective, images[0], images[1], np.stack([each["drive"] for each in second]), mask)

    def numbers(self, state: TrainState) -> dict[str, float]:
        """Returns how near the pictures are to the truth, and what the discriminator makes of their drive.

        Without a truth, or without a discriminator that learns drives, the numbers that need it are left out.
        `held/psnr` is that of eyes and mouth, `held/psnr_of_copy` that of the source as it is. The score is the gain
        over the copy, or where there is no truth the negative driving error.
        """
        made = self.generate(state.average[objectives.GENERATOR])
        found = {}
        if "drv" in self.objective.terms:
            found["held/drive_error"] = self._drive_error(state.params, made["image"])
            found["held/drive_error_of_copy"] = self._drive_error(state.params, self.source)
        if self.mask is None:
            return found | ({"held/score": -found["held/drive_error"]} if found else {})
        found["held/psnr"] = float(psnr(made["image"], self.target, self.mask).mean())
        found["held/psnr_warped"] = float(psnr(made["warped"], self.target, self.mask).mean())
        found["held/psnr_of_copy"] = float(psnr(self.source, self.target, self.mask).mean())
        return {**found, "held/score": found["held/psnr"] - found["held/psnr_of_copy"]}

    def sheet(self, state: TrainState) -> UInt8[np.ndarray, "h w 3"]:
        """Draws source, target, warped source, picture and motion of a few pairs, one pair in a row."""
        made = self.generate(state.average[objectives.GENERATOR], SHOWN)
        motion = np.clip(made["motion"] * 2, -1, 1)
        shown = np.concatenate([motion, np.zeros_like(motion[..., :1])], axis=-1)
        columns = [self.source[:SHOWN], self.target[:SHOWN], made["warped"], made["image"], shown]
        sheet = np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)
        return np.round((sheet + 1) * 127.5).clip(0, 255).astype(np.uint8)

    def generate(self, generator: Params, count: int | None = None) -> dict[str, np.ndarray]:
        """Returns `image`, `warped` and `motion` of the first pairs, or of all."""
        starts = range(0, count or len(self.source), AT_A_TIME)
        parts = [
            _generate(generator, self.source[at : at + AT_A_TIME], self.drive[at : at + AT_A_TIME], design=self.design)
            for at in starts
        ]
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}

    def _drive_error(self, params: Params, pictures: Float[np.ndarray, "n h w 3"]) -> float:
        """Returns what D_r, as it is, finds wrong with the drive of pictures."""
        critic, chunks = params[objectives.DISCRIMINATOR], range(0, len(pictures), AT_A_TIME)
        taken = [slice(at, at + AT_A_TIME) for at in chunks]
        parts = [_judge(critic, pictures[part], self.drive[part], design=self.design) for part in taken]
        return float(np.concatenate(parts).mean())


@functools.partial(jax.jit, static_argnames="design")
def _generate(params: Params, source: Array, drive: Array, *, design: Design) -> dict[str, Any]:
    made = objectives.generate(design, params, source, drive)
    return {"image": made.image, "warped": made.warped, "motion": made.motion}


@functools.partial(jax.jit, static_argnames="design")
def _judge(params: Params, pictures: Array, drive: Array, *, design: Design) -> Float[Array, " b"]:
    judged = apply(objectives.discriminator(design, adversarial=True), params, pictures)
    return objectives.drive_error(design, judged.drive, drive)
