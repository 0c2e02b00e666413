"""Paints skin: complexion, lips, brows, lashes, stubble, freckles and wrinkles, over fields that everybody shares."""

import functools
from collections.abc import Mapping

import numpy as np

from data_pipelines.compiled import compiled
from data_pipelines.open_head.fields import ramp
from data_pipelines.procedural_faces import atlas, hair
from data_pipelines.procedural_faces.person import Color, Person

Maps = Mapping[str, np.ndarray]


@functools.cache
def _fields() -> Maps:
    """Returns weights over the skin's texels, float32, and two angles: `turn` in degrees, `crow_turn` in radians."""
    skin = atlas.skin_map()
    x, y, z = (skin.place[..., k] for k in range(3))
    side = np.abs(x)
    across = side / 0.27

    def spot(centre: tuple[float, ...], width: tuple[float, ...]) -> np.ndarray:
        """A Gaussian on either side."""
        return np.asarray(
            np.exp(-0.5 * sum(((p - c) / w) ** 2 for p, c, w in zip((side, y, z), centre, width, strict=True)))
        )

    upper_edge = -0.666 - 0.038 * across**2 - 0.012 * np.exp(-((across / 0.16) ** 2))
    lower_edge = -0.838 + 0.062 * across**2
    lips = np.where(
        skin.below_lips,
        ramp(y, lower_edge - 0.012, lower_edge + 0.012),
        ramp(y, upper_edge + 0.012, upper_edge - 0.012),
    ) * ramp(side, 0.285, 0.255)
    seam = np.exp(-(((skin.v - _v_between_lips()) / 0.0035) ** 2)) * ramp(side, 0.31, 0.25)
    at_lids = ramp(side, 0.13, 0.17) * ramp(side, 0.51, 0.47)
    from_lids = (skin.v - _v_between_lids()) / 0.0128  # in rows of the grid
    fields = {
        "blush": 0.75 * spot((0.40, -0.30, 0.6), (0.13, 0.11, 0.25)) + 0.8 * spot((0, -0.40, 0.98), (0.1, 0.08, 0.15)),
        "under_eye": spot((0.30, -0.145, 0.7), (0.11, 0.040, 0.2)),
        "lid": spot((0.32, 0.075, 0.7), (0.13, 0.045, 0.2)),
        "lips": lips * (z > 0.45),
        "seam": seam * (z > 0.45),
        "upper_lash": at_lids * ramp(from_lids, -0.2, 0.05) * ramp(from_lids, 0.75, 0.35),
        "lower_lash": at_lids * ramp(from_lids, 0.2, -0.05) * ramp(from_lids, -0.6, -0.3),
        "crease": at_lids * np.exp(-(((y - 0.115 + 0.9 * (side - 0.31) ** 2) / 0.009) ** 2)) * (z > 0.4),
        "moustache": spot((0.07, -0.60, 0.9), (0.13, 0.032, 0.3)) * ~skin.below_lips * (1 - ramp(side, 0.22, 0.32)),
        "chin": spot((0, -1.0, 0.7), (0.13, 0.10, 0.3)) * ramp(y, -0.84, -0.90)
        + spot((0.20, -0.82, 0.75), (0.035, 0.12, 0.2)),
        "beard": ramp(y, -0.36 - 0.42 * ramp(side, 0.62, 0.28), -0.52 - 0.42 * ramp(side, 0.62, 0.28))
        * ramp(z, -0.10, 0.10)
        * ramp(y, -1.32, -1.12),
        "fold": np.exp(-(((side - 0.195 - 0.42 * np.clip(-0.43 - y, 0, 0.4)) / 0.028) ** 2))
        * ramp(y, -0.40, -0.50)
        * ramp(y, -0.82, -0.66)
        * (z > 0.4),
        "nostril": spot((0.056, -0.492, 0.92), (0.022, 0.016, 0.06))
        + 0.5 * spot((0.145, -0.44, 0.85), (0.012, 0.035, 0.05)),
        "crow_turn": np.arctan2(y, side - 0.42),
        "turn": np.degrees(np.arctan2(x, z)),
        "crow": spot((0.56, -0.01, 0.5), (0.05, 0.09, 0.15)),
        "forehead": spot((0.0, 0.46, 0.8), (0.30, 0.12, 0.3)),
    }
    bare = 1 - np.clip(1.3 * fields["lips"], 0, 1)
    for name in ("moustache", "chin"):
        fields[name] = fields[name] * bare
    fields["bearded"] = np.clip(fields["beard"] + fields["moustache"], 0, 1) * bare
    fields["shine"] = 0.10 + 0.22 * fields["lips"] + 0.05 * fields["blush"] + 0.05 * fields["forehead"]
    return {name: value.astype(np.float32) for name, value in fields.items()}


