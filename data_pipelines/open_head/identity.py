"""What tells people apart: offsets of one standard deviation each, as functions of the place on the neutral head."""

from collections.abc import Callable

import numpy as np

from data_pipelines.open_head.fields import Points, bump, folded, ramp, vector

Offsets = dict[str, np.ndarray]

_SPREAD = 0.62
"""The modes below were drawn one at a time; together they would make people too different."""


def offsets(points: Points) -> Offsets:
    """Returns all modes at points, name -> (n, 3)."""
    result: Offsets = {}
    regions: tuple[Callable[[Points], Offsets], ...] = (
        _skull,
        _jaw,
        _cheeks,
        _brow,
        _eyes,
        _nose,
        _mouth,
        _neck,
        _life,
    )
    for region in regions:
        result.update({name: _SPREAD * value for name, value in region(points).items()})
    return result


def _skull(p: Points) -> Offsets:
    above = ramp(p.y, -0.3, 0.5)
    return {
        "size": 0.035 * (p.place - np.array([0, -0.3, 0])) * ramp(p.y, -1.6, -0.9)[:, None],
        "head_width": vector(p.x, 0.050 * p.x * ramp(p.y, -1.3, -0.5)),
        "head_height": vector(p.x, y=0.07 * ramp(p.y, 0.1, 1.1)),
        "head_depth": vector(p.x, z=-0.08 * ramp(-p.z, -0.1, 0.9) * above),
        "face_length": vector(p.x, y=0.055 * np.clip(p.y, -1.1, 0) * ramp(p.z, -0.3, 0.4)),
        "temple_width": vector(p.x, 0.035 * p.side * folded(p, (0.7, 0.25, 0.35), (0.2, 0.25, 0.35))),
        "crown_shape": vector(p.x, 0.03 * p.x * ramp(p.y, 0.3, 1.0), 0.03 * ramp(-p.z, 0.2, 0.9) * above),
    }


def _jaw(p: Points) -> Offsets:
    return {
        "jaw_width": vector(p.x, 0.050 * p.side * folded(p, (0.5, -0.72, 0.15), (0.3, 0.25, 0.45))),
        "jaw_height": vector(p.x, y=-0.05 * folded(p, (0.45, -0.80, 0.15), (0.2, 0.2, 0.3))),
        "chin_width": vector(p.x, 0.22 * p.x * folded(p, (0.10, -1.0, 0.7), (0.13, 0.13, 0.25))),
        "chin_length": vector(p.x, y=-0.065 * bump(p, (0, -1.1, 0.6), (0.32, 0.2, 0.4))),
        "chin_forward": vector(p.x, z=0.055 * bump(p, (0, -1.02, 0.75), (0.22, 0.16, 0.3))),
        "jaw_forward": vector(p.x, z=0.045 * bump(p, (0, -0.95, 0.55), (0.5, 0.30, 0.5))),
        "jaw_lopsided": vector(p.x, 0.025 * bump(p, (0, -1.0, 0.55), (0.5, 0.25, 0.5))),
    }


def _cheeks(p: Points) -> Offsets:
    bone = folded(p, (0.45, -0.20, 0.52), (0.16, 0.12, 0.25))
    full = folded(p, (0.44, -0.50, 0.45), (0.16, 0.19, 0.3))
    hollow = folded(p, (0.40, -0.42, 0.55), (0.11, 0.12, 0.2))
    return {
        "cheekbones": vector(p.x, 0.03 * p.side * bone, 0, 0.025 * bone),
        "cheekbone_height": vector(p.x, y=0.035 * bone),
        "cheek_fullness": vector(p.x, 0.045 * p.side * full, 0, 0.025 * full),
        "cheek_hollows": vector(p.x, -0.022 * p.side * hollow, 0, -0.028 * hollow),
    }


