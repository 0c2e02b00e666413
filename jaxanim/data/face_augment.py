"""Augmentation of faces on the device: drawn people are made to look like photographs, paintings and bad videos.

Pictures are RGB in [0, 1]; points are in shares of the picture's side from its upper left corner, the first 68 are
300-W's, the next 98 WFLW's. Everything is a pure function of a key; `augment` takes a batch, all else one picture.
"""

import dataclasses
import math

import flax.struct
import jax
import jax.numpy as jnp

from jaxanim.core.types import Array, Bool, Float, Key
from jaxanim.data import face_looks
from jaxanim.data.face_looks import sometimes
from jaxanim.ops.grid_sample import grid_sample

_BENDS = 4  # control points of a bend along each axis
_TILES = 4  # along each axis, of a shuffled picture
_OF_MOUTHS, _OF_EYES = 68, 68 + 98  # points that have to be known
_INNER_LIPS = slice(60, 68)
_EYES = (slice(36, 42), slice(42, 48))
_PUPILS = (68 + 96, 68 + 97)
_LOW = 0.1  # up to how many widths of an eye lower than drawn pupils painted ones are
_LEAST_TILT = -0.3  # of `Settings.eye_tilt`
_EYE_REACH = 0.75  # widths of an eye within which it is tilted


@dataclasses.dataclass(frozen=True)
class Settings:
    """How far pictures are changed; chances are in [0, 1].

    Attributes:
      size: side of the results.
      view: share of the given picture's side that the result shows, before zoom.
      turn_degrees: spread of the turn in the picture's plane.
      zoom: spread of the logarithm of the scale.
      shift: spread of the shift, in shares of the result.
      stretch: spread of the logarithm of height over width.
      bend: spread of a smooth bend, in shares of the result.
      no_face: chance of a picture that shows no face.
      mouth, eyes: chances of a mouth that is painted anew between the lips, and of eyes between the lids.
      eye_tilt: by up to how many degrees the outer corners of the eyes are lifted, about the eyes' middles; or lowered
        by up to a third of that. Drawn ones lie low.
      looks: share of the pictures whose light, colours and so on are changed (`paint`).
    """

    size: int = 128
    view: float = 0.73
    turn_degrees: float = 14.0
    zoom: float = 0.14
    shift: float = 0.05
    stretch: float = 0.05
    bend: float = 0.012
    no_face: float = 0.1
    mouth: float = 0.5
    eyes: float = 0.5
    eye_tilt: float = 0.0
    looks: float = 1.0


@flax.struct.dataclass
class Changed:
    """Pictures after augmentation.

    Attributes:
      image: in [0, 1].
      points: where the points are now; without meaning where there is no face.
      turn: radians by which the picture was turned, clockwise as it is seen.
      face: 1 where there is a face.
    """

    image: Float[Array, "b h w 3"]
    points: Float[Array, "b k 2"]
    turn: Float[Array, " b"]
    face: Float[Array, " b"]


def augment(
    key: Key[Array, ""], images: Float[Array, "b h w 3"], points: Float[Array, "b k 2"], settings: Settings
) -> Changed:
    """Changes every picture of a batch, each by random numbers of its own.

    Raises:
      ValueError: mouths or eyes are to be changed, and there are fewer points than tell where they are.
    """
    needed = _OF_EYES if settings.eyes else _OF_MOUTHS if settings.mouth or settings.eye_tilt else 0
    if points.shape[1] < needed:
        raise ValueError(
            f"mouths are known from 300-W's {_OF_MOUTHS} points, pupils from WFLW's behind them ({_OF_EYES} in all), "
            f"got {points.shape[1]}"
        )

    def one(key: Key[Array, ""], image: Array, at: Array) -> Changed:
        place, look, kind, scramble = jax.random.split(key, 4)
        moved, where, turn = move(place, image, at, settings)
        moved = sometimes(jax.random.fold_in(look, 1), settings.mouth, lambda k, x: fill_mouth(k, x, where), moved)
        if settings.eyes:
            often, how = jax.random.split(jax.random.fold_in(look, 2))
            new, chosen = fill_eyes(how, moved, where), jax.random.uniform(often) < settings.eyes
            moved, where = (jnp.where(chosen, *each) for each in zip(new, (moved, where), strict=True))
        chance = jax.random.uniform(kind)
        moved = jnp.where(chance < settings.no_face / 2, shuffle(scramble, moved), moved)
        corner = elsewhere(scramble, image, settings.size)
        moved = jnp.where((chance >= settings.no_face / 2) & (chance < settings.no_face), corner, moved)
        return Changed(moved, where, turn, (chance >= settings.no_face).astype(jnp.float32))

    moving, painting = jax.random.split(key)
    changed = jax.vmap(one)(jax.random.split(moving, images.shape[0]), images, points)
    return dataclasses.replace(changed, image=_painted(painting, changed.image, settings.looks))


