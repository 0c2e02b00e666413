"""Eyelids: they turn about their eyeball's horizontal axis, so that they stay on a sphere around it."""

import numpy as np

from data_pipelines.open_head import surface

_CLOSED_AT = -19.0  # where the line between closed lids is seen from the eye's centre, degrees above the horizon
NEUTRAL = (31.0, 9.0)
CLOSED = (-5.0, -3.0)  # the lids overlap, so that nothing shows through
WIDE = (41.0, 12.0)
SQUINT = (20.0, 0.0)


def turned(vertices: np.ndarray, lid: np.ndarray, opening: tuple[float, float], tilt: float = 0.0) -> np.ndarray:
    """Returns closed lids turned open.

    Args:
      vertices: with closed lids, (n, 3).
      lid: 1 above the line between the lids, -1 below.
      opening: degrees in the middle of the upper and the lower lid.
      tilt: moves the widest place towards the temples, in halves of an eye's width.
    """
    upper, lower = opening
    result = vertices.copy()
    for side in (1, -1):
        centre = surface.EYE_CENTRE * np.array([side, 1, 1])
        q = vertices - centre
        reach = np.hypot(q[:, 1], q[:, 2])
        near = (q[:, 2] > -0.02) & (np.linalg.norm(q, axis=1) < 0.30)
        across = np.clip((np.abs(vertices[:, 0]) - 0.316) / 0.162, -1.15, 1.15) - tilt
        profile = np.clip(1 - np.abs(across + 0.05) ** 2.3, 0, 1) ** 0.72
        above = np.degrees(np.arctan2(q[:, 1], np.maximum(q[:, 2], 1e-3))) - _CLOSED_AT
        fade = np.where(lid > 0, np.clip(1 - above / 70, 0, 1), np.clip(1 + above / 55, 0, 1)) ** 1.2
        fade = np.where(np.abs(above) < 3, 1.0, np.minimum(fade, 1.0))
        on_lid = near * np.clip(1 - np.clip((reach - surface.LID_RADIUS - 0.015) / 0.065, 0, 1), 0, 1)
        angle = np.radians(np.where(lid > 0, upper, -lower) * profile * fade * on_lid)
        y = np.cos(angle) * q[:, 1] + np.sin(angle) * q[:, 2]
        z = -np.sin(angle) * q[:, 1] + np.cos(angle) * q[:, 2]
        moved = np.stack([vertices[:, 0], centre[1] + y, centre[2] + z], axis=-1)
        result = np.where(near[:, None], moved, result)
    return result
