"""What readers of foreign pickles share: stand-ins that a pickle can make but that do nothing.

A pickle runs code only through the callables it names, so a reader that resolves every name to one of these is safe.
"""

from collections.abc import Callable
from typing import Any


class RefusedError(Exception):
    """A pickle asks for something that no plain file needs."""


class Inert:
    """Objects that a pickle can make but not change: without this, its BUILD could set any attribute unchecked."""

    def __setstate__(self, *_: Any) -> None:
        raise RefusedError("refused: the file asks to change how it is read")


class Function(Inert):
    """A function that a pickle may call but not change."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Calls it."""
        return self._function(*arguments)
