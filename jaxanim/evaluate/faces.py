"""How well faces are found: landmarks, turns of the head, coefficients of expressions."""

import numpy as np
from jaxtyping import Float


def landmark_error(found: Float[np.ndarray, "n 68 2"], truth: Float[np.ndarray, "n 68 2"]) -> Float[np.ndarray, " n"]:
    """Returns the mean distance of 68 landmarks, relative to the distance of the eyes' outer corners (300-W's NME)."""
    between = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=-1)
    return np.linalg.norm(found - truth, axis=-1).mean(axis=-1) / between


def rotation_error(found: Float[np.ndarray, "n 3 3"], truth: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, " n"]:
    """Returns the angle in degrees between rotations."""
    trace = np.einsum("nij,nij->n", found, truth)
    return np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def correlation(found: Float[np.ndarray, "n e"], truth: Float[np.ndarray, "n e"]) -> float:
    """Returns the correlation of all coefficients taken together, each around its own mean (Pearson)."""
    one, other = found - found.mean(axis=0), truth - truth.mean(axis=0)
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum() + 1e-20))
