"""The order is a function of (seed, step), a position is a step, damaged records are replaced alike everywhere."""

import itertools
import threading
import time

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.data import Loader, TooManyCorruptRecordsError, sampling
from tests.data.sources import Numbers


def numbers(batches):
    return np.concatenate([batch["number"] for batch in batches])


def take(loader, first_step, count, **options):
    with loader.batches(first_step, **options) as batches:
        return list(itertools.islice(batches, count))


def noise(sample, rng):
    return {**sample, "noise": rng.normal(size=3).astype(np.float32)}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_the_order_never_changes():
    """Written down, so that another version of a dependency cannot change what a resumed run sees."""
    loader = Loader(Numbers(10), seed=3, batch_size=5)
    assert numbers(loader.global_batch(step) for step in range(4)).tolist() == [
        *(4, 6, 9, 7, 5, 3, 1, 8, 2, 0),
        *(8, 1, 3, 7, 9, 0, 5, 4, 2, 6),
    ]


@pytest.mark.parametrize("damaged", [(), (0, 5, 6, 17)], ids=["whole", "damaged"])
@pytest.mark.parametrize("hosts", [1, 2, 4, 8])
def test_hosts_share_one_global_batch(hosts, damaged):
    whole = Loader(Numbers(23, damaged), seed=1, batch_size=8, transform=noise)
    share = 8 // hosts
    parts = [
        Loader(Numbers(23, damaged), seed=1, batch_size=8, transform=noise, rows=slice(h * share, (h + 1) * share))
        for h in range(hosts)
    ]
    for step in (0, 1, 2, 3, 1000, 10**9):
        mine = [part.host_batch(step) for part in parts]
        assert_same({k: np.concatenate([m[k] for m in mine]) for k in mine[0]}, whole.global_batch(step))


def test_a_host_reads_its_own_rows_only():
    source = Numbers(40)
    Loader(source, seed=0, batch_size=8, rows=slice(2, 4)).host_batch(0)
    assert len(source.reads) == 2


@pytest.mark.parametrize(("length", "batch_size"), [(24, 8), (23, 8), (5, 8), (1, 3)])
def test_an_epoch_holds_every_record_once(length, batch_size):
    """Also where a batch reaches over the end of an epoch, or is longer than one."""
    loader = Loader(Numbers(length), seed=7, batch_size=batch_size)
    stream = numbers(loader.global_batch(step) for step in range(1 + 3 * length // batch_size))
    epochs = stream[: len(stream) // length * length].reshape(-1, length)
    np.testing.assert_array_equal(np.sort(epochs), np.broadcast_to(np.arange(length), epochs.shape))


def test_epochs_and_seeds_are_shuffled_differently():
    def order(seed, epoch):
        loader = Loader(Numbers(32), seed=seed, batch_size=32)
        return tuple(loader.global_batch(epoch)["number"].tolist())

    assert len({order(seed, epoch) for seed in range(3) for epoch in range(3)}) == 9
    assert order(0, 0) != tuple(range(32))


@pytest.mark.parametrize("first_step", [0, 1, 5, 6, 19])
@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (2, 4), (4, 2)])
def test_resume_is_exact(first_step, threads, ahead):
    loader = Loader(Numbers(23, damaged=(4, 9)), seed=1, batch_size=4, transform=noise, rows=slice(1, 3))
    resumed = take(loader, first_step, 5, threads=threads, ahead=ahead)
    for step, batch in enumerate(resumed, first_step):
        assert_same(batch, loader.host_batch(step))


def test_the_position_counts_batches_handed_out_not_those_read_ahead():
    loader = Loader(Numbers(23), seed=1, batch_size=4)
    with loader.batches(3, threads=2, ahead=8) as batches:
        assert batches.step == 3
        first, second = next(batches), next(batches)
        position = batches.step
    assert position == 5
    assert_same(first, loader.global_batch(3))
    assert_same(second, loader.global_batch(4))
    assert_same(take(loader, position, 1)[0], loader.global_batch(5))


def test_randomness_belongs_to_the_example():
    loader = Loader(Numbers(6), seed=1, batch_size=6, transform=noise)
    first, second = loader.global_batch(0), loader.global_batch(1)
    assert len(np.unique(np.concatenate([first["noise"], second["noise"]]))) == 36
    other = Loader(Numbers(6), seed=1, batch_size=3, transform=noise)  # example n is the same in batches of any size
    np.testing.assert_array_equal(other.global_batch(1)["noise"], first["noise"][3:])


def test_threads_read_ahead_and_end():
    source = Numbers(100)
    loader = Loader(source, seed=0, batch_size=2)
    before = threading.active_count()
    with loader.batches(0, threads=2, ahead=3) as batches:
        next(batches)
        deadline = time.monotonic() + 5
        while len(source.reads) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(source.reads) == 8  # the one handed out and three more
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_damaged_records_are_replaced_and_nothing_else_moves():
    whole = Loader(Numbers(30), seed=5, batch_size=10, transform=noise)
    holed = Loader(Numbers(30, damaged=(3, 11)), seed=5, batch_size=10, transform=noise)
    for step in range(6):
        want, have = whole.global_batch(step), holed.global_batch(step)
        good = ~np.isin(want["number"], (3, 11))
        assert_same({k: v[good] for k, v in want.items()}, {k: v[good] for k, v in have.items()})
        assert not np.isin(have["number"], (3, 11)).any()


def test_damaged_records_are_counted_once_and_in_order():
    loader = Loader(Numbers(30, damaged=(3, 11)), seed=5, batch_size=10)
    order = [n for step in range(9) for n in Loader(Numbers(30), seed=5, batch_size=10).global_batch(step)["number"]]
    with loader.batches(0, threads=4, ahead=6) as batches:
        for step in range(9):
            next(batches)
            # Replacements may meet the other damaged record early; they never meet one that does not count.
            assert set(batches.corrupt) >= {3, 11} & set(order[: 10 * (step + 1)])
        assert batches.corrupt == {3: "number 3 is damaged", 11: "number 11 is damaged"}


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (4, 8)])
def test_too_many_damaged_records_stop_at_a_fixed_step(threads, ahead):
    damaged = (2, 5, 8, 13, 21)
    loader = Loader(Numbers(30, damaged), seed=5, batch_size=3)
    met: list[int] = []  # in the order of the steps, one thread
    for step in range(10):
        met += [record for record in loader._load(step, range(3)).corrupt if record not in met]
        if len(met) > 3:
            break
    with loader.batches(0, threads=threads, ahead=ahead, max_corrupt=3) as batches:
        with pytest.raises(TooManyCorruptRecordsError) as error:
            list(itertools.islice(batches, 10))
        assert batches.step == step
    record = met[3]
    assert f"4 records are damaged, at most 3 may be; the last one, met at step {step}, is record {record}" in str(
        error.value
    )
    assert f"number {record} is damaged" in str(error.value)


