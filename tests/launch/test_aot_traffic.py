"""What is counted as moved, on programs small enough to count by hand."""

import pytest

from launch.aot import traffic

TYPE = "f32[8,128]{1,0:T(8,128)}"  # @ in programs
PROGRAM = """
HloModule jit_f, is_scheduled=true

%fused (p.0: f32[8,128]) -> f32[8,128] {
  %p.0 = @ parameter(0)
  ROOT %neg = @ negate(%p.0)
}

%with_kernel (t.1: (f32[8,128])) -> (f32[8,128]) {
  %t.1 = (@) parameter(0)
  %x.1 = @ get-tuple-element(%t.1), index=0
  %z = @ broadcast(%c), dimensions={}
  %k = @ custom-call(%x.1, %z), custom_call_target="tpu_custom_call", output_to_operand_aliasing={{}: (1, {})}, a={}
  ROOT %r.1 = (@) tuple(%k)
}

%body (b.0: (s32[], f32[8,128])) -> (s32[], f32[8,128]) {
  %b.0 = (s32[], @) parameter(0)
  %b.1 = @ get-tuple-element(%b.0), index=1
  %b.2 = @ fusion(%b.1), kind=kLoop, calls=%fused
  ROOT %b.3 = (s32[], @) tuple(%b.0, %b.2)
}

%stop (s.0: (s32[], f32[8,128])) -> pred[] {
  %s.0 = (s32[], @) parameter(0)
  ROOT %s.1 = pred[]{:T(512)S(6)} constant(true)
}

%without (t.2: (f32[8,128])) -> (f32[8,128]) {
  %t.2 = (@) parameter(0)
  %w = (s32[], @) while(%t.2), condition=%stop, body=%body, backend_config={"known_trip_count":{"n":"10"}}
  ROOT %r.2 = (@) tuple(%w)
}

%nothing (t.3: (f32[8,128])) -> (f32[8,128]) {
  ROOT %t.3 = (@) parameter(0)
}

ENTRY %main (a: f32[8,128], p: pred[]) -> f32[8,128] {
  %a = @ parameter(0)
  %p = pred[]{:T(512)S(6)} parameter(1)
  %t = (@) tuple(%a)
  ENTRY_BODY
}
"""
COND = "ROOT %cond = (@) conditional(%p, %t, %t), branch_computations={%without, BRANCH}"
ARRAY = 8 * 128 * 4


def moved(*lines):
    return traffic.main_memory_bytes(PROGRAM.replace("ENTRY_BODY", "\n  ".join(lines)).replace("@", TYPE))


@pytest.mark.parametrize(
    ("array", "size"),
    [
        ("f32[8,128]{1,0:T(8,128)}", 4096),
        ("f32[5,3]{1,0:T(8,128)}", 4096),
        ("f32[5,3]{0,1:T(8,128)}", 4096),
        ("f32[9,3]{1,0:T(8,128)}", 8192),
        ("f32[2,256,2]{1,2,0:T(2,128)}", 4096),
        ("bf16[8,64]{1,0:T(8,128)(2,1)}", 2048),
        ("f32[5,3]{1,0}", 60),
        ("s32[]", 4),
        ("pred[16]{0}", 16),
        ("f32[8,128]{1,0:T(8,128)S(1)}", 0),
        ("(f32[8,128]{1,0:T(8,128)}, s8[4]{0}, u32[]{:S(2)})", 4100),
    ],
)
def test_sizes_of_arrays(array, size):
    assert traffic.array_bytes(array) == size


def test_a_fusion_reads_and_writes_once():
    assert moved("ROOT %f = @ fusion(%a), kind=kLoop, calls=%fused") == 2 * ARRAY


def test_the_branch_with_the_kernel_counts():
    # the zeros are written, and the kernel writes into them: one read, two writes
    assert moved(COND.replace("BRANCH", "%with_kernel")) == 3 * ARRAY


def test_of_branches_without_a_kernel_the_dearer_counts():
    # ten rounds of a fusion
    assert moved(COND.replace("BRANCH", "%nothing")) == 10 * 2 * ARRAY


def test_copies_to_the_vector_memory_count_once():
    copied = moved(
        "%start = (f32[8,128]{1,0:T(8,128)S(1)}, @, u32[]{:S(2)}) copy-start(%a)",
        "ROOT %done = f32[8,128]{1,0:T(8,128)S(1)} copy-done(%start)",
    )
    assert copied == ARRAY
    sliced = moved(
        "%start = ((@), f32[8,32]{1,0:T(8,32)S(1)}, s32[]{:S(2)}) slice-start(%a), slice={[0:8]}",
        "ROOT %done = f32[8,32]{1,0:T(8,32)S(1)} slice-done(%start)",
    )
    assert sliced == ARRAY // 4


def test_views_are_free():
    assert moved("%v = f32[1024]{0:T(1024)} bitcast(%a)", "ROOT %u = @ bitcast(%v)") == 0
