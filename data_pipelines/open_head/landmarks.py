"""Where the 68 points of iBUG and the 98 of WFLW lie on the neutral head.

Both go from the picture's left to its right, as seen by the camera.
"""

import numpy as np

from data_pipelines.open_head import skin

Point = tuple[int, np.ndarray]
"""A triangle's number and barycentric coordinates."""


class Surveyor:
    """Finds points on the skin of a neutral head."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, grid: np.ndarray) -> None:
        self._vertices, self._faces, self._grid = vertices, faces, grid
        corners = vertices[faces]
        turned = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
        self._front = np.flatnonzero((turned > 1e-9) & (corners[..., 2].min(axis=1) > 0))

    def ahead(self, x: float, y: float) -> Point:
        """Returns the foremost point of the face with these coordinates."""
        a, b, c = np.moveaxis(self._vertices[self._faces[self._front]], 1, 0)
        area = _cross(b - a, c - a)
        point = np.array([x, y, 0.0])
        weights = np.stack([_cross(b - point, c - point), _cross(c - point, a - point), _cross(a - point, b - point)])
        weights = weights / area
        depth = (weights * np.stack([a[:, 2], b[:, 2], c[:, 2]])).sum(axis=0)
        best = int(np.argmax(np.where(weights.min(axis=0) >= -1e-9, depth, -np.inf)))
        return int(self._front[best]), np.maximum(weights[:, best], 0)

    def along(self, line: np.ndarray, part: float) -> Point:
        """Returns a point on a line of vertices, `part` of its x from the first to the last."""
        x = self._vertices[line, 0]
        at = x[0] + part * (x[-1] - x[0])
        step = int(np.clip(np.searchsorted(x, at) - 1, 0, len(line) - 2))
        share = float(np.clip((at - x[step]) / (x[step + 1] - x[step]), 0, 1))
        return self._between(line[step], line[step + 1], share)

    def around(self, turn: float, tilt: float) -> Point:
        """Returns the grid's point at angles around the head, in degrees."""
        row = float(np.interp(-tilt, -skin.ROWS, np.arange(len(skin.ROWS))))
        column = float(np.interp(turn, skin.COLUMNS, np.arange(len(skin.COLUMNS))))
        top, left = int(row), round(column)
        return self._between(self._grid[top, left], self._grid[top + 1, left], row - top)

    def vertex(self, number: int) -> Point:
        """Returns a vertex as a point."""
        face = int(np.flatnonzero((self._faces == number).any(axis=1))[0])
        return face, (self._faces[face] == number).astype(float)

    def _between(self, first: int, second: int, share: float) -> Point:
        has_both = (self._faces == first).any(axis=1) & (self._faces == second).any(axis=1)
        face = int(np.flatnonzero(has_both)[0])
        return face, (self._faces[face] == first) * (1 - share) + (self._faces[face] == second) * share


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def embed(
    survey: Surveyor, slits: dict[str, tuple[np.ndarray, np.ndarray]], pupils: tuple[int, int]
) -> dict[int, list[Point]]:
    """Returns the points by how many they are.

    Args:
      survey: of the neutral head.
      slits: see `skin.Skin`.
      pupils: vertices in the middle of the pupils, the picture's left one first.
    """
    nose = [survey.ahead(0, y) for y in (0.02, -0.12, -0.26, -0.39)]
    under = [
        survey.ahead(x, y) for x, y in ((-0.125, -0.475), (-0.06, -0.495), (0, -0.505), (0.06, -0.495), (0.125, -0.475))
    ]
    eyes = (slits["right_eye"], slits["left_eye"])
    short = [
        *_contour(survey, 17),
        *(survey.ahead(side * x, _brow(x)) for side, xs in _brow_ends(5) for x in xs),
        *nose,
        *under,
        *(point for eye in eyes for point in _opening(survey, eye, (1 / 3, 2 / 3))),
        *_lips(survey, slits["mouth"]),
    ]
    long = [
        *_contour(survey, 33),
        *_long_brows(survey),
        *nose,
        *under,
        *(point for eye in eyes for point in _opening(survey, eye, (0.25, 0.5, 0.75))),
        *_lips(survey, slits["mouth"]),
        *(survey.vertex(pupil) for pupil in pupils),
    ]
    return {68: short, 98: long}


def _contour(survey: Surveyor, count: int) -> list[Point]:
    """From ear to ear over the chin."""
    turns = np.linspace(-86, 86, count)
    return [survey.around(turn, -53.5 + (abs(turn) / 86) ** 1.9 * 50) for turn in turns]


def _brow_ends(count: int) -> tuple[tuple[int, np.ndarray], tuple[int, np.ndarray]]:
    return (-1, np.linspace(0.54, 0.13, count)), (1, np.linspace(0.13, 0.54, count))


def _brow(x: float) -> float:
    """The middle of the brow's height."""
    return 0.165 + 0.055 * (1 - ((x - 0.36) / 0.23) ** 2)


def _long_brows(survey: Surveyor) -> list[Point]:
    """Nine points each: along the upper edge, back along the lower one."""
    (_, right), (_, left) = _brow_ends(5)
    half = [0.0, 0.018, 0.022, 0.025, 0.025]  # of the brow's thickness, from the temple to the nose
    upper_right = [survey.ahead(-x, _brow(x) + t) for x, t in zip(right, half, strict=True)]
    lower_right = [survey.ahead(-x, _brow(x) - t) for x, t in zip(right[:0:-1], half[:0:-1], strict=True)]
    upper_left = [survey.ahead(x, _brow(x) + t) for x, t in zip(left, half[::-1], strict=True)]
    lower_left = [survey.ahead(x, _brow(x) - t) for x, t in zip(left[-2::-1], half[1:], strict=True)]
    return [*upper_right, *lower_right, *upper_left, *lower_left]


def _opening(survey: Surveyor, slit: tuple[np.ndarray, np.ndarray], inner: tuple[float, ...]) -> list[Point]:
    """Corner, upper edge, other corner, lower edge back."""
    upper, lower = slit
    above = [survey.along(upper, part) for part in (0.0, *inner, 1.0)]
    return [*above, *(survey.along(lower, part) for part in reversed(inner))]


def _lips(survey: Surveyor, slit: tuple[np.ndarray, np.ndarray]) -> list[Point]:
    """Twelve points around the lips, eight around the opening."""
    over = ((-0.15, -0.664), (-0.055, -0.640), (0, -0.650), (0.055, -0.640), (0.15, -0.664))
    below = ((0.15, -0.835), (0.08, -0.853), (0, -0.858), (-0.08, -0.853), (-0.15, -0.835))
    upper, lower = slit
    outer = [survey.along(upper, 0.0), *(survey.ahead(*at) for at in over), survey.along(upper, 1.0)]
    outer += [survey.ahead(*at) for at in below]
    inner = [survey.along(upper, part) for part in (0.06, 0.3, 0.5, 0.7, 0.94)]
    return [*outer, *inner, *(survey.along(lower, part) for part in (0.7, 0.5, 0.3))]
