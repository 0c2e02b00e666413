"""How the inner loops of the drawings are compiled; without numba they say so when called, and other datasets build."""

from collections.abc import Callable
from typing import Any

from jaxanim.core.errors import InputError

Function = Callable[..., Any]


def compiled(function: Function) -> Function:
    """Compiles a function at its first call, with numpy's rules for errors."""
    return _compile(function, error_model="numpy")


def compiled_fast(function: Function) -> Function:
    """Compiles a function at its first call; sums may be taken in any order."""
    return _compile(function, fastmath=True)


try:
    import numba
except ImportError:

    def _compile(function: Function, **options: Any) -> Function:
        """Returns a function that says what is missing."""
        del function, options

        def missing(*arguments: Any) -> None:
            raise InputError("drawing needs numba: pip install 'jaxanim[train]'")

        return missing

else:

    def _compile(function: Function, **options: Any) -> Function:
        # The machine code is kept beside the source, as every worker process needs it.
        return numba.njit(cache=True, nogil=True, **options)(function)