def _painted(key: Key[Array, ""], images: Float[Array, "b h w 3"], share: float) -> Float[Array, "b h w 3"]:
    """Paints a share of the pictures, the first ones of a batch: painting costs more than all the rest."""
    count = math.ceil(share * len(images))
    if not count:
        return images
    chance = share * len(images) / count
    some = jax.vmap(lambda key, image: sometimes(key, chance, face_looks.paint, image))
    return jnp.concatenate([some(jax.random.split(key, count), images[:count]), images[count:]])


def move(
    key: Key[Array, ""], image: Float[Array, "h w 3"], points: Float[Array, "k 2"], settings: Settings
) -> tuple[Float[Array, "i j 3"], Float[Array, "k 2"], Float[Array, ""]]:
    """Turns, scales, shifts and bends; the picture's edge is repeated around it."""
    keys = jax.random.split(key, 7)
    often = jnp.where(jax.random.uniform(keys[5]) < 0.15, 2.5, 1.0)  # some lie on their side
    turn = jnp.clip(jax.random.normal(keys[0]), -2, 2) * often * jnp.deg2rad(settings.turn_degrees)
    side = settings.view * jnp.exp(settings.zoom * jnp.clip(jax.random.normal(keys[1]), -2.2, 2.2))
    shift = settings.shift * jax.random.normal(keys[2], (2,))
    tall = jnp.exp(settings.stretch * jax.random.normal(keys[3]))
    controls = settings.bend * jax.random.normal(keys[4], (_BENDS, _BENDS, 2))
    bend = jax.image.resize(controls, (settings.size, settings.size, 2), "cubic")
    cosine, sine = jnp.cos(turn), jnp.sin(turn)
    matrix = side * jnp.array([[cosine, sine * tall], [-sine, cosine * tall]])

    axis = (jnp.arange(settings.size, dtype=jnp.float32) + 0.5) / settings.size
    grid = jnp.stack(jnp.meshgrid(axis, axis), axis=-1)
    straight = (points - 0.5) @ jnp.linalg.inv(matrix).T + 0.5 - shift[None]
    if settings.eye_tilt:
        degrees = settings.eye_tilt * jax.random.uniform(keys[6], minval=_LEAST_TILT)
        bend = bend + tilted_eyes(grid, straight, jnp.deg2rad(degrees))
    source = (grid + bend - 0.5 + shift[None, None]) @ matrix.T + 0.5  # shares of the given picture
    moved = grid_sample(image, source * 2 - 1, padding="border", align_corners=False, units="normalised")
    where = straight
    for _ in range(4):
        where = straight - _look_up(bend, where)
    return moved, where, turn


def fill_mouth(key: Key[Array, ""], image: Float[Array, "h w 3"], points: Float[Array, "k 2"]) -> Array:
    """Paints what is between the lips: flesh or the dark, often with teeth; drawn mouths are all alike there."""
    keys = jax.random.split(key, 5)
    ring = points[_INNER_LIPS]
    # Rows of the mouth are counted from the middle of the upper lip to that of the lower one.
    down = ring[6] - ring[2]
    depth = ((_grid(image) - ring[2][None, None]) @ down) / jnp.maximum(down @ down, 1e-6)
    has, reach = jax.random.uniform(keys[0], (2,)) < jnp.array([0.6, 0.35]), 0.35 * jax.random.uniform(keys[1], (2,))
    teeth = (has[0] & (depth < reach[0])) | (has[1] & (depth > 1.0 - reach[1]))
    flesh = jax.random.uniform(keys[2]) * jnp.array([0.8, 0.42, 0.4]) * (1.0 + 0.2 * jax.random.normal(keys[3], (3,)))
    white = jnp.array([0.9, 0.87, 0.8]) * (0.55 + 0.45 * jax.random.uniform(keys[4]))
    mouth = jnp.where(teeth[..., None], white[None, None], flesh[None, None])
    return jnp.where(_inside(ring, image)[..., None], jnp.clip(mouth, 0.0, 1.0), image)


