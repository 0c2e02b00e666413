"""Noise in the form of the dataset `snapshots`: what regressors and refiners are trained on, at toy size."""

import numpy as np

from data_pipelines.procedural_faces import snapshots
from tests.launch import drawn_noise


def write(folder):
    """Writes one picture each of twenty people, whose eyes are left and right and whose mouths are below."""
    rng, rows = np.random.default_rng(0), []
    for person in range(20):
        short, long = rng.uniform(50, 120, (68, 2)), rng.uniform(50, 120, (98, 2))
        for points, left, right, corners in (
            (short, slice(36, 42), slice(42, 48), (48, 54)),
            (long, slice(60, 68), slice(68, 76), (76, 82)),
        ):
            points[left] = [65, 75] + rng.uniform(-5, 5, points[left].shape)
            points[right] = [105, 75] + rng.uniform(-5, 5, points[right].shape)
            points[list(corners)] = [[70, 110], [100, 110]]
        record = {
            "image": drawn_noise.picture(rng, 176),
            "landmarks_68": short.astype(np.float32),
            "landmarks_98": long.astype(np.float32),
            "identity": rng.normal(size=60).astype(np.float32),
            "expression": rng.random(52).astype(np.float32),
            "rotations": rng.uniform(-0.3, 0.3, (5, 3)).astype(np.float32),
            "camera": np.ones(4, np.float32),
            "action_units": np.zeros(17, np.float32),
        }
        split = {18: "validation", 19: "test"}.get(person, "train")
        rows.append((record, {"person": person, "picture": 0, "split": split}))
    return drawn_noise.write(folder, "snapshots", snapshots.SnapshotsRecipe.fields, rows)
