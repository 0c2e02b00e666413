"""Animate faces and characters from one still image, with JAX."""

__version__ = "0.1.0"
__all__ = ["__version__"]
