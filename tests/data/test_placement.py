"""Rows of a batch go to the devices that hold them; every process reads those and no others."""

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxanim.data import Loader, host_rows, place, placement
from tests.data.sources import Numbers


def sharding(shape, names, *spec):
    mesh = jax.make_mesh(shape, names, axis_types=(AxisType.Auto,) * len(shape))
    return NamedSharding(mesh, PartitionSpec(*spec))


@pytest.mark.parametrize(
    ("shape", "names", "rows_per_device"),
    [((4,), ("data",), 2), ((2, 2), ("data", "model"), 4), ((1, 4), ("data", "model"), 8)],
)
def test_global_arrays_equal_the_global_batch(shape, names, rows_per_device):
    loader = Loader(Numbers(20), seed=2, batch_size=8)
    where = sharding(shape, names, "data")
    placed = place(loader.host_batch(3), where, 8)
    for name, want in loader.global_batch(3).items():
        assert placed[name].sharding.is_equivalent_to(where, want.ndim)
        assert {shard.data.shape[0] for shard in placed[name].addressable_shards} == {rows_per_device}
        np.testing.assert_array_equal(placed[name], want)
    total = jax.jit(lambda batch: batch["square"].sum())(placed)
    np.testing.assert_allclose(total, loader.global_batch(3)["square"].sum())


def test_one_process_reads_all_rows():
    assert host_rows(sharding((4,), ("data",), "data"), 8) == slice(0, 8)
    assert host_rows(sharding((4,), ("data",)), 8) == slice(0, 8)


def test_a_process_reads_what_its_devices_hold():
    assert placement._joined([slice(6, 8), slice(4, 6)], 8) == slice(4, 8)
    assert placement._joined([slice(4, 8), slice(4, 8)], 8) == slice(4, 8)
    assert placement._joined([slice(None)], 8) == slice(0, 8)
    with pytest.raises(ValueError, match=r"\[\(0, 2\), \(4, 6\)\] of 8, which are not one stretch"):
        placement._joined([slice(0, 2), slice(4, 6)], 8)


def test_a_batch_of_another_size():
    batch = Loader(Numbers(20), seed=2, batch_size=4).host_batch(0)
    with pytest.raises(ValueError, match=r"holds rows 0 to 8 of 8, got shapes \{'number': \(4,\)"):
        place(batch, sharding((4,), ("data",), "data"), 8)


def test_a_batch_that_does_not_divide():
    with pytest.raises(ValueError, match="divi"):
        host_rows(sharding((4,), ("data",), "data"), 6)
