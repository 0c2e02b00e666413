"""The seven networks of Talking Head Anime 4: five of the full system and the two students distilled from it.

Images are RGBA, linear light, premultiplied by alpha, scaled to [-1, 1] (a transparent pixel is -1 in all four
channels). Flows are backward displacements in normalised units, channel 0 to the right and 1 down, sampled with
border padding and corners not aligned. An alpha of 1 takes the generated colour, 0 the warped picture, except where
said. Paper: THA4 sections 3-5, appendix A; widths and wiring from the released code.
"""

import flax.struct
import jax.numpy as jnp
from flax import linen as nn

from jaxanim.core.types import Array, Float, Flow, Image, Mask
from jaxanim.nn import conv, encoder_decoder, siren, unet
from jaxanim.ops import flow as flows
from jaxanim.ops import fused_warp

STUDENT_FACE_WIDTHS = (128,) * 8
BODY_MORPHER_WIDTHS = (64, 128, 256, 256, 256)
UPSCALER_WIDTHS = (32, 64, 128, 256, 256, 256)
STUDENT_BODY_WIDTHS = ((360, 360, 180), (180, 180, 90), (90, 90, 90))


@flax.struct.dataclass
class EyebrowLayers:
    """What the eyebrow decomposer splits a face crop into: the eyebrows, and the face without them."""

    eyebrow_layer: Image
    eyebrow_layer_alpha: Mask
    eyebrow_layer_color: Image
    background_layer: Image
    background_layer_alpha: Mask
    background_layer_color: Image


@flax.struct.dataclass
class EyebrowMorph:
    """The eyebrows moved and put back.

    `image_with_combine_alpha` is a second composite that the released system computes and never uses.
    """

    image: Image
    image_with_combine_alpha: Image
    combine_alpha: Mask
    layer: Image
    layer_alpha: Mask
    layer_color: Image
    warped_layer: Image
    flow_ndc: Flow


@flax.struct.dataclass
class FaceMorph:
    """The face with irises and mouth moved (`moved`), then `repainted`, then with its eyes painted (`image`)."""

    image: Image
    eye_alpha: Mask
    eye_color: Image
    repainted: Image
    iris_mouth_alpha: Mask
    iris_mouth_color: Image
    moved: Image
    flow_ndc: Flow


@flax.struct.dataclass
class BodyMorph:
    """A warped picture blended with a generated one, by a body network or the student."""

    image: Image
    alpha: Mask
    warped: Image
    flow_ndc: Flow
    color: Image


def blend(alpha: Mask, color: Image, image: Image) -> Image:
    """Mixes two pictures: alpha 1 is `color`, alpha 0 is `image`."""
    return color * alpha + image * (1.0 - alpha)


def warp(image: Image, flow_ndc: Flow) -> Image:
    """Moves a picture as every THA4 network does."""
    return flows.warp(image, flows.ndc_to_px(flow_ndc), padding="border")


def warp_blend(image: Image, flow_ndc: Flow, color: Image, alpha: Mask) -> tuple[Image, Image]:
    """Moves a picture and paints over it; returns the result and the moved picture alone."""
    return fused_warp.warp_blend(image, flows.ndc_to_px(flow_ndc), color, alpha, padding="border")


