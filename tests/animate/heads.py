"""A head in a small photo, as a fit of one picture says it."""

import dataclasses

import numpy as np

from jaxanim.geometry.open_head import load_open_head
from jaxanim.signals import face_signal
from jaxanim.tracking import face_tracks

SIZE = 96


def signal(*, degrees=((0.0, 0.0, 0.0),), fps=10.0, **expression):
    """Returns frames with these angles; each expression is one number or one for each frame."""
    count = len(degrees)
    rows = np.zeros((count, 52))
    for name, values in expression.items():
        rows[:, face_signal.INDEX[name]] = values
    return face_signal.make_signal(rows, np.array(degrees, float), np.arange(count) / fps)


def track(seen=None):
    """Returns a track in pixels of a picture of `SIZE`; the mean head, seen from the front by default."""
    made = face_tracks.of_signal(seen or signal(), load_open_head(), fps=10.0)
    scale = SIZE / made.size[0]
    camera = made.camera * np.array([scale, scale, scale, 1.0], np.float32)
    points = {name: getattr(made, name) * np.float32(scale) for name in ("landmarks68", "landmarks98")}
    return dataclasses.replace(made, camera=camera, size=np.array([SIZE, SIZE]), **points)


def photo():
    """Returns a picture of soft blots."""
    rng = np.random.default_rng(0)
    blots = rng.uniform(30, 226, (SIZE // 4, SIZE // 4, 3))
    return np.repeat(np.repeat(blots, 4, axis=0), 4, axis=1).astype(np.uint8)
