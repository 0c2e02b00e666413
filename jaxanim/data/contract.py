"""What a batch holds: names, shapes, types and ranges of its arrays, written down once, checked at the first batch."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxanim.core.errors import InputError
from jaxanim.data.source import Batch


class ContractError(InputError):
    """A batch is not what its reader expects."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One array of a batch.

    Attributes:
      shape: of one example; None takes any length.
      dtype: numpy's name of the type.
      low: smallest allowed value, both ends included; floating point values must be finite in any case.
      high: largest allowed value.
    """

    shape: tuple[int | None, ...]
    dtype: str
    low: float | None = None
    high: float | None = None


Contract = Mapping[str, Field]


def by_role(contract: Contract, roles: Sequence[str]) -> dict[str, Field]:
    """Returns what a batch holds that a sampler with these roles makes: each field once for each role.

    Args:
      contract: of single records.
      roles: of the sampler: ('source', 'driving') of pairs, ('anchor', 'positive', 'negative') of triplets.
    """
    return {f"{role}_{name}": field for role in roles for name, field in contract.items()}


def check_batch(batch: Batch, contract: Contract) -> None:
    """Raises ContractError, naming everything that is wrong, unless the batch keeps the contract."""
    wrong = [f"{name!r} is missing" for name in contract if name not in batch]
    wrong += [f"{name!r} is not expected" for name in batch if name not in contract]
    lengths = {name: len(batch[name]) for name in batch if batch[name].ndim}
    if len(set(lengths.values())) > 1:
        wrong.append(f"arrays hold different numbers of examples: {lengths}")
    for name in contract:
        if name in batch:
            wrong += _faults(name, batch[name], contract[name])
    if wrong:
        raise ContractError("the batch is not what its reader expects: " + "; ".join(wrong))


def _faults(name: str, array: np.ndarray, field: Field) -> list[str]:
    """Lists what is wrong with one array."""
    wrong = []
    shape = array.shape[1:]
    fits = len(shape) == len(field.shape) and all(
        want in (None, have) for want, have in zip(field.shape, shape, strict=True)
    )
    if array.ndim == 0 or not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in ("n", *field.shape))
        wrong.append(f"{name!r} must have shape ({wanted}), has {array.shape}")
    if array.dtype != np.dtype(field.dtype):
        wrong.append(f"{name!r} must be {field.dtype}, is {array.dtype}")
    if wrong or not array.size or array.dtype.kind not in "buif":
        return wrong
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        example = int(np.argwhere(~np.isfinite(array))[0][0])
        return [f"{name!r} holds a value that is not finite, in example {example}"]
    least, most = float(array.min()), float(array.max())
    low = -np.inf if field.low is None else field.low
    high = np.inf if field.high is None else field.high
    if least < low or most > high:
        wrong.append(f"{name!r} must lie in [{low:g}, {high:g}], lies in [{least:g}, {most:g}]")
    return wrong