def _v_between_lips() -> float:
    skin = atlas.skin_map()
    return float(skin.v[skin.below_lips[:, 0], 0].max())


def _v_between_lids() -> float:
    skin = atlas.skin_map()
    return float(skin.v[skin.below_lids[:, 0], 0].max())


def paint(person: Person, rng: np.random.Generator) -> np.ndarray:
    """Returns the skin's rows of the texture: sRGB and how much it shines, (h, w, 4), float32."""
    fields, shape = _fields(), atlas.skin_map().place.shape[:2]
    coarse, fine, pores = (_around(rng, cells) for cells in ((20, 32), (80, 130), (260, 400)))
    grain = np.stack([0.6 * coarse, coarse, coarse], axis=-1) * np.float32(0.014)
    color = np.array(person.skin, np.float32) * (1 + grain + (0.012 * fine + 0.010 * pores)[..., None])
    _tint(color, (1.02, 0.82, 0.80), 0.40 * fields["blush"])
    _tint(color, (0.83, 0.73, 0.76), (0.35 + 0.4 * person.age) * fields["under_eye"])
    _tint(color, (0.88, 0.78, 0.76), 0.55 * fields["lid"])
    _tint(color, (0.30, 0.20, 0.20), 0.9 * fields["nostril"])
    _add_freckles(color, person, rng)
    _add_wrinkles(color, person, rng)
    _add_scalp(color, person, rng)
    _add_beard(color, person, rng)
    _blend(color, person.lips, 0.88 * fields["lips"])
    _tint(color, (0.82, 0.82, 0.82), fields["lips"] * np.clip(0.3 * _around(rng, (12, 640)), 0, 1))
    _blend(color, _darker(person.lips, 0.42, 0.42, 0.42), 0.7 * fields["seam"])
    _add_brows(color, person, rng)
    _tint(color, (0.68, 0.55, 0.52), 0.5 * fields["crease"])
    _blend(color, (0.06, 0.045, 0.04), (0.95 if person.femininity > 0.5 else 0.72) * fields["upper_lash"])
    _blend(color, _darker(person.skin, 0.50, 0.34, 0.32), 0.55 * fields["lower_lash"])
    result = np.empty((*shape, 4), np.float32)
    np.clip(color, 0.01, 1, out=result[..., :3])
    result[..., 3] = fields["shine"]
    return result