class EyebrowDecomposer(nn.Module):
    """Splits a 128x128 crop of the face into eyebrows and background. Does not depend on the pose."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 4"]) -> EyebrowLayers:
        features = encoder_decoder.EncoderDecoder(name="body")(image, None)
        background_alpha = nn.sigmoid(conv.conv3x3(1, "background_layer_alpha")(features))
        background_color = jnp.tanh(conv.conv3x3(4, "background_layer_color")(features))
        eyebrow_alpha = nn.sigmoid(conv.conv3x3(1, "eyebrow_layer_alpha")(features))
        eyebrow_color = jnp.tanh(conv.conv3x3(4, "eyebrow_layer_color")(features))
        return EyebrowLayers(
            # Here alpha 1 keeps the picture: the released code swaps the roles for this layer only.
            eyebrow_layer=blend(eyebrow_alpha, image, eyebrow_color),
            eyebrow_layer_alpha=eyebrow_alpha,
            eyebrow_layer_color=eyebrow_color,
            background_layer=blend(background_alpha, background_color, image),
            background_layer_alpha=background_alpha,
            background_layer_color=background_color,
        )


class EyebrowMorphingCombiner(nn.Module):
    """Moves the eyebrows to a pose (12 numbers) and puts them back on the background."""

    @nn.compact
    def __call__(
        self, background: Float[Array, "b h w 4"], eyebrow: Float[Array, "b h w 4"], pose: Float[Array, "b 12"]
    ) -> EyebrowMorph:
        both = jnp.concatenate([background, eyebrow], axis=-1)
        features = encoder_decoder.EncoderDecoder(name="body")(both, pose)
        flow = conv.conv3x3(2, "flow", use_bias=False, kernel_init=conv.ZEROS)(features)
        alpha = nn.sigmoid(conv.conv3x3(1, "layer_alpha")(features))
        color = jnp.tanh(conv.conv3x3(4, "layer_color")(features))
        combine_alpha = nn.sigmoid(conv.conv3x3(1, "combine_alpha")(features))
        layer, warped = warp_blend(eyebrow, flow, color, alpha)
        return EyebrowMorph(
            image=_blend_rgb((layer[..., 3:] + 1.0) / 2.0, layer, background),
            image_with_combine_alpha=_blend_rgb(combine_alpha, layer, background),
            combine_alpha=combine_alpha,
            layer=layer,
            layer_alpha=alpha,
            layer_color=color,
            warped_layer=warped,
            flow_ndc=flow,
        )


def _blend_rgb(alpha: Mask, front: Image, back: Image) -> Image:
    """Mixes the colours only; the alpha channel stays that of `back`."""
    return jnp.concatenate([blend(alpha, front[..., :3], back[..., :3]), back[..., 3:]], axis=-1)


class FaceMorpher(nn.Module):
    """Moves irises and mouth of a 192x192 crop of the face, and repaints mouth and eyes, by 27 pose numbers."""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 4"], pose: Float[Array, "b 27"]) -> FaceMorph:
        features = encoder_decoder.EncoderDecoder(name="body")(image, pose)
        flow = conv.conv3x3(2, "iris_mouth_flow", use_bias=False, kernel_init=conv.ZEROS)(features)
        iris_mouth_color = jnp.tanh(conv.conv3x3(4, "iris_mouth_color")(features))
        iris_mouth_alpha = nn.sigmoid(conv.conv3x3(1, "iris_mouth_alpha")(features))
        eye_color = jnp.tanh(conv.conv3x3(4, "eye_color")(features))
        eye_alpha = nn.sigmoid(conv.conv3x3(1, "eye_alpha")(features))
        moved = warp(image, flow)
        repainted = blend(iris_mouth_alpha, iris_mouth_color, moved)
        return FaceMorph(
            image=blend(eye_alpha, eye_color, repainted),
            eye_alpha=eye_alpha,
            eye_color=eye_color,
            repainted=repainted,
            iris_mouth_alpha=iris_mouth_alpha,
            iris_mouth_color=iris_mouth_color,
            moved=moved,
            flow_ndc=flow,
        )


class BodyMorpher(nn.Module):
    """Turns head and body at 256x256 by 6 pose numbers (the paper's half-resolution rotator).

    Attributes:
      time_branch: see `unet.PoseUNet`.
    """

    time_branch: bool = True

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 4"], pose: Float[Array, "b 6"]) -> BodyMorph:
        raw = unet.PoseUNet(BODY_MORPHER_WIDTHS, 7, self.time_branch, name="body")(image, pose, None)
        return _compose_teacher(raw, image)


class Upscaler(nn.Module):
    """Repeats the body morpher's work at 512x512, given its result (the paper's editor).

    Attributes:
      time_branch: see `unet.PoseUNet`.
    """

    time_branch: bool = True

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w 4"],
        coarse_image: Float[Array, "b h w 4"],
        coarse_flow_ndc: Float[Array, "b h w 2"],
        pose: Float[Array, "b 6"],
    ) -> BodyMorph:
        coarse = jnp.concatenate([coarse_image, warp(image, coarse_flow_ndc), coarse_flow_ndc], axis=-1)
        extra = conv.conv3x3(32, "coarse_conv", kernel_init=conv.ZEROS)(coarse)
        raw = unet.PoseUNet(UPSCALER_WIDTHS, 7, self.time_branch, name="body")(image, pose, extra)
        return _compose_teacher(raw, image)


def _compose_teacher(raw: Float[Array, "b h w 7"], image: Image) -> BodyMorph:
    """Splits [colour 4 | flow 2 | alpha 1]; only alpha has an activation."""
    color, flow, alpha = raw[..., 0:4], raw[..., 4:6], nn.sigmoid(raw[..., 6:7])
    blended, warped = warp_blend(image, flow, color, alpha)
    return BodyMorph(image=blended, alpha=alpha, warped=warped, flow_ndc=flow, color=color)


class StudentFace(nn.Module):
    """Paints the 128x128 face crop of one character from 39 pose numbers; takes no picture.

    Attributes:
      sine: `jnp.sin` or an equal function.
    """

    sine: siren.Sine = jnp.sin

    @nn.compact
    def __call__(self, positions: Float[Array, "h w 2"], pose: Float[Array, "b 39"]) -> Float[Array, "b h w 4"]:
        return siren.Siren(STUDENT_FACE_WIDTHS, 4, self.sine, name="siren")(positions, pose)


class StudentBody(nn.Module):
    """Moves the 512x512 picture of one character, its new face already pasted in, by all 45 pose numbers.

    `positions` are normalised pixel centres of the three levels (128, 256, 512), whole or a window of each; the
    result is that of the finest level's window, sampled from the whole `image`.

    Attributes:
      sine: `jnp.sin` or an equal function.
    """

    sine: siren.Sine = jnp.sin

    @nn.compact
    def __call__(
        self,
        image: Float[Array, "b h w 4"],
        pose: Float[Array, "b 45"],
        positions: tuple[Float[Array, "_ _ 2"], Float[Array, "_ _ 2"], Float[Array, "_ _ 2"]],
    ) -> BodyMorph:
        raw = siren.SirenPyramid(STUDENT_BODY_WIDTHS, 7, self.sine, name="siren")(positions, pose)
        return compose_student(raw, image, positions[-1])


def compose_student(
    raw: Float[Array, "b i j 7"], image: Float[Array, "b h w 4"], positions: Float[Array, "i j 2"]
) -> BodyMorph:
    """Splits [flow 2 | alpha 1 | colour 4] (another order than the full system's), none with an activation."""
    flow, alpha, color = raw[..., 0:2], raw[..., 2:3], raw[..., 3:7]
    grid = positions[None] + flow
    blended, warped = fused_warp.sample_blend(
        image, grid, color, alpha, padding="border", align_corners=False, units="normalised"
    )
    return BodyMorph(image=blended, alpha=alpha, warped=warped, flow_ndc=flow, color=color)


StudentPositions = tuple[Float[Array, "_ _ 2"], Float[Array, "_ _ 2"], Float[Array, "_ _ 2"]]


def student_positions() -> StudentPositions:
    """Returns the pixel centres of a whole 512x512 picture at the body student's three levels."""
    coarse, middle, fine = (flows.identity_grid(size, size, align_corners=False) for size in (128, 256, 512))
    return coarse, middle, fine