def test_as_many_damaged_records_as_allowed_do_not_stop():
    loader = Loader(Numbers(30, damaged=(2, 5, 8)), seed=5, batch_size=3)
    assert len(take(loader, 0, 20, max_corrupt=3)) == 20


def test_the_count_goes_on_where_it_was():
    loader = Loader(Numbers(30, damaged=(2, 5, 8)), seed=5, batch_size=3)
    with pytest.raises(TooManyCorruptRecordsError, match="3 records are damaged, at most 2"):
        take(loader, 0, 20, max_corrupt=2)
    with pytest.raises(TooManyCorruptRecordsError, match="5 records are damaged, at most 4"):
        take(loader, 0, 20, max_corrupt=4, corrupt={28: "earlier", 29: "earlier"})
    with loader.batches(0, corrupt={"28": "numbers are text after JSON"}) as batches:
        assert batches.corrupt == {28: "numbers are text after JSON"}


def test_a_source_of_nothing_but_damage_stops():
    loader = Loader(Numbers(4, damaged=range(4)), seed=0, batch_size=2)
    with pytest.raises(TooManyCorruptRecordsError, match=r"16 records in a row .* example 6; .* is record \d: number"):
        loader.global_batch(3)
    with pytest.raises(TooManyCorruptRecordsError):
        take(loader, 0, 1)


def test_other_errors_are_not_skipped():
    def broken(sample, rng):
        raise KeyError("a mistake in the program")

    with pytest.raises(KeyError, match="a mistake"):
        take(Loader(Numbers(4), seed=0, batch_size=2, transform=broken), 0, 1)


def test_roles_become_prefixes_and_damage_in_any_of_them_is_met():
    clips = np.repeat(np.arange(6), 5)
    sampler = sampling.SameClipPair(clips)
    loader = Loader(Numbers(30, damaged=(7,)), seed=0, batch_size=6, sampler=sampler)
    met: set[int] = set()
    for step in range(20):
        batch = loader.global_batch(step)
        assert batch.keys() == {"source_number", "source_square", "driving_number", "driving_square"}
        np.testing.assert_array_equal(clips[batch["source_number"]], clips[batch["driving_number"]])
        assert (batch["source_number"] != batch["driving_number"]).all()
        met |= set(batch["source_number"]) | set(batch["driving_number"])
    assert met == set(range(30)) - {7}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"seed": -1}, "seed not negative"),
        ({"rows": slice(8, 9)}, "are none of the 4"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        Loader(Numbers(4), **{"seed": 0, "batch_size": 4} | change)


def test_an_empty_source():
    with pytest.raises(ValueError, match="is empty"):
        Loader(Numbers(0), seed=0, batch_size=1)


def test_examples_of_different_shapes():
    def ragged(sample, rng):
        return {"x": np.zeros(int(sample["number"]) + 1, np.float32)}

    with pytest.raises(InputError, match=r"'x' differs between examples of step 0: \('float32', \(1,\)\)"):
        Loader(Numbers(2), seed=0, batch_size=2, transform=ragged).global_batch(0)
