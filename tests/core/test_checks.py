"""Checks of arguments: what passes, and messages that say what was given and what is possible."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core import checks


@pytest.mark.parametrize("allowed", [("a", "b"), ["a", "b"], {"a", "b"}, {"a": 1, "b": 2}])
def test_option(allowed):
    checks.check_option("mode", "b", allowed)
    with pytest.raises(ValueError, match=re.escape("""mode must be one of ["'a'", "'b'"], got 'c'""")):
        checks.check_option("mode", "c", allowed)


def test_options_of_several_types():
    checks.check_option("mode", None, (None, 3, "a"))
    with pytest.raises(ValueError, match=r"""got '3'$"""):
        checks.check_option("mode", "3", (None, 3, "a"))


@pytest.mark.parametrize("make", [np.zeros, jnp.zeros])
def test_rank_at_least(make):
    checks.check_rank_at_least("image", make((2, 3, 4)), 3)
    checks.check_rank_at_least("image", make(()), 0)
    with pytest.raises(ValueError, match=re.escape("image needs at least 3 axes, got shape (2, 3)")):
        checks.check_rank_at_least("image", make((2, 3)), 3)


@pytest.mark.parametrize("make", [np.zeros, jnp.zeros])
@pytest.mark.parametrize("trailing", [(3, 4), (None, 4), (3, None), (4,), (2, 3, 4), (None, None, None), ()])
def test_trailing_shape(make, trailing):
    checks.check_trailing_shape("grid", make((2, 3, 4)), trailing)


@pytest.mark.parametrize(
    ("trailing", "wanted"),
    [
        ((3,), "(3)"),
        ((4, 4), "(4, 4)"),
        ((None, 3), "(any, 3)"),
        ((1, 2, 3, 4), "(1, 2, 3, 4)"),
        ((None, None, None, None), "(any, any, any, any)"),
    ],
)
def test_other_trailing_shapes(trailing, wanted):
    with pytest.raises(ValueError, match=re.escape(f"grid must end in shape {wanted}, got (2, 3, 4)")):
        checks.check_trailing_shape("grid", np.zeros((2, 3, 4)), trailing)


def test_same_leading_shape():
    checks.check_same_leading_shape("image and grid", (2, 3), [2, 3])
    checks.check_same_leading_shape("image and grid", (), ())
    with pytest.raises(
        ValueError, match=re.escape("image and grid must have the same batch axes, got (2,) and (2, 1)")
    ):
        checks.check_same_leading_shape("image and grid", (2,), (2, 1))
