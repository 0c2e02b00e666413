"""The locators that `jaxanim fit` looks with: a regressor and a refiner, those that ship with the package or others."""

from pathlib import Path

from jaxanim.core.errors import InputError
from jaxanim.tracking.refiner import files as refiner_files
from jaxanim.tracking.refiner.locator import RefinedLocator
from jaxanim.tracking.regressor import files as regressor_files
from jaxanim.tracking.regressor.design import OPEN_HEAD_SMALL
from jaxanim.tracking.regressor.locator import RegressorLocator


def load_locator(regressor: Path | None = None, refiner: Path | None = None, *, careful: bool) -> RefinedLocator:
    """Reads both networks and compiles them.

    Args:
      regressor: its file; None for the one that ships.
      refiner: its file; None for the one that ships.
      careful: whether each face is looked at six times by each, as photos are.

    Raises:
      WeightsError: a file is damaged, incomplete or something else.
      InputError: the regressor is of another model or of other landmarks.
    """
    path = regressor or regressor_files.bundled_regressor()
    _, network, params = regressor_files.read_regressor(path)
    design = network.design
    if design.model != "open_head" or design.points != OPEN_HEAD_SMALL.points:
        raise InputError(
            f"{path}: finds {design.points} landmarks and parameters of {design.model}; a regressor of the open head "
            f"with {OPEN_HEAD_SMALL.points} landmarks is needed (configs/tracking/small.py)"
        )
    first = RegressorLocator(network, params, careful=careful)
    _, closer, closer_params = refiner_files.read_refiner(refiner or refiner_files.bundled_refiner())
    return RefinedLocator(first, closer, closer_params, careful=careful)
