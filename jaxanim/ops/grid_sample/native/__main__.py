"""`python -m jaxanim.ops.grid_sample.native`: compiles the native warp for this machine, once."""

import sys

from jaxanim.ops.grid_sample.native import library


def main() -> int:
    """Builds, checks and reports where the library lies; 2 if that is not possible here."""
    try:
        path = library.build()
    except NotImplementedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"The native warp is built and checked: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
