"""A made-up model in FLAME's file format and size: shapes from formulas, offsets from seeded noise, nothing of FLAME.

    python -m tests.geometry.synthetic_flame FOLDER SALT

writes generic_model.pkl and landmark_embedding.npz. 5023 vertices: an open head of 65 rings of 60, a pole and 30
triangles split at their centroid (3931 vertices, 7800 triangles), and two eyes of 17 rings of 32 with poles (546, 1088
each). The goldens of tests/golden/gdpw were recorded with the salt 'public'.
"""

import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
import scipy.sparse

HEAD_TRIANGLES = 7800
PARENTS = np.array([2**32 - 1, 0, 1, 1, 1], np.uint32)
EYES = np.array([[0.031, 0.025, 0.072], [-0.031, 0.025, 0.072]])


def generator(salt: str, name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{salt}synthflame.{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def model(salt: str) -> dict:
    """The arrays of generic_model.pkl."""
    vertices, faces, head = _template()
    vertices = vertices + _waves(vertices, generator(salt, "v_template"), 1, 0.0008)[:, :, 0]
    identity = _waves(vertices, generator(salt, "shapedirs_id"), 300, 0.0025) / np.sqrt(1.0 + np.arange(300))
    expression = _waves(vertices, generator(salt, "shapedirs_exp"), 100, 0.0020) / np.sqrt(1.0 + np.arange(100))
    regressor = _joint_regressor(vertices, generator(salt, "J_regressor"))
    return {
        "v_template": vertices,
        "shapedirs": np.concatenate([identity, expression], axis=2),
        "posedirs": _waves(vertices, generator(salt, "posedirs"), 36, 0.003),
        "J_regressor": scipy.sparse.csc_matrix(regressor),
        "J": regressor @ vertices,
        "weights": _weights(vertices, generator(salt, "weights"), head),
        "kintree_table": np.stack([PARENTS, np.arange(5, dtype=np.uint32)]),
        "f": faces.astype(np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def landmarks(salt: str, vertices: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of landmark_embedding.npz; `vertices` and `faces` are the model's."""
    rng = generator(salt, "landmarks")
    centers = vertices[faces].mean(1)
    in_front = (centers[:, 2] > 0.05) & (np.abs(centers[:, 0]) < 0.05)
    in_front &= (centers[:, 1] > -0.07) & (centers[:, 1] < 0.06) & (np.arange(len(faces)) < HEAD_TRIANGLES)
    static = np.sort(rng.choice(np.nonzero(in_front)[0], 51, replace=False)).astype(np.int64)
    static_weights = _barycentric(rng, 51)
    contour = np.stack([_contour(centers, row if row < 40 else 39 - row) for row in range(79)])
    contour_weights = _barycentric(rng, 79, 17).astype(np.float32)
    return {
        "static_lmk_faces_idx": static,
        "static_lmk_bary_coords": static_weights,
        "dynamic_lmk_faces_idx": contour,
        "dynamic_lmk_bary_coords": contour_weights,
        "full_lmk_faces_idx": np.concatenate([contour[0], static])[None],
        "full_lmk_bary_coords": np.concatenate([contour_weights[0], static_weights.astype(np.float32)])[None],
    }


def write(folder: Path, salt: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = model(salt)
    (folder / "generic_model.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
    points = landmarks(salt, arrays["v_template"], arrays["f"].astype(np.int64))
    np.savez(folder / "landmark_embedding.npz", **points)


def _sphere(rings: int, columns: int, first: float, last: float, *, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rings between two polar angles below a pole; points of the unit sphere and triangles."""
    polar = np.linspace(first, last, rings)
    around = 2 * np.pi * np.arange(columns) / columns
    x, y, z = np.outer(np.sin(polar), np.sin(around)), np.cos(polar)[:, None], np.outer(np.sin(polar), np.cos(around))
    ring = np.stack([x, np.broadcast_to(y, x.shape), z], -1).reshape(-1, 3)
    number = 1 + np.arange(rings * columns).reshape(rings, columns)
    right = np.roll(number, -1, axis=1)
    cap = np.stack([np.zeros(columns, int), number[0], right[0]], -1)
    above, below = (number[:-1], right[:-1]), (number[1:], right[1:])
    quads = np.stack([above[0], below[0], above[1], above[1], below[0], below[1]], -1).reshape(-1, 3)
    points, triangles = [[[0.0, 1.0, 0.0]], ring], [cap, quads]
    if closed:
        points.append([[0.0, -1.0, 0.0]])
        triangles.append(np.stack([np.full(columns, 1 + rings * columns), right[-1], number[-1]], -1))
    return np.concatenate(points), np.concatenate(triangles)


def _template() -> tuple[np.ndarray, np.ndarray, int]:
    """Vertices, triangles, and how many of the vertices are the head's."""
    points, faces = _split(*_sphere(65, 60, 0.06, 2.55, closed=False))
    vertices = points * np.array([0.075, 0.11, 0.09])
    x, y, in_front = points[:, 0], points[:, 1], points[:, 2] > 0
    nose = np.exp(-((x / 0.22) ** 2 + ((y + 0.05) / 0.25) ** 2)) * in_front
    chin = np.exp(-((x / 0.5) ** 2 + ((y + 0.62) / 0.2) ** 2)) * in_front
    vertices[:, 2] += 0.025 * nose
    vertices[:, 2] += 0.012 * chin
    ball, ball_faces = _sphere(17, 32, np.pi / 18, np.pi * 17 / 18, closed=True)
    head, eye = len(vertices), len(ball)
    everything = np.concatenate([vertices, ball * 0.0125 + EYES[0], ball * 0.0125 + EYES[1]])
    return everything, np.concatenate([faces, ball_faces + head, ball_faces + head + eye]), head


def _split(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits thirty triangles at their centroids, which makes the counts FLAME's."""
    chosen = [60 + 2 * (40 * 60 + 3 * k) for k in range(15)] + [60 + 2 * (50 * 60 + 2 * k) + 1 for k in range(15)]
    faces, more = faces.copy(), []
    for index, face in enumerate(chosen):
        a, b, c = faces[face]
        new = len(points) + index
        faces[face] = [a, b, new]
        more += [[b, c, new], [c, a, new]]
    corners = points[_original(faces, chosen, more)]
    centroids = (corners[:, 0] + corners[:, 1] + corners[:, 2]) / 3
    return np.concatenate([points, centroids]), np.concatenate([faces, more])


def _original(faces: np.ndarray, chosen: list[int], more: list[list[int]]) -> np.ndarray:
    return np.array([[faces[face][0], faces[face][1], more[2 * index][1]] for index, face in enumerate(chosen)])


def _waves(vertices: np.ndarray, rng: np.random.Generator, count: int, size: float) -> np.ndarray:
    """Smooth fields of offsets: six random plane waves each."""
    fields = np.empty((len(vertices), 3, count))
    for index in range(count):
        direction = rng.standard_normal((6, 3)) * 18.0
        phase = rng.uniform(0, 2 * np.pi, 6)
        fields[:, :, index] = size * (np.sin(vertices @ direction.T + phase) @ rng.standard_normal((6, 3))) / np.sqrt(6)
    return fields


def _joint_regressor(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each joint is a weighted mean of the forty vertices nearest to where it should be."""
    places = np.array([[0, -0.11, -0.02], [0, -0.06, -0.01], [0, -0.015, 0.02], *EYES])
    regressor = np.zeros((5, len(vertices)))
    for joint, place in enumerate(places):
        nearest = np.argsort(((vertices - place) ** 2).sum(1), kind="stable")[:40]
        weights = rng.uniform(0.1, 1.0, 40)
        regressor[joint, nearest] = weights / weights.sum()
    return regressor


def _weights(vertices: np.ndarray, rng: np.random.Generator, head: int) -> np.ndarray:
    """Root, neck and jaw blend smoothly; eyes are rigid."""

    def step(t: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-t))

    y, z = vertices[:, 1], vertices[:, 2]
    root = step((-0.075 - y) / 0.008)
    jaw = step((-0.02 - y) / 0.006) * step((z - 0.02) / 0.01) * (1 - root)
    weights = np.stack([root, np.clip(1 - root - jaw, 0, None), jaw, 0 * y, 0 * y], 1)
    weights = weights * (1 + 0.05 * rng.uniform(-1, 1, weights.shape))
    weights[:, 3:] = 0
    eye = (len(vertices) - head) // 2
    weights[head : head + eye] = [0, 0, 0, 1, 0]
    weights[head + eye :] = [0, 0, 0, 0, 1]
    return weights / weights.sum(1, keepdims=True)


def _barycentric(rng: np.random.Generator, *shape: int) -> np.ndarray:
    weights = rng.uniform(0.05, 1.0, (*shape, 3))
    return weights / weights.sum(-1, keepdims=True)


def _contour(centers: np.ndarray, degrees: int) -> np.ndarray:
    """Triangles of the head nearest to a jaw line that moves against a turn of the head."""
    angle, t = np.deg2rad(degrees), np.linspace(-1.35, 1.35, 17)
    line = np.stack([0.075 * np.sin(t), -0.075 * np.cos(t) + 0.0, 0.045 * np.ones(17)], 1)
    cosine, sine = np.cos(angle), np.sin(angle)
    line = line @ np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return ((centers[None, :HEAD_TRIANGLES] - line[:, None]) ** 2).sum(-1).argmin(1)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
