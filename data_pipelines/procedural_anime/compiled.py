"""How the inner loops of the drawings are compiled; without numba they say so when called, and other datasets build."""

from collections.abc import Callable
from typing import Any

from jaxanim.core.errors import InputError

try:
    import numba
except ImportError:

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that says what is missing."""
        del function

        def missing(*arguments: Any) -> None:
            raise InputError("drawing characters needs numba: pip install 'jaxanim[train]'")

        return missing

else:

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        """Compiles a function at its first call."""
        # The machine code is kept beside the source, as every worker process needs it.
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