@functools.cache
def _bank(cells: tuple[int, int]) -> np.ndarray:
    """Returns noise around the head whose ends meet; everybody has it, turned and shifted."""
    size = atlas.CYLINDER
    rng = np.random.default_rng(cells)
    margin = [size // count + 1 for count in cells]
    wide = atlas.noise(rng, (size + margin[0], size + margin[1]), cells)
    for axis, count in enumerate(margin):
        wide = np.moveaxis(wide, axis, 0)
        share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
        wide[:count] = wide[size:] * (1 - share) + wide[:count] * share
        wide = np.moveaxis(wide[:size], 0, axis)
    return np.ascontiguousarray(wide)


def _around(rng: np.random.Generator, cells: tuple[int, int]) -> np.ndarray:
    """Returns noise over the skin's texels whose bumps are as large everywhere."""
    row, column = atlas.skin_map().cylinder
    noise = np.roll(_bank(cells), tuple(int(shift) for shift in rng.integers(atlas.CYLINDER, size=2)), (0, 1))
    return noise[row, column]


@compiled
def _blend(color: np.ndarray, other: Color, weight: np.ndarray) -> None:
    """Moves colours towards another one, in place."""
    for i in range(color.shape[0]):
        for j in range(color.shape[1]):
            share = min(max(weight[i, j], 0.0), 1.0)
            if share > 0:
                for k in range(3):
                    color[i, j, k] += (other[k] - color[i, j, k]) * share


@compiled
def _tint(color: np.ndarray, factor: Color, weight: np.ndarray) -> None:
    """Multiplies colours, in place."""
    for i in range(color.shape[0]):
        for j in range(color.shape[1]):
            share = min(max(weight[i, j], 0.0), 1.0)
            if share > 0:
                for k in range(3):
                    color[i, j, k] *= 1 + (factor[k] - 1) * share


@functools.cache
def _box(low: float, high: float) -> tuple[slice, slice]:
    """Returns the rows and columns of the face between two heights."""
    place = atlas.skin_map().place
    inside = (place[..., 1] > low) & (place[..., 1] < high) & (place[..., 2] > 0.1) & (np.abs(place[..., 0]) < 0.7)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _darker(color: Color, red: float, green: float, blue: float) -> Color:
    return color[0] * red, color[1] * green, color[2] * blue


def _of_hair(person: Person) -> Color:
    """Brows and beards are darker than fair hair."""
    share = 0.85 if sum(person.hair) < 1.05 else 0.62
    return _darker(person.hair, share, share, share)


def _add_freckles(color: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    place = atlas.skin_map().place
    if person.freckles > 0:
        dots = np.clip(_around(rng, (170, 260)) - 1.2, 0, 1)
        _tint(color, (0.68, 0.50, 0.42), min(1.7, 1.7 * person.freckles) * dots * _fields()["blush"])
    face = np.argwhere((place[..., 2] > 0.4) & (place[..., 1] > -1.0) & (np.abs(place[..., 0]) < 0.6))
    for row, column in face[rng.integers(len(face), size=int(rng.integers(0, 4)))]:
        near = slice(max(0, row - 12), row + 13), slice(max(0, column - 12), column + 13)
        from_mole = np.linalg.norm(place[near] - place[row, column], axis=-1)
        _blend(color[near], (0.22, 0.13, 0.09), 0.8 * np.exp(-((from_mole / rng.uniform(0.008, 0.016)) ** 2)))


def _add_wrinkles(color: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Adds folds beside the mouth, and with age lines on the forehead and beside the eyes."""
    fields, wrinkle = _fields(), (0.62, 0.50, 0.46)
    _tint(color, wrinkle, (0.12 + 0.35 * person.age) * fields["fold"])
    wobble, old = _around(rng, (10, 24)), person.age - 0.35
    if old <= 0:
        return
    box = _box(0.2, 0.75)
    lines = np.sin((atlas.skin_map().place[box][..., 1] + 0.012 * wobble[box]) * (2 * np.pi / 0.105))
    _tint(color[box], wrinkle, 0.55 * old * fields["forehead"][box] * np.clip((lines - 0.80) / 0.2, 0, 1))
    box = _box(-0.25, 0.25)
    lines = np.sin(fields["crow_turn"][box] * 11 + wobble[box])
    _tint(color[box], wrinkle, 0.7 * old * fields["crow"][box] * np.clip((lines - 0.7) / 0.3, 0, 1))


def _add_scalp(color: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Adds the roots of hair, and all of it where it is shorn."""
    if person.hair_style == "bald":
        return
    stipple = np.clip(0.75 + 0.2 * _around(rng, (420, 640)), 0, 1)
    turn = _fields()["turn"]
    above = atlas.skin_map().elevation - hair.hairline(person, turn) + 1.5 * _around(rng, (60, 200))
    weight = 0.62 if person.hair_style == "buzz" else 0.85
    _blend(color, _darker(person.hair, 0.9, 0.9, 0.9), weight * ramp(above, -1, 5) * stipple)


def _add_beard(color: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    """Adds a beard, or the shade of a shaven one."""
    if person.femininity > 0.5:
        return
    fields = _fields()
    region, stipple = fields["bearded"], np.clip(0.66 + 0.26 * _around(rng, (420, 640)), 0, 1)
    weight = 0.10 * region
    if person.beard == "stubble":
        weight = (0.18 + 0.30 * person.beard_length) * region * stipple
    elif person.beard == "moustache":
        weight = np.maximum(weight, 0.9 * np.clip(1.5 * fields["moustache"], 0, 1) * stipple)
    elif person.beard == "goatee":
        weight = np.maximum(weight, 0.88 * np.clip(1.4 * (fields["moustache"] + fields["chin"]), 0, 1) * stipple)
    elif person.beard == "full":
        weight = (0.72 + 0.25 * person.beard_length) * region * stipple
    _blend(color, _of_hair(person), weight)


def _add_brows(color: np.ndarray, person: Person, rng: np.random.Generator) -> None:
    box = _box(0.0, 0.36)
    side, y = np.abs(atlas.skin_map().place[box][..., 0]), atlas.skin_map().place[box][..., 1]
    along = (side - 0.13) / rng.uniform(0.36, 0.41)
    t = np.clip(along, 0, 1)
    arch = 0.018 + 0.05 * rng.random() * person.femininity
    middle = 0.172 + 1.5 * arch * np.sin(t * np.pi * 0.82) - 0.022 * t**3 + rng.normal(0, 0.008)
    thickness = 0.034 * person.brow_thickness * (1 - 0.62 * t)
    inside = np.exp(-(np.abs((y - middle) / thickness) ** 2.5)) * ramp(along, -0.03, 0.14) * ramp(along, 1.06, 0.86)
    hairs = np.clip(0.88 + 0.16 * _around(rng, (300, 640))[box], 0, 1)
    _blend(color[box], _of_hair(person), 0.92 * inside * hairs)
