"""The run-time type checker of the test suite: an int is a float, as for static checkers."""

from beartype import BeartypeConf, beartype

typechecked = beartype(conf=BeartypeConf(is_pep484_tower=True))
