"""Errors that a user of the command line can cause.

Library functions raise `TypeError`, `ValueError` or `NotImplementedError` for wrong calls; what depends on a user's
files and options raises `UserError`, which the command line prints as one line and turns into exit code 2.
"""


class UserError(Exception):
    """Something the user gave cannot be used; the message says what was given and what is possible."""


class WeightsError(UserError):
    """A weights file is damaged, foreign, incomplete, or could run code."""


class InputError(UserError):
    """An image, video, track or option cannot be used."""


class OutputError(UserError):
    """A result cannot be written where or how it was asked for."""
