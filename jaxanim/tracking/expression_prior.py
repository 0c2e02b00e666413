"""Which expressions are likely, before a face is seen: how strong ARKit's blendshapes are, and which come together.

Landmarks alone cannot tell what 52 blendshapes do: a raised upper lip can be a sneer or a word. Sounds and feelings
use them in a few combinations; the bundled second moments are those of `data_pipelines.expression_moments`.
"""

import importlib.resources
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.core.types import Array, Float
from jaxanim.weights import numpy_pickle

_APART = 0.05  # deviation of each coefficient from the combinations
_LEAST = 0.1  # deviation of those that the moments hardly know
_MAX_BYTES = 1 << 20


def bundled_moments() -> Path:
    """Returns the file that ships with the package."""
    return Path(str(importlib.resources.files("jaxanim") / "assets" / "expression_moments.npz"))


def expression_precision(names: tuple[str, ...], path: Path | None = None) -> Float[Array, "e e"]:
    """Returns the inverse second moments of coefficients, around 0.

    Args:
      names: of a model's expressions; for none of them, see `plain_precision`.
      path: a file of moments; None for the bundled one.

    Raises:
      InputError: the file is missing or damaged, or does not know one of the names.
    """
    path = path or bundled_moments()
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    stored = numpy_pickle.read_npz(path, max_bytes=_MAX_BYTES)
    known = [str(name) for name in stored.get("names", ())]
    moments = np.asarray(stored.get("moments", np.zeros((0, 0))), np.float64)
    if not known or moments.shape != (len(known), len(known)) or not np.isfinite(moments).all():
        raise InputError(f"{path}: not moments of expressions, it has {sorted(stored)}")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"{path}: knows nothing of {', '.join(unknown)}")
    rows = [known.index(name) for name in names]
    moments = moments[np.ix_(rows, rows)]
    apart = np.maximum(_APART**2, _LEAST**2 - np.diag(moments))
    return jnp.asarray(np.linalg.inv(moments + np.diag(apart)), jnp.float32)


def plain_precision(count: int) -> Float[Array, "e e"]:
    """Returns that of independent coefficients of one standard deviation, such as FLAME's."""
    return jnp.eye(count, dtype=jnp.float32)
