"""Total tables from foreign parameter names to ours: every source key used, every leaf filled, every shape checked."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxanim.core.errors import WeightsError
from jaxanim.core.types import Params
from jaxanim.weights import layouts


@dataclasses.dataclass(frozen=True)
class Row:
    """One array: its key in the source, its path in our nested dict ('/'-separated), and how it is laid out anew."""

    source: str
    path: str
    layout: layouts.Layout = layouts.same


Table = tuple[Row, ...]


def apply(table: Table, source: Mapping[str, np.ndarray], template: Params, *, what: str) -> Params:
    """Fills a nested dict with the arrays of a checkpoint.

    Args:
      table: one row for every array.
      source: the checkpoint, names -> arrays.
      template: nested dict of arrays or shapes (`jax.eval_shape`) that says what must be filled.
      what: name of the network in messages.

    Returns:
      Nested dict like `template`, float32.

    Raises:
      WeightsError: a key is missing or unused, a leaf is not filled, a shape or type differs, or
        a number is not finite in float32.
    """
    expected = flatten(template)
    _check_names(table, source, expected, what)
    filled = {}
    for row in table:
        array = source[row.source]
        if not np.issubdtype(array.dtype, np.floating):
            raise WeightsError(f"{what}: {row.source} holds {array.dtype}, expected floating-point numbers")
        want = tuple(expected[row.path].shape)
        have = _laid_out_shape(row, array)
        if have != want:
            raise WeightsError(f"{what}: {row.source} has shape {array.shape}, which cannot fill {row.path} {want}")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
            filled[row.path] = np.array(row.layout(array), np.float32, order="C")
        if not np.isfinite(filled[row.path]).all():
            raise WeightsError(f"{what}: {row.source} holds numbers that are not finite in float32")
    return unflatten(filled)


def check_filled(params: Params, template: Params, *, what: str) -> None:
    """Checks that `params` have exactly the names, shapes and type (float32) of a template, and that all are finite.

    Raises:
      WeightsError: a name is missing or unknown, a shape or type differs, or a number is not finite.
    """
    have, want = flatten(params), flatten(template)
    odd = [*_difference(want, have), *_difference(have, want)]
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        raise WeightsError(f"{what}: its parameters are not those of the network ({odd[0]}{more})")
    for name, leaf in want.items():
        if have[name].shape != leaf.shape or have[name].dtype != np.float32:
            given = f"{have[name].dtype} {have[name].shape}"
            raise WeightsError(f"{what}: {name} is {given}, float32 {leaf.shape} was expected")
        if not np.isfinite(have[name]).all():
            raise WeightsError(f"{what}: {name} holds numbers that are not finite")


def flatten(tree: Params) -> dict[str, Any]:
    """Turns nested dicts into one dict with '/'-separated paths."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {"/".join(str(getattr(key, "key", key)) for key in path): leaf for path, leaf in leaves}


def unflatten(flat: Mapping[str, np.ndarray]) -> Params:
    """Turns '/'-separated paths into nested dicts.

    Raises:
      ValueError: a path is both a leaf and a group of leaves.
    """
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path!r} lies below an array")
        if name in node:
            raise ValueError(f"{path!r} is both an array and a group of arrays")
        node[name] = leaf
    return tree


def _laid_out_shape(row: Row, array: np.ndarray) -> tuple[int, ...] | None:
    try:
        return row.layout(array).shape
    except (ValueError, IndexError):  # another number of axes than the layout takes
        return None


def _check_names(table: Table, source: Mapping[str, np.ndarray], expected: Mapping[str, object], what: str) -> None:
    sources, paths = [row.source for row in table], [row.path for row in table]
    problems = [
        ("named twice by the table", sorted({name for name in sources if sources.count(name) > 1})),
        ("filled twice by the table", sorted({name for name in paths if paths.count(name) > 1})),
        ("missing in the file", _difference(sources, source)),
        ("unknown in the file", _difference(source, sources)),
        ("not filled by the table", _difference(expected, paths)),
        ("unknown to the network", _difference(paths, expected)),
    ]
    for problem, names in problems:
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise WeightsError(f"{what}: {problem}: {', '.join(names[:3])}{more}")


def _difference(names: Sequence[str] | Mapping[str, object], other: Sequence[str] | Mapping[str, object]) -> list[str]:
    present = set(other)
    return [name for name in names if name not in present]
