"""What a GDPW in training is measured on: people it has never seen, in other poses of theirs."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from jaxanim.core.types import Array, Params
from jaxanim.data.record_folder import RecordFolder
from jaxanim.data.sampling import SameClipPair
from jaxanim.evaluate import psnr
from jaxanim.geometry.morphable import MorphableModel
from jaxanim.systems.gdpw import generator as generators
from jaxanim.systems.gdpw.generator import MeshFaces
from jaxanim.systems.gdpw.objectives import GENERATOR
from jaxanim.systems.gdpw.presets import Design
from jaxanim.train.state import TrainState
from launch.jobs import gdpw_data, held_pairs
from launch.jobs.gdpw_data import Chosen, DataSettings

COUNT, SHOWN, AT_A_TIME = 64, 6, 8


@dataclasses.dataclass(frozen=True)
class HeldHeads:
    """Pairs of held-out frames of a clip.

    Attributes:
      design, mesh: of the run.
      source, target: pictures in [0, 1].
      source_ndc, target_ndc: meshes.
    """

    design: Design
    mesh: MeshFaces
    source: Float[np.ndarray, "n h w 3"]
    target: Float[np.ndarray, "n h w 3"]
    source_ndc: Float[np.ndarray, "n v 3"]
    target_ndc: Float[np.ndarray, "n v 3"]

    @classmethod
    def of_folder(
        cls,
        folder: RecordFolder,
        settings: DataSettings,
        design: Design,
        mesh: MeshFaces,
        head: MorphableModel | None,
        *,
        split: str = "validation",
        count: int = COUNT,
    ) -> "HeldHeads":
        """Draws pairs of a split; the same for the same dataset."""
        records = gdpw_data.usable(folder, split)
        samples, sampler = Chosen(folder, gdpw_data.fields_of(settings)), SameClipPair(folder.columns["clip"][records])
        pairs = held_pairs.draw(lambda record: samples[int(records[record])], sampler, count)
        found: dict[str, Any] = {}
        for role in gdpw_data.ROLES:
            rows = [pair[role] for pair in pairs]
            found |= {f"{role}_{name}": np.stack([row[name] for row in rows]) for name in rows[0]}
        project = jax.jit(functools.partial(gdpw_data.vertices_of, head=head, size=design.size), static_argnums=1)
        meshes = [np.asarray(project(found, role)) for role in gdpw_data.ROLES]
        images = [found[f"{role}_image"] / np.float32(255) for role in gdpw_data.ROLES]
        return cls(design, mesh, images[0], images[1], meshes[0], meshes[1])

    def numbers(self, state: TrainState) -> dict[str, float]:
        """Returns how near the pictures are to the truth; the score is the gain over copying the source, in dB."""
        made = self.generate(state)
        mask = made["mask"][..., 0] > 0.5
        found = {"held/psnr": float(psnr(made["image"], self.target, peak=1.0).mean())}
        found["held/psnr_warped"] = float(psnr(made["warped"], self.target, peak=1.0).mean())
        found["held/psnr_of_copy"] = float(psnr(self.source, self.target, peak=1.0).mean())
        if mask.any(axis=(1, 2)).all():
            found["held/psnr_face"] = float(psnr(made["image"], self.target, mask, peak=1.0).mean())
            found["held/psnr_face_warped"] = float(psnr(made["warped"], self.target, mask, peak=1.0).mean())
        return {**found, "held/score": found["held/psnr"] - found["held/psnr_of_copy"]}

    def sheet(self, state: TrainState) -> UInt8[np.ndarray, "h w 3"]:
        """Draws source, target, warped source and picture of a few pairs, one pair in a row."""
        made = self.generate(state, SHOWN)
        columns = [self.source[:SHOWN], self.target[:SHOWN], made["warped"], made["image"]]
        sheet = np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)
        return np.round(sheet * 255).clip(0, 255).astype(np.uint8)

    def generate(self, state: TrainState, count: int | None = None) -> dict[str, np.ndarray]:
        """Returns `image`, `warped` and `mask` of the first pairs, or of all."""
        params = state.average.get(GENERATOR, state.params[GENERATOR])
        given = (self.source, self.source_ndc, self.target_ndc)
        parts = []
        for at in range(0, count or len(self.source), AT_A_TIME):
            rows = (array[at : at + AT_A_TIME] for array in given)
            parts.append(_generate(params, state.stats[GENERATOR], self.mesh, *rows, design=self.design))
        return {name: np.concatenate([part[name] for part in parts])[:count] for name in parts[0]}


@functools.partial(jax.jit, static_argnames="design")
def _generate(
    params: Params,
    stats: Params,
    mesh: MeshFaces,
    source: Array,
    source_ndc: Array,
    target_ndc: Array,
    *,
    design: Design,
) -> dict[str, Array]:
    codes = generators.codes_of(design, params, stats)
    maps = generators.paint(design, mesh, codes, source_ndc, target_ndc)
    given = generators.encoder_input(design, jnp.asarray(source), maps.codes_source)
    encoded = generators.encode(design, params, stats, given, spectral=True)
    decoded = generators.decode(design, params, stats, encoded, maps, spectral=True)
    made = generators.compose(design, jnp.asarray(source), decoded, maps.mask)
    return {"image": made.image, "warped": made.warped, "mask": made.mask}
