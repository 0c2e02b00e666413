"""Action units of a picture as OpenFace's FaceLandmarkImg writes them, the labels of GANimation and of ATW."""

import csv

import numpy as np
from jaxtyping import Float

from jaxanim.data import CorruptRecordError
from jaxanim.signals import action_units


def parse(data: bytes, name: str) -> Float[np.ndarray, "17"]:
    """Reads the intensities, 0 to 5, of `action_units.NAMES` of the one face in a picture; columns are found by name.

    Args:
      data: content of the .csv file.
      name: what to call it in errors.

    Raises:
      CorruptRecordError: it is not such a file, OpenFace found no face or several, or a value is out of range.
    """
    try:
        header, *rows = csv.reader(data.decode("utf-8-sig").splitlines())
    except (ValueError, csv.Error) as error:
        raise CorruptRecordError(f"{name}: not a .csv file ({error})") from error
    columns = [column.strip() for column in header]
    wanted = [f"{unit}_r" for unit in action_units.NAMES]
    if missing := [column for column in wanted if column not in columns]:
        raise CorruptRecordError(f"{name}: has no column {missing[0]}; is it OpenFace's, made with -aus?")
    if len(rows) != 1 or len(rows[0]) != len(columns):
        raise CorruptRecordError(f"{name}: holds {len(rows)} faces, one line of {len(columns)} values is expected")
    row = dict(zip(columns, rows[0], strict=True))
    try:
        tracked = float(row.get("success", "1")) > 0
        values = np.array([float(row[column]) for column in wanted], np.float32)
    except ValueError as error:
        raise CorruptRecordError(f"{name}: {error}") from error
    if not tracked:
        raise CorruptRecordError(f"{name}: OpenFace did not find the face")
    if not (np.isfinite(values).all() and (values >= 0).all() and (values <= action_units.LARGEST).all()):
        raise CorruptRecordError(f"{name}: intensities of action units lie in 0 to 5, got {values.tolist()}")
    return values
