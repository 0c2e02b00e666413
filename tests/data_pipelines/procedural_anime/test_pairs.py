"""Drawn pairs as a source and as a dataset: the same pictures, whoever asks and when."""

import numpy as np
import pytest

from data_pipelines import build
from data_pipelines.procedural_anime import HOUSE_CHARACTER, pairs
from jaxanim.data import Loader, Source
from jaxanim.data.record_folder import RecordFolder


def test_records_are_functions_of_seed_and_number():
    source, again = (pairs.DrawnPairs(count=5, seed=3) for _ in range(2))
    assert isinstance(source, Source)
    first, other = again[4], source[0]
    for name, value in source[4].items():
        np.testing.assert_array_equal(value, first[name])
    assert (first["pose"] != other["pose"]).any()
    assert (first["rest"] != other["rest"]).mean() > 0.1  # another character
    with pytest.raises(IndexError, match="record 5 of 5"):
        source[5]


def test_training_can_start_without_a_dataset():
    loader = Loader(pairs.DrawnPairs(count=10**6, seed=0, design=HOUSE_CHARACTER), seed=0, batch_size=2)
    with loader.batches(7) as batches:
        batch = next(batches)
    assert {name: (value.shape, str(value.dtype)) for name, value in batch.items()} == {
        "rest": ((2, 512, 512, 4), "uint8"),
        "posed": ((2, 512, 512, 4), "uint8"),
        "pose": ((2, 45), "float32"),
        "flow_px": ((2, 512, 512, 2), "float32"),
        "known": ((2, 512, 512), "bool"),
    }


def test_the_dataset_holds_what_the_source_draws(tmp_path):
    arguments = ["procedural_anime", "--data-dir", str(tmp_path), "--count", "1", "--seed", "3", "--workers", "0"]
    assert build.main(arguments) == 0
    built, drawn = RecordFolder(tmp_path), pairs.DrawnPairs(count=1, seed=3)
    assert len(built) == 1
    for name in ("rest", "posed", "pose"):
        np.testing.assert_array_equal(built[0][name], drawn[0][name])
    assert built[0]["flow_px"].dtype == np.float16
    np.testing.assert_allclose(built[0]["flow_px"], drawn[0]["flow_px"], atol=0.13)  # float16 at 256 pixels