def tilted_eyes(
    grid: Float[Array, "i j 2"], points: Float[Array, "k 2"], angle: Float[Array, ""]
) -> Float[Array, "i j 2"]:
    """Returns how far from each place what it shows lies, where eyes turn about their middles by some radians.

    The outer corners rise, the inner ones fall; places around the eyes turn along, less and less.
    """
    field = jnp.zeros_like(grid)
    for chosen, sign in zip(_EYES, (1.0, -1.0), strict=True):
        ring = points[chosen]
        away = grid - ring.mean(axis=0)[None, None]
        width = jnp.maximum(jnp.linalg.norm(ring[3] - ring[0]), 1e-3)
        share = jnp.exp(-jnp.square(jnp.square(away).sum(axis=-1, keepdims=True) / (_EYE_REACH * width) ** 2))
        cosine, sine = jnp.cos(angle), sign * jnp.sin(angle)
        back = jnp.array([[cosine, sine], [-sine, cosine]])  # the picture's content turns the other way
        field = field + share * (away @ back.T - away)
    return field


def fill_eyes(
    key: Key[Array, ""], image: Float[Array, "h w 3"], points: Float[Array, "k 2"]
) -> tuple[Float[Array, "h w 3"], Float[Array, "k 2"]]:
    """Paints what is between the lids, white, iris and pupil, and returns the points with the pupils' new places.

    Eyes look where they looked, but lower: drawn irises sit high between the lids.
    """
    keys = jax.random.split(key, 5)
    color = jax.random.uniform(keys[0]) * jnp.array([0.55, 0.5, 0.5]) * (1 + 0.3 * jax.random.normal(keys[1], (3,)))
    white = (0.45 + 0.45 * jax.random.uniform(keys[2])) * jnp.array([1.0, 0.96, 0.93])
    lower, wide = _LOW * jax.random.uniform(keys[3]), 0.19 + 0.08 * jax.random.uniform(keys[4])
    for chosen, pupil in zip(_EYES, _PUPILS, strict=True):
        ring = points[chosen]
        across = ring[3] - ring[0]
        length = jnp.maximum(jnp.sqrt(across @ across), 1e-3)
        middle = points[pupil] + lower * jnp.array([-across[1], across[0]])
        away = jnp.sqrt(jnp.square(_grid(image) - middle[None, None]).sum(axis=-1)) / length
        painted = jnp.where((away < wide)[..., None], color[None, None], white[None, None])
        painted = jnp.where((away < 0.42 * wide)[..., None], 0.04, painted)
        image = jnp.where(_inside(ring, image)[..., None], jnp.clip(painted, 0.0, 1.0), image)
        points = points.at[pupil].set(middle)
    return image, points


def elsewhere(key: Key[Array, ""], image: Float[Array, "h w 3"], size: int) -> Float[Array, "i j 3"]:
    """Enlarges a corner of a picture, where there are hair, clothes and background."""
    height, width = image.shape[:2]
    part = height // 4
    chosen = jax.random.randint(key, (2,), 0, 2)
    corner = jax.lax.dynamic_slice(image, (chosen[0] * (height - part), chosen[1] * (width - part), 0), (part, part, 3))
    return jax.image.resize(corner, (size, size, 3), "linear")


def shuffle(key: Key[Array, ""], image: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """Cuts a picture to tiles and mixes them."""
    height, width = image.shape[0] // _TILES, image.shape[1] // _TILES
    tiles = image.reshape(_TILES, height, _TILES, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)
    mixed = tiles[jax.random.permutation(key, len(tiles))]
    return mixed.reshape(_TILES, _TILES, height, width, 3).swapaxes(1, 2).reshape(image.shape)


def _grid(image: Float[Array, "h w 3"]) -> Float[Array, "h w 2"]:
    """Returns the places of a square picture's pixels, in shares of its side."""
    axis = (jnp.arange(image.shape[0], dtype=jnp.float32) + 0.5) / image.shape[0]
    return jnp.stack(jnp.meshgrid(axis, axis), axis=-1)


def _inside(ring: Float[Array, "n 2"], image: Float[Array, "h w 3"]) -> Bool[Array, "h w"]:
    """Returns which pixels a polygon holds: a ray from them crosses it an odd number of times."""
    x, y = jnp.split(_grid(image), 2, axis=-1)
    ax, ay, bx, by = (each[None, None] for each in (*ring.T, *jnp.roll(ring, -1, axis=0).T))
    slope = (bx - ax) / jnp.where(by == ay, 1.0, by - ay)
    crossed = ((ay > y) != (by > y)) & (x < ax + (y - ay) * slope)
    return crossed.sum(axis=-1) % 2 == 1


def _look_up(field: Float[Array, "h w 2"], points: Float[Array, "k 2"]) -> Float[Array, "k 2"]:
    """Returns a field's values at points in shares of its side."""
    at = points * field.shape[0] - 0.5
    rows = [jax.scipy.ndimage.map_coordinates(field[..., k], [at[:, 1], at[:, 0]], 1, "nearest") for k in (0, 1)]
    return jnp.stack(rows, axis=-1)
