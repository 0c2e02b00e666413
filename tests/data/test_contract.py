"""A batch that breaks its contract is named in every point at once, before the first step."""

import numpy as np
import pytest

from jaxanim.data import ContractError, Field, Loader, check_batch, contract
from tests.data.sources import Numbers

CONTRACT = {
    "image": Field((4, None, 3), "float32", -1.0, 1.0),
    "label": Field((), "int32", 0),
}


def good():
    return {
        "image": np.linspace(-1, 1, 2 * 4 * 5 * 3, dtype=np.float32).reshape(2, 4, 5, 3),
        "label": np.arange(2, dtype=np.int32),
    }


def test_a_good_batch_passes():
    check_batch(good(), CONTRACT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((2, 4, 5, 4), np.float32)}, r"'image' must have shape \(n, 4, any, 3\), has \(2, 4, 5, 4"),
        ({"image": np.zeros((2, 4, 5), np.float32)}, r"'image' must have shape .* has \(2, 4, 5\)"),
        ({"image": np.zeros((2, 4, 5, 3), np.uint8)}, "'image' must be float32, is uint8"),
        ({"image": np.full((2, 4, 5, 3), 255, np.float32)}, r"'image' must lie in \[-1, 1\], lies in \[255, 255\]"),
        ({"label": np.array([0, -1], np.int32)}, r"'label' must lie in \[0, inf\], lies in \[-1, 0\]"),
        ({"label": np.zeros(3, np.int32)}, "different numbers of examples: .*'label': 3"),
        ({"depth": np.zeros(2)}, "'depth' is not expected"),
        ({"label": np.asarray(3, np.int32)}, r"'label' must have shape \(n\), has \(\)"),
    ],
)  # fmt: skip
def test_a_broken_batch_says_how(change, message):
    with pytest.raises(ContractError, match=message):
        check_batch(good() | change, CONTRACT)


def test_values_that_are_not_finite():
    batch = good()
    batch["image"][1, 2, 3, 0] = np.nan
    with pytest.raises(ContractError, match="'image' holds a value that is not finite, in example 1"):
        check_batch(batch, CONTRACT)


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(ContractError, match="'image' is missing; 'label' is missing; 'x' is not expected"):
        check_batch({"x": np.zeros(2)}, CONTRACT)


def test_the_loader_checks_its_first_batch():
    square = Field((2,), "float32", 0)
    right = {"number": Field((), "int32"), "square": square}
    for wanted, fits in ((right, True), ({"number": Field((), "int64"), "square": square}, False)):
        with Loader(Numbers(4), seed=0, batch_size=2, contract=wanted).batches(0) as batches:
            if fits:
                assert next(batches)["square"].shape == (2, 2)
            else:
                with pytest.raises(ContractError, match="'number' must be int64, is int32"):
                    next(batches)


def test_fields_of_roles():
    fields = contract.by_role({"image": contract.Field((4, 4, 3), "uint8")}, ("anchor", "positive", "negative"))
    assert sorted(fields) == ["anchor_image", "negative_image", "positive_image"]
    assert fields["anchor_image"] == contract.Field((4, 4, 3), "uint8")
