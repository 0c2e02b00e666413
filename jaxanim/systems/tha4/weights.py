"""Name tables from the released THA4 checkpoints (PyTorch state dicts) to our parameters, one table per network."""

from collections.abc import Iterator, Mapping

from jaxanim.systems.tha4 import networks
from jaxanim.weights import layouts
from jaxanim.weights.name_table import Row, Table


def _conv(source: str, path: str, *, bias: bool = True) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"{path}/kernel", layouts.conv)
    if bias:
        yield Row(f"{source}.bias", f"{path}/bias")


def _norm(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"{path}/scale")
    yield Row(f"{source}.bias", f"{path}/bias")


def _dense(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"{path}/kernel", layouts.dense)
    yield Row(f"{source}.bias", f"{path}/bias")


def _sine(source: str, path: str) -> Iterator[Row]:
    yield Row(f"{source}.weight", f"{path}/kernel", layouts.conv1x1_as_dense)
    yield Row(f"{source}.bias", f"{path}/bias")


def _encoder_decoder(prefix: str) -> Iterator[Row]:
    """`prefix` is '' for the face morpher, whose released keys lack the 'body.' of the other two."""
    for level in range(4):
        yield from _conv(f"{prefix}downsample_blocks.{level}.0", f"body/down{level}_conv", bias=False)
        yield from _norm(f"{prefix}downsample_blocks.{level}.1", f"body/down{level}_norm")
    yield from _conv(f"{prefix}bottleneck_blocks.0.0", "body/bottleneck0_conv", bias=False)
    yield from _norm(f"{prefix}bottleneck_blocks.0.1", "body/bottleneck0_norm")
    for block in range(1, 6):
        source, path = f"{prefix}bottleneck_blocks.{block}.resnet_path", f"body/bottleneck{block}"
        yield from _conv(f"{source}.0", f"{path}/conv0", bias=False)
        yield from _norm(f"{source}.1", f"{path}/norm0")
        yield from _conv(f"{source}.3", f"{path}/conv1", bias=False)
        yield from _norm(f"{source}.4", f"{path}/norm1")
    for level in range(3):
        source = f"{prefix}upsample_blocks.{level}"
        yield Row(f"{source}.0.weight", f"body/up{level}_conv/kernel", layouts.conv_transpose)
        yield from _norm(f"{source}.1", f"body/up{level}_norm")


def _heads(names: Mapping[str, str]) -> Iterator[Row]:
    for source, path in names.items():
        yield from _conv(f"{source}.0", path)


def _block(source: str, path: str, *, shortcut: bool) -> Iterator[Row]:
    for index in (0, 1):
        yield from _norm(f"{source}.norm{index}", f"{path}/norm{index}")
        yield from _conv(f"{source}.conv{index}", f"{path}/conv{index}")
    yield from _dense(f"{source}.cond0_layers.1", f"{path}/time")
    yield from _dense(f"{source}.cond1_layers.1", f"{path}/pose")
    if shortcut:
        yield from _conv(f"{source}.skip", f"{path}/shortcut")


def _attention(source: str, path: str) -> Iterator[Row]:
    yield from _norm(f"{source}.norm", f"{path}/norm")
    yield from _conv(f"{source}.qkv", f"{path}/qkv")
    yield from _conv(f"{source}.conv", f"{path}/out")


def _unet(widths: tuple[int, ...]) -> Iterator[Row]:
    last = len(widths) - 1
    yield from _dense("body.time_embed.1", "body/time_embed/dense0")
    yield from _dense("body.time_embed.3", "body/time_embed/dense1")
    yield from _dense("body.cond_embed.0", "body/pose_embed/dense0")
    yield from _dense("body.cond_embed.2", "body/pose_embed/dense1")
    yield from _conv("body.first_conv", "body/first_conv")
    for level in range(len(widths)):
        source, widened = f"body.down_blocks.{level}", level > 0 and widths[level] != widths[level - 1]
        yield from _block(f"{source}.res_blocks.0", f"body/down{level}_block", shortcut=widened)
        if level == last:
            yield from _attention(f"{source}.attention_blocks.0", f"body/down{level}_attention")
        else:
            yield from _block(f"{source}.downsample", f"body/down{level}_halve", shortcut=False)
    for index in range(7):
        source = f"body.middle_blocks.{index}"
        if index % 2:
            yield from _attention(f"{source}.module", f"body/middle{index}_attention")
        else:
            yield from _block(source, f"body/middle{index}_block", shortcut=False)
    for level in reversed(range(len(widths))):
        source = f"body.up_blocks.{last - level}"  # the released code counts from the coarsest level
        for index in (0, 1):
            yield from _block(f"{source}.resnet_blocks.{index}", f"body/up{level}_block{index}", shortcut=True)
            if level == last:
                yield from _attention(f"{source}.attention_blocks.{index}", f"body/up{level}_attention{index}")
        if level:
            yield from _block(f"{source}.upsample", f"body/up{level}_double", shortcut=False)
    yield from _norm("body.last.0", "body/last_norm")
    yield from _conv("body.last.2", "body/last_conv")


def eyebrow_decomposer() -> Table:
    """Returns the table of `eyebrow_decomposer.pt`."""
    heads = {
        "background_layer_alpha": "background_layer_alpha",
        "background_layer_color_change": "background_layer_color",
        "eyebrow_layer_alpha": "eyebrow_layer_alpha",
        "eyebrow_layer_color_change": "eyebrow_layer_color",
    }
    return (*_encoder_decoder("body."), *_heads(heads))


def eyebrow_morphing_combiner() -> Table:
    """Returns the table of `eyebrow_morphing_combiner.pt`."""
    heads = {
        "morphed_eyebrow_layer_alpha": "layer_alpha",
        "morphed_eyebrow_layer_color_change": "layer_color",
        "combine_alpha": "combine_alpha",
    }
    flow = _conv("morphed_eyebrow_layer_grid_change", "flow", bias=False)
    return (*_encoder_decoder("body."), *flow, *_heads(heads))


def face_morpher() -> Table:
    """Returns the table of `face_morpher.pt` of the full system."""
    heads = {name: name.replace("_change", "") for name in ("iris_mouth_color_change", "eye_color_change")}
    heads |= {"iris_mouth_alpha": "iris_mouth_alpha", "eye_alpha": "eye_alpha"}
    flow = _conv("iris_mouth_grid_change", "iris_mouth_flow", bias=False)
    return (*_encoder_decoder(""), *flow, *_heads(heads))


def body_morpher() -> Table:
    """Returns the table of `body_morpher.pt` of the full system."""
    return tuple(_unet(networks.BODY_MORPHER_WIDTHS))


def upscaler() -> Table:
    """Returns the table of `upscaler.pt`."""
    return (*_unet(networks.UPSCALER_WIDTHS), *_conv("coarse_image_conv", "coarse_conv"))


def student_face() -> Table:
    """Returns the table of a character's `face_morpher.pt`."""
    sines = (
        row
        for index in range(len(networks.STUDENT_FACE_WIDTHS))
        for row in _sine(f"siren.sine_layers.{index}.linear", f"siren/sine{index}/dense")
    )
    return (*sines, *_sine("siren.last_linear", "siren/last"))


def student_body() -> Table:
    """Returns the table of a character's `body_morpher.pt`."""
    sines = (
        row
        for level, widths in enumerate(networks.STUDENT_BODY_WIDTHS)
        for index in range(len(widths))
        for row in _sine(f"siren_layers.{level}.{index}.linear", f"siren/level{level}_sine{index}/dense")
    )
    return (*sines, *_sine("last_linear", "siren/last"))
