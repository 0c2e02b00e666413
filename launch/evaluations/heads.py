"""Measures methods that move heads on drawn people they have never seen, by pairs of one person and of two.

Of one person the truth is known: L1 (grey levels), PSNR (dB), SSIM and AKD (pixels of 256x256), and with both AED
(coefficients of expression) and APD (degrees), all defined in `jaxanim.evaluate`. Landmarks, expression and pose are
those that our regressor and fit find, which see drawn people with errors of their own; the box in which they look is
the true one, and the same for all.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from jaxanim.core.errors import InputError
from jaxanim.data.record_folder import RecordFolder
from jaxanim.evaluate import l1, psnr, ssim
from jaxanim.evaluate.face_reader import FaceReader, FoundFaces, bundled_reader
from jaxanim.evaluate.reenactment import (
    average_expression_distance,
    average_keypoint_distance,
    average_pose_distance,
)
from jaxanim.geometry import open_head
from jaxanim.geometry.morphable import MorphableModel
from launch.evaluations import head_pairs, methods
from launch.evaluations.head_pairs import HeadPairs
from launch.evaluations.methods import Method, Results

SAME, CROSS = "same", "cross"
COLUMNS = {SAME: ("L1", "PSNR", "SSIM", "AKD", "AED", "APD"), CROSS: ("AED", "APD")}
SHOWN = 6
Numbers = dict[str, dict[str, dict[str, float]]]
Choose = Callable[[MorphableModel, int], list[Method]]


def of_weights(weights: Path) -> Choose:
    """Returns what chooses trained networks, and what they are compared with."""
    return lambda head, size: [methods.gdpw(weights, head, size), methods.geometric(size), methods.copy()]


def of_system(name: str) -> Choose:
    """Returns what chooses a method without weights, and what it is compared with."""
    if name == "copy":
        return lambda head, size: [methods.copy()]
    if name == "geometric":
        return lambda head, size: [methods.geometric(size), methods.copy()]
    raise InputError(f"systems without weights are geometric and copy, got {name!r}")


def measure(choose: Choose, data: Path, *, split: str, pairs: int) -> tuple[Numbers, UInt8[np.ndarray, "h w 3"]]:
    """Returns all numbers, by kind of pairs, method and measure, and a sheet of the first pairs.

    The sheet's rows are source, driver, and each method but the copy; pairs of one person come first.
    """
    folder, head, reader = RecordFolder(data), open_head.load_open_head(), bundled_reader()
    drawn = {
        SAME: head_pairs.of_one_person(folder, head, split=split, count=pairs),
        CROSS: head_pairs.of_two_people(folder, head, split=split, count=pairs),
    }
    chosen = choose(head, drawn[SAME].size)
    numbers: Numbers = {}
    sheets = []
    for kind, each in drawn.items():
        made: Results = {}
        for method in chosen:
            made |= method.results(each)
        numbers[kind] = compare(made, each, reader, truth=kind == SAME)
        rows = [each.source, each.driver, *(made[name] for name in made if name != "copy")]
        sheets.append(np.concatenate([np.concatenate(list(row[:SHOWN]), axis=1) for row in rows], axis=0))
    return numbers, np.concatenate(sheets, axis=1)


def compare(made: Results, pairs: HeadPairs, reader: FaceReader, *, truth: bool) -> dict[str, dict[str, float]]:
    """Returns the measures of each method's pictures.

    Args:
      made: pictures by method.
      pairs: what they were made of.
      reader: finds faces.
      truth: whether the driver's picture is what is wanted, not only its expression and pose.
    """
    wanted = reader(pairs.driver, pairs.driver_points)
    found = {}
    for name, pictures in made.items():
        of_pictures = _near(pictures, pairs.driver) if truth else {}
        found[name] = of_pictures | _alike(reader(pictures, pairs.wanted_points), wanted, pairs.size, truth=truth)
    return found


def _near(pictures: UInt8[np.ndarray, "n s s 3"], truth: UInt8[np.ndarray, "n s s 3"]) -> dict[str, float]:
    first, second = (each.astype(np.float32) / np.float32(127.5) - np.float32(1) for each in (pictures, truth))
    return {name: float(of(first, second).mean()) for name, of in (("L1", l1), ("PSNR", psnr), ("SSIM", ssim))}


def _alike(found: FoundFaces, wanted: FoundFaces, size: int, *, truth: bool) -> dict[str, float]:
    keypoints = {"AKD": average_keypoint_distance(found.landmarks68, wanted.landmarks68, size)} if truth else {}
    distances = {
        **keypoints,
        "AED": average_expression_distance(found.expression, wanted.expression),
        "APD": average_pose_distance(found.head_degrees, wanted.head_degrees),
    }
    return {name: float(each.mean()) for name, each in distances.items()}


def table(numbers: Numbers) -> str:
    """Returns the numbers as lines of a table in Markdown, one row per method."""
    columns = [(kind, name) for kind, names in COLUMNS.items() for name in names]
    rows: list[Sequence[str]] = [["method", *(f"{name} ({kind})" for kind, name in columns)]]
    for method in numbers[SAME]:
        rows.append([method, *(_digits(name, numbers[kind][method][name]) for kind, name in columns)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _digits(name: str, value: float) -> str:
    return f"{value:.4f}" if name in ("SSIM", "AED") else f"{value:.2f}"
