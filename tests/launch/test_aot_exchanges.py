"""Collectives found in programs small enough to count by hand."""

import pytest

from launch.aot import exchanges
from launch.aot.exchanges import Exchange

HEAD = """
%add (a.0: f32[], b.0: f32[]) -> f32[] {
  %a.0 = f32[] parameter(0)
  %b.0 = f32[] parameter(1)
  ROOT %sum = f32[] add(%a.0, %b.0)
}

%body (t.0: (s32[], f32[8])) -> (s32[], f32[8]) {
  %t.0 = (s32[], f32[8]) parameter(0)
  %x.0 = f32[8]{0} get-tuple-element(%t.0), index=1
  %r.0 = f32[8]{0} all-reduce(%x.0), channel_id=7, to_apply=%add
  ROOT %t.1 = (s32[], f32[8]) tuple(%t.0, %r.0)
}

%spread (p.1: f32[8]) -> f32[8] {
  %p.1 = f32[8]{0} parameter(0)
  ROOT %r.1 = f32[8]{0} all-reduce(%p.1), channel_id=9, to_apply=%add
}

%spread.again (p.2: f32[8]) -> f32[8] {
  %p.2 = f32[8]{0} parameter(0)
  ROOT %r.2 = f32[8]{0} all-reduce(%p.2), channel_id=9, to_apply=%add
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %x = f32[8]{0} parameter(0)
"""
GATHER = 'f32[4,3,8]{2,1,0:T(8,128)} all-gather(%x), channel_id=1, dimensions={0}, metadata={op_name="jit(f)/gather"}'


def find(*lines):
    return exchanges.find(HEAD + "\n".join(f"  {line}" for line in lines) + "\n}\n")


def test_one_is_read_with_its_source():
    """Bytes are those of the numbers, without the padding of their tiles."""
    (found,) = find(f"ROOT %g = {GATHER}")
    assert found == Exchange("all-gather", 1, 4 * 3 * 8 * 4, ((4, 3, 8),), "jit(f)/gather")


def test_sums_of_several_arrays():
    (found,) = find("ROOT %r = (f32[2,3]{1,0}, /*index=1*/bf16[5]{0}, f32[]) all-reduce(%x, %x, %x), to_apply=%add")
    assert (found.kind, found.bytes, found.sizes) == ("all-reduce", 2 * 3 * 4 + 5 * 2 + 4, ((2, 3), (5,), ()))


def test_an_asynchronous_one_counts_once_and_without_its_operand():
    (found,) = find(
        "%s = (f32[8]{0}, f32[32]{0}) all-gather-start(%x), channel_id=2, dimensions={0}",
        "ROOT %d = f32[32]{0} all-gather-done(%s)",
    )
    assert (found.kind, found.bytes, found.sizes) == ("all-gather", 128, ((32,),))


def test_a_permutation_with_its_counters():
    (found,) = find("ROOT %s = (f32[8]{0}, f32[8]{0}, u32[]{:S(2)}, u32[]{:S(2)}) collective-permute-start(%x)")
    assert (found.bytes, found.sizes) == (32, ((8,),))


def test_loops_count_as_often_as_they_run():
    line = (
        'ROOT %w = (s32[], f32[8]) while(%x), condition=%add, body=%body, backend_config={"known_trip_count":{"n":"6"}}'
    )
    found = find(line)
    assert exchanges.count(found) == {"all-reduce": 6}
    assert exchanges.total_bytes(found) == {"all-reduce": 6 * 32}


def test_one_that_is_spread_over_fusions_counts_once():
    found = find(
        "%f = f32[8]{0} fusion(%x), kind=kCustom, calls=%spread",
        "ROOT %g = f32[8]{0} fusion(%f), kind=kCustom, calls=%spread.again",
    )
    assert exchanges.count(found) == {"all-reduce": 1}


def test_both_branches_count():
    line = "ROOT %c = f32[8]{0} conditional(%x, %x, %x), branch_computations={%spread, %body}"
    assert exchanges.count(find(line)) == {"all-reduce": 2}


@pytest.mark.parametrize(
    ("kind", "shape", "moves"),
    [
        ("all-reduce", (64, 128), False),
        ("reduce-scatter", (64, 128), False),
        ("all-gather", (3, 3, 8, 16), False),  # a parameter, of which each device holds a part
        ("all-gather", (1, 16, 3, 8, 3), False),  # the same, in another order
        ("all-gather", (64, 128), True),
        ("all-to-all", (64, 128), True),
        ("collective-permute", (3,), True),
    ],
)
def test_what_moves_activations(kind, shape, moves):
    exchange = Exchange(kind, 1, 4, (shape,), "")
    assert exchanges.of_activations([exchange], [(3, 3, 8, 16)]) == [exchange] * moves


def test_in_words():
    assert exchanges.summary({"all-reduce": 3}, {"all-reduce": 57_300_000}) == "3 all-reduce of 57.3 MB"
    assert exchanges.summary({}, {}) == "none"
