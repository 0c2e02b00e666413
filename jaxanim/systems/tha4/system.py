"""The full system: any character from one picture, by five networks (the released code's `mode_07`).

Eyebrows are lifted off a 128x128 crop once per character; every frame moves them, morphs the 192x192 face, pastes it,
and turns the body at half, then at full resolution.
"""

import dataclasses
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxanim.core.system import Frame, Phase
from jaxanim.core.types import Array, Float, Key, Params, Variables
from jaxanim.nn import unet
from jaxanim.nn.apply import apply
from jaxanim.ops import flow as flows
from jaxanim.ops import pyramid
from jaxanim.signals import pose_vector
from jaxanim.systems.tha4 import networks

NETWORKS = ("eyebrow_decomposer", "eyebrow_morphing_combiner", "face_morpher", "body_morpher", "upscaler")
EYEBROW_CORNER = (64, 192)  # row and column of the 128x128 crop that holds the eyebrows
FACE_CORNER = (32, 160)  # of the 192x192 crop that holds the face


@flax.struct.dataclass
class FullCode:
    """Everything about a character that does not depend on the pose.

    Attributes:
      image: the character at rest, as the networks see it (`pictures`).
      eyebrows: its face crop taken apart.
      body_morpher, upscaler: parameters of the two U-Nets, their constant time branch folded away.
    """

    image: Float[Array, "512 512 4"]
    eyebrows: networks.EyebrowLayers
    body_morpher: Params
    upscaler: Params


@flax.struct.dataclass
class FullFrame(Frame):
    """A frame and every intermediate of the five networks.

    Attributes:
      eyebrows: the face crop taken apart (the same for all frames).
      eyebrow: the eyebrows moved and put back.
      face: the face crop morphed.
      face_morphed: the whole picture with the new face.
      body: head and body turned at 256x256.
      upscaled: the same at 512x512; its picture is the frame.
    """

    eyebrows: networks.EyebrowLayers
    eyebrow: networks.EyebrowMorph
    face: networks.FaceMorph
    face_morphed: Float[Array, "*b 512 512 4"]
    body: networks.BodyMorph
    upscaled: networks.BodyMorph


@dataclasses.dataclass(frozen=True)
class FullSystem:
    """The five networks as a system. `variables['params']` has one group per name in `NETWORKS`."""

    def init(self, key: Key[Array, ""]) -> Variables:
        """Makes untrained networks."""
        keys = dict(zip(NETWORKS, jax.random.split(key, len(NETWORKS)), strict=True))
        crop, face = jnp.zeros((1, 128, 128, 4)), jnp.zeros((1, 192, 192, 4))
        half, whole = jnp.zeros((1, 256, 256, 4)), jnp.zeros((1, 512, 512, 4))
        inputs: dict[str, tuple[Any, ...]] = {
            "eyebrow_decomposer": (networks.EyebrowDecomposer(), crop),
            "eyebrow_morphing_combiner": (networks.EyebrowMorphingCombiner(), crop, crop, jnp.zeros((1, 12))),
            "face_morpher": (networks.FaceMorpher(), face, jnp.zeros((1, 27))),
            "body_morpher": (networks.BodyMorpher(), half, jnp.zeros((1, 6))),
            "upscaler": (networks.Upscaler(), whole, whole, whole[..., :2], jnp.zeros((1, 6))),
        }
        params = {name: network.init(keys[name], *args)["params"] for name, (network, *args) in inputs.items()}
        return {"params": params}

    def encode_source(self, variables: Variables, source: Float[Array, "512 512 4"]) -> FullCode:
        """Takes the eyebrows off a character's picture (as the networks see it, see `pictures.encode`)."""
        source = jnp.asarray(source)
        return FullCode(image=source, eyebrows=self.decompose(variables, source), **self.fold(variables))

    def decompose(self, variables: Variables, source: Float[Array, "512 512 4"]) -> networks.EyebrowLayers:
        """Splits the crop with the eyebrows into eyebrows and background."""
        params = variables["params"]["eyebrow_decomposer"]
        with jax.default_matmul_precision("highest"):
            return apply(networks.EyebrowDecomposer(), params, _crop(source[None], EYEBROW_CORNER, 128))

    def fold(self, variables: Variables) -> dict[str, Params]:
        """Returns the parameters of the two U-Nets without their constant time branch."""
        widths = {"body_morpher": networks.BODY_MORPHER_WIDTHS, "upscaler": networks.UPSCALER_WIDTHS}
        params = variables["params"]
        with jax.default_matmul_precision("highest"):
            return {
                name: {**params[name], "body": unet.fold_time(params[name]["body"], levels[0])}
                for name, levels in widths.items()
            }

    def render(self, variables: Variables, code: FullCode, drive: Float[Array, "b 45"]) -> FullFrame:
        """Renders one frame per pose (`pose_vector`); pictures as the networks make them, not clipped or decoded."""
        batch = drive.shape[0]
        image, eyebrows = jax.tree.map(
            lambda x: jnp.broadcast_to(x, (batch, *x.shape[-3:])), (code.image, code.eyebrows)
        )
        with jax.default_matmul_precision("highest"):
            eyebrow, face, face_morphed = _morph_face(variables["params"], image, eyebrows, drive)
            body_pose = drive[:, pose_vector.BODY]
            body = apply(
                networks.BodyMorpher(time_branch=False),
                code.body_morpher,
                pyramid.downsample_area(face_morphed),
                body_pose,
            )
            upscaled = apply(
                networks.Upscaler(time_branch=False),
                code.upscaler,
                face_morphed,
                pyramid.upsample_bilinear(body.image),
                pyramid.upsample_bilinear(body.flow_ndc),
                body_pose,
            )
        return FullFrame(
            image=upscaled.image,
            flow_px=flows.ndc_to_px(upscaled.flow_ndc),
            eyebrows=eyebrows,
            eyebrow=eyebrow,
            face=face,
            face_morphed=face_morphed,
            body=body,
            upscaled=upscaled,
        )

    def phases(self) -> tuple[Phase, ...]:
        """Returns nothing: how the full system was trained has not been published."""
        return ()


def _morph_face(
    params: Params, image: Float[Array, "b 512 512 4"], eyebrows: networks.EyebrowLayers, drive: Float[Array, "b 45"]
) -> tuple[networks.EyebrowMorph, networks.FaceMorph, Float[Array, "b 512 512 4"]]:
    """Moves eyebrows, then the rest of the face, and pastes it (the released code's `mode_12`)."""
    eyebrow = apply(
        networks.EyebrowMorphingCombiner(),
        params["eyebrow_morphing_combiner"],
        eyebrows.background_layer,
        eyebrows.eyebrow_layer,
        drive[:, pose_vector.EYEBROW],
    )
    top, left = (brow - face for brow, face in zip(EYEBROW_CORNER, FACE_CORNER, strict=True))
    crop = _paste(_crop(image, FACE_CORNER, 192), eyebrow.image, (top, left))
    face = apply(networks.FaceMorpher(), params["face_morpher"], crop, drive[:, pose_vector.FACE])
    return eyebrow, face, _paste(image, face.image, FACE_CORNER)


def _crop(image: Float[Array, "b h w 4"], corner: tuple[int, int], size: int) -> Float[Array, "b i j 4"]:
    row, column = corner
    return image[:, row : row + size, column : column + size]


def _paste(
    image: Float[Array, "b h w 4"], patch: Float[Array, "b i j 4"], corner: tuple[int, int]
) -> Float[Array, "b h w 4"]:
    return lax.dynamic_update_slice(image, patch, (0, *corner, 0))