def _brow(p: Points) -> Offsets:
    ridge = folded(p, (0.26, 0.17, 0.8), (0.18, 0.07, 0.2))
    return {
        "brow_ridge": vector(p.x, z=0.03 * ridge),
        "brow_height": vector(p.x, y=0.03 * folded(p, (0.30, 0.19, 0.78), (0.24, 0.07, 0.25))),
        "brow_tilt": vector(p.x, y=0.10 * (np.abs(p.x) - 0.28) * folded(p, (0.30, 0.20, 0.75), (0.2, 0.07, 0.25))),
        "glabella": vector(p.x, z=0.022 * bump(p, (0, 0.19, 0.82), (0.08, 0.10, 0.2))),
        "forehead_bulge": vector(p.x, z=0.04 * bump(p, (0, 0.52, 0.7), (0.42, 0.24, 0.4))),
        "forehead_slope": vector(p.x, z=-0.06 * ramp(p.y, 0.25, 1.0) * ramp(p.z, -0.1, 0.5)),
    }


def _eyes(p: Points) -> Offsets:
    around = folded(p, (0.33, 0, 0.65), (0.22, 0.16, 0.3))
    return {
        "eye_spacing": vector(p.x, 0.022 * p.side * around),
        "eye_size": around[:, None] * (p.place - np.array([0, 0, 0.575]) - vector(p.x, 0.316 * p.side)) * 0.06,
        "eye_height": vector(p.x, y=0.025 * around),
        "eye_depth": vector(p.x, z=0.025 * around),
        "eye_tilt": vector(p.x, y=0.10 * (np.abs(p.x) - 0.315) * around),
        "eye_bags": vector(p.x, z=0.016 * folded(p, (0.30, -0.165, 0.72), (0.10, 0.028, 0.15))),
        "upper_lid_fullness": vector(p.x, 0, -0.02, 0.02) * folded(p, (0.34, 0.115, 0.74), (0.11, 0.03, 0.15))[:, None],
    }


def _nose(p: Points) -> Offsets:
    from_middle = ramp(np.abs(p.x), 0, 0.1) * p.side
    wing = folded(p, (0.13, -0.43, 0.92), (0.08, 0.09, 0.16))
    return {
        "nose_length": vector(p.x, y=-0.05 * bump(p, (0, -0.45, 0.98), (0.18, 0.11, 0.25))),
        "nose_forward": vector(p.x, z=0.06 * bump(p, (0, -0.37, 1.02), (0.12, 0.16, 0.25))),
        "nose_bridge": vector(p.x, z=0.045 * bump(p, (0, -0.06, 0.86), (0.09, 0.15, 0.2))),
        "nose_hump": vector(p.x, z=0.030 * bump(p, (0, -0.20, 0.92), (0.07, 0.07, 0.2))),
        "nose_width": vector(p.x, 0.038 * from_middle * wing),
        "nose_bridge_width": vector(p.x, 0.022 * from_middle * folded(p, (0.08, -0.15, 0.85), (0.05, 0.16, 0.15))),
        "nose_tip_up": vector(p.x, y=0.045 * bump(p, (0, -0.40, 1.05), (0.10, 0.08, 0.13))),
        "nose_tip_width": vector(p.x, 0.025 * from_middle * folded(p, (0.06, -0.38, 1.0), (0.06, 0.07, 0.1))),
        "nostril_flare": vector(p.x, 0.018 * p.side * wing, 0.030 * wing),
        "nose_bend": vector(p.x, 0.020 * bump(p, (0, -0.34, 1.0), (0.13, 0.14, 0.2))),
    }


