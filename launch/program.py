"""What the programs of this folder have in common: how they end where something given cannot be used."""

import contextlib
import sys
from collections.abc import Iterator

from jaxanim.core.errors import UserError

USER_ERROR = 2


@contextlib.contextmanager
def said_in_one_line() -> Iterator[None]:
    """Ends the process with one line and code 2 where a `UserError` says what is wrong."""
    try:
        yield
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(USER_ERROR)
