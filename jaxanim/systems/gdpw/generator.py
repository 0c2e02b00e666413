"""GDPW's generator as functions: paint the mesh, encode the source, decode the target. Pictures are RGB in [0, 1]."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.types import Array, Float, Int, Key, Params, Variables
from jaxanim.geometry import render
from jaxanim.geometry.antialias import opposite_vertices
from jaxanim.geometry.render import GeometryMaps, TargetMaps
from jaxanim.systems.gdpw import networks
from jaxanim.systems.gdpw.networks import Decoded, Encoded
from jaxanim.systems.gdpw.presets import Design

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
ENCODER, DECODER, CODES = "encoder", "decoder", "codes"


@flax.struct.dataclass
class MeshFaces:
    """The triangles of a morphable model.

    Attributes:
      faces: numbers of vertices, counter-clockwise seen from outside.
      opposites: `antialias.opposite_vertices` of the faces.
    """

    faces: Int[Array, "f 3"]
    opposites: Int[Array, "f 3"]


@flax.struct.dataclass
class Made:
    """What the generator makes of a source and a target's pose.

    Attributes:
      image: the picture, blended with the warped source if the design says so.
      warped: the source warped by the flow of the full size.
      alpha: see `networks.Decoded`.
      flows_px: see `networks.Decoded`.
      mask: 1 where the target's mesh is seen.
    """

    image: Float[Array, "b h w 3"]
    warped: Float[Array, "b h w 3"]
    alpha: Float[Array, "b h w 1"]
    flows_px: tuple[Float[Array, "b _ _ 2"], ...]
    mask: Float[Array, "b h w 1"]


def mesh_faces(faces: np.ndarray) -> MeshFaces:
    """Prepares the triangles of a model."""
    return MeshFaces(jnp.asarray(faces, jnp.int32), jnp.asarray(opposite_vertices(np.asarray(faces)), jnp.int32))


def untrained(
    key: Key[Array, ""], design: Design, *, spectral: bool, mean_codes: Float[Array, "v c"] | None = None
) -> Variables:
    """Makes both networks.

    Args:
      key: of what is random.
      design: sizes.
      spectral: whether kernels have spectral norms.
      mean_codes: codes of designs that do not learn theirs.

    Raises:
      ValueError: the design does not learn its codes, and there are none.
    """
    if design.has_codes and design.codes == "nmfc" and mean_codes is None:
        raise ValueError("a design whose codes are places in the mean face needs mean_codes")
    keys, side = jax.random.split(key, 4), 2**design.levels  # no size of picture changes the variables
    given = jnp.zeros((1, side, side, 3 + design.painted))
    encoded, encoder = networks.Encoder(design, spectral).init_with_output(keys[0], given, train=False)
    maps = TargetMaps(*(jnp.zeros((1, side, side, n)) for n in (2, 1, design.painted)))
    decoder = networks.Decoder(design, spectral).init(keys[1], encoded, *guides(design, maps, given.dtype), train=False)
    critic = networks.Discriminator(design.critic_width).init(keys[2], given[..., :3], train=False)
    params = {ENCODER: encoder["params"], DECODER: decoder["params"]}
    stats = {ENCODER: encoder["stats"], DECODER: decoder["stats"]}
    if design.has_codes and design.codes == "learnt":
        params[CODES] = jax.random.uniform(keys[3], (design.vertices, design.code_size))
    elif design.has_codes:
        stats[CODES] = jnp.asarray(mean_codes)
    return {
        "params": {GENERATOR: params, DISCRIMINATOR: critic["params"]},
        "stats": {GENERATOR: stats, DISCRIMINATOR: critic["stats"]},
    }


def mean_face_codes(template: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "v 3"]:
    """Returns the places of a mean face's vertices, each axis scaled to [0, 1]: the paper's NMFC."""
    low, high = template.min(axis=0), template.max(axis=0)
    return np.asarray((template - low) / (high - low), np.float32)


def generate(
    design: Design,
    mesh: MeshFaces,
    params: Params,
    stats: Params,
    source: Float[Array, "b h w 3"],
    source_ndc: Float[Array, "b v 3"],
    target_ndc: Float[Array, "b v 3"],
    *,
    train: bool,
) -> tuple[Made, Params]:
    """Runs everything on a batch of pairs, and returns the statistics as they are afterwards."""
    maps = paint(design, mesh, codes_of(design, params, stats), source_ndc, target_ndc)
    given = encoder_input(design, source, maps.codes_source)
    encoded, encoder_stats = _apply(networks.Encoder(design), params, stats, ENCODER, given, train=train)
    decoded, decoder_stats = _apply(
        networks.Decoder(design), params, stats, DECODER, encoded, *guides(design, maps, source.dtype), train=train
    )
    changed = {**stats, ENCODER: encoder_stats, DECODER: decoder_stats}
    return compose(design, source, decoded, maps.mask), changed


def encode(design: Design, params: Params, stats: Params, given: Float[Array, "b h w c"], *, spectral: bool) -> Encoded:
    """Encodes sources as `encoder_input` gives them, with norms as training left them."""
    return _apply(networks.Encoder(design, spectral), params, stats, ENCODER, given, train=False)[0]


def decode(
    design: Design, params: Params, stats: Params, encoded: Encoded, maps: TargetMaps, *, spectral: bool
) -> Decoded:
    """Decodes targets, with norms as training left them."""
    network = networks.Decoder(design, spectral)
    given = guides(design, maps, encoded.bottom.dtype)
    return _apply(network, params, stats, DECODER, encoded, *given, train=False)[0]


def compose(design: Design, source: Float[Array, "b h w 3"], decoded: Decoded, mask: Float[Array, "b h w 1"]) -> Made:
    """Warps the source, and blends it in if the design says so."""
    warped = networks.warp_source(source, decoded.flows_px[0])
    image = decoded.image
    if design.blend:
        image = image * decoded.alpha + warped * (1.0 - decoded.alpha)
    return Made(image, warped, decoded.alpha, decoded.flows_px, mask)


def paint(
    design: Design,
    mesh: MeshFaces,
    codes: Float[Array, "v d"],
    source_ndc: Float[Array, "b v 3"],
    target_ndc: Float[Array, "b v 3"],
) -> GeometryMaps:
    """Paints displacements and codes, see `render.geometry_maps`."""
    target = paint_target(design, mesh, codes, source_ndc, target_ndc)
    source = paint_source(design, mesh, codes, source_ndc)
    return GeometryMaps(target.flow_ndc, target.mask, target.codes_target, source)


def paint_target(
    design: Design,
    mesh: MeshFaces,
    codes: Float[Array, "v d"],
    source_ndc: Float[Array, "b v 3"],
    target_ndc: Float[Array, "b v 3"],
) -> TargetMaps:
    """Paints what the decoder needs, see `render.target_maps`."""
    opposites, size = _opposites(design, mesh), {"height": design.size, "width": design.size}
    codes = codes.astype(source_ndc.dtype)  # positions stay as exact as they are
    return render.target_maps(source_ndc, target_ndc, mesh.faces, opposites, codes, **size)


def paint_source(
    design: Design, mesh: MeshFaces, codes: Float[Array, "v d"], source_ndc: Float[Array, "b v 3"]
) -> Float[Array, "b h w d"]:
    """Paints what the encoder needs, see `render.source_codes`."""
    opposites, size = _opposites(design, mesh), {"height": design.size, "width": design.size}
    return render.source_codes(source_ndc, mesh.faces, opposites, codes.astype(source_ndc.dtype), **size)


def _opposites(design: Design, mesh: MeshFaces) -> Int[Array, "f 3"] | None:
    return mesh.opposites if design.antialias else None


def codes_of(design: Design, params: Params, stats: Params) -> Float[Array, "v d"]:
    """Returns the codes of vertices; without columns where the design has none."""
    if not design.has_codes:
        return jnp.zeros((design.vertices, 0))
    return jnp.asarray((params if design.codes == "learnt" else stats)[CODES])


def encoder_input(
    design: Design, source: Float[Array, "b h w 3"], codes_source: Float[Array, "b h w d"]
) -> Float[Array, "b h w c"]:
    """Joins a picture and the codes painted on its mesh."""
    return jnp.concatenate([source, codes_source.astype(source.dtype)], axis=-1) if design.has_codes else source


def guides(
    design: Design, maps: TargetMaps, dtype: Any
) -> tuple[Float[Array, "b h w m"], Float[Array, "b h w 2"] | None]:
    """Returns what modulates the decoder, and what its last level is warped by."""
    if design.guidance == "neural_codes":
        return maps.codes_target.astype(dtype), None
    moves = design.flow_gain * maps.flow_ndc
    if design.guidance == "geom_disp":
        return moves.astype(dtype), maps.flow_ndc
    return jnp.concatenate([maps.codes_target, moves], axis=-1).astype(dtype), maps.flow_ndc


def _apply(module: Any, params: Params, stats: Params, name: str, *given: Any, train: bool) -> tuple[Any, Params]:
    variables = {"params": params[name], "stats": stats[name]}
    if not train:
        return module.apply(variables, *given, train=False), stats[name]
    made, changed = module.apply(variables, *given, train=True, mutable=["stats"])
    return made, changed["stats"]