def _mouth(p: Points) -> Offsets:
    around = bump(p, (0, -0.74, 0.9), (0.32, 0.13, 0.3))
    # Lips grow away from the line between them, which stays closed.
    upper = bump(p, (0, -0.675, 0.93), (0.20, 0.035, 0.2)) * p.upper * ramp(p.y, -0.725, -0.675)
    lower = bump(p, (0, -0.81, 0.93), (0.20, 0.04, 0.2)) * p.lower * ramp(p.y, -0.745, -0.805)
    red = bump(p, (0, -0.74, 0.93), (0.20, 0.07, 0.2))
    corner = folded(p, (0.27, -0.74, 0.8), (0.08, 0.10, 0.2))
    return {
        "mouth_width": vector(p.x, 0.12 * p.x * around, 0, -0.025 * corner),
        "mouth_height": vector(p.x, y=0.03 * around),
        "mouth_forward": vector(p.x, z=0.035 * bump(p, (0, -0.7, 0.9), (0.28, 0.2, 0.3))),
        "upper_lip": vector(p.x, 0, 0.036 * upper, 0.024 * upper),
        "lower_lip": vector(p.x, 0, -0.040 * lower, 0.032 * lower),
        "lip_roundness": vector(p.x, z=0.030 * red - 0.012 * corner),
        "philtrum": vector(p.x, z=-0.014 * bump(p, (0, -0.59, 0.92), (0.035, 0.06, 0.1))),
        "mouth_corners": vector(p.x, y=0.028 * corner),
    }


def _neck(p: Points) -> Offsets:
    below = ramp(p.y, -0.85, -1.25)
    axis = vector(p.x, p.x, 0, p.z + 0.25)
    return {
        "neck_width": 0.08 * axis * (below * ramp(p.z, 0.55, 0.25))[:, None],
        "under_chin": vector(p.x, y=-0.06 * bump(p, (0, -1.13, 0.32), (0.3, 0.15, 0.16))),
        "larynx": vector(p.x, z=0.03 * bump(p, (0, -1.36, 0.2), (0.07, 0.09, 0.2))),
        "neck_slant": vector(p.x, z=0.06 * ramp(p.y, -0.9, -1.8)),
    }


def _life(p: Points) -> Offsets:
    """Age and sex: patterns that the other modes do not contain."""
    jowl = folded(p, (0.38, -0.86, 0.45), (0.12, 0.09, 0.2))
    fold = folded(p, (0.27, -0.55, 0.75), (0.05, 0.12, 0.15))
    beside = folded(p, (0.34, -0.52, 0.68), (0.08, 0.13, 0.15))
    temple = folded(p, (0.62, 0.2, 0.45), (0.1, 0.18, 0.2))
    robust = folded(p, (0.30, 0.21, 0.75), (0.22, 0.06, 0.2)) + 0.8 * folded(p, (0.17, -1.03, 0.66), (0.12, 0.1, 0.2))
    angle = folded(p, (0.50, -0.78, 0.1), (0.15, 0.14, 0.2))
    child = ramp(p.y, 0.0, 0.6) - ramp(p.y, -0.2, -0.9) * ramp(p.z, -0.1, 0.5)
    return {
        "age": vector(p.x, 0.02 * p.side * jowl, -0.03 * jowl - 0.015 * beside, -0.02 * fold + 0.012 * beside)
        - vector(p.x, 0.025 * p.side * temple),
        "robustness": vector(p.x, 0.035 * p.side * angle, -0.03 * angle, 0.028 * robust),
        "childlike": vector(p.x, 0.04 * p.x * child, 0.03 * child),
    }


def ear_offsets(vertices: np.ndarray, anchor: np.ndarray) -> Offsets:
    """Returns the modes of one ear's own shape; the rest of an ear's offsets are those of its anchor."""
    local = vertices - anchor
    out = np.sign(anchor[0]) * np.maximum(np.abs(vertices[:, 0]) - np.abs(anchor[0]), 0)
    behind = np.maximum(0.1 - local[:, 2], 0)
    shapes = {
        "ear_size": 0.09 * local,
        "ear_height": vector(out, y=0.12 * local[:, 1]),
        "ears_out": vector(out, 0.25 * out + 0.10 * np.sign(anchor[0]) * behind * (np.abs(out) > 0.01)),
        "ear_lobes": vector(out, y=-0.03 * ramp(local[:, 1], -0.12, -0.26)),
    }
    return {name: _SPREAD * value for name, value in shapes.items()}
