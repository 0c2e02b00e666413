"""The warp for Hopper and newer GPUs through Mosaic, which succeeds Triton in Pallas.

Forward is XLA's, one fused gather already. Backward is one kernel for both gradients: a thread has four channels of one
position (see `thread`), reads 128 bits at a time and adds 128 bits at a time. Mosaic has no gather on Hopper; this
kernel is made of instructions for single threads.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.mosaic.gpu import utils
from jax.experimental.pallas import mosaic_gpu
from jaxlib.mlir import ir
from jaxlib.mlir.dialects import arith, gpu, llvm, scf, vector
from jaxlib.mlir.dialects import math as mlir_math

from jaxanim.core.types import Array, Float
from jaxanim.ops.grid_sample import xla
from jaxanim.ops.grid_sample.pallas_gpu.thread import THREADS, VECTOR, Sizes, Value, pull

_MAX_ELEMENTS = 2**31  # offsets are int32
_FIRST_JAX = (0, 11)  # before, a kernel could not write to arrays made in the function that is differentiated
_ARRAYS = ("image", "position", "cotangent", "image_gradient", "position_gradient")


@jax.custom_vjp
def read(image: Float[Array, "n h w c"], position: Float[Array, "n i j 2"]) -> Float[Array, "n i j c"]:
    """Reads images that are 0 outside at resolved positions (see `positions.resolve`).

    Args:
      image: float32, bfloat16 or float16; the backward pass computes in float32.
      position: float32 pixels.

    Raises:
      NotImplementedError: the arrays have 2^31 elements or more.
    """
    return _forward(image, position)[0]


def _forward(image: Array, position: Array) -> tuple[Array, tuple[Array, Array]]:
    channels = -(-image.shape[3] // VECTOR) * VECTOR
    if max(math.prod(image.shape[:3]), math.prod(position.shape[:3])) * channels >= _MAX_ELEMENTS:
        raise NotImplementedError(
            f"mosaic_gpu takes fewer than 2^31 elements, got image {image.shape} and positions {position.shape}"
        )
    return xla.read_stacked(image, position), (image, position)


def _backward(residuals: tuple[Array, Array], cotangent: Array) -> tuple[Array, Array]:
    image, position = residuals
    points = math.prod(position.shape[:-1])
    missing = -image.shape[3] % VECTOR
    padding = ((0, 0), (0, 0), (0, 0), (0, missing))
    whole, values = (jnp.pad(array.astype(jnp.float32), padding) for array in (image, cotangent))
    height, width, channels = whole.shape[1:]
    sizes = Sizes(height, width, channels, points, points // image.shape[0])
    image_gradient, position_gradient = run(sizes, whole.reshape(-1), position.reshape(-1), values.reshape(-1))
    shaped = image_gradient.reshape(whole.shape)[..., : image.shape[3]]
    return shaped.astype(image.dtype), position_gradient.reshape(position.shape)


read.defvjp(_forward, _backward)


def run(
    sizes: Sizes, image: Float[Array, " k"], position: Float[Array, " p"], cotangent: Float[Array, " m"]
) -> tuple[Float[Array, " k"], Float[Array, " p"]]:
    """Returns the gradients of a flat image and of flat positions.

    Raises:
      NotImplementedError: jax is older than 0.11.
    """
    if jax.__version_info__ < _FIRST_JAX:
        raise NotImplementedError(f"implementation 'mosaic_gpu' needs jax 0.11 or newer, not {jax.__version__}")
    image_gradient, position_gradient = jax.new_ref(jnp.zeros_like(image)), jax.new_ref(jnp.zeros_like(position))

    def kernel(*given: Any) -> None:
        references = (*given, image_gradient, position_gradient)

        @mosaic_gpu.inline_mgpu(arg_types=(mosaic_gpu.RefType(),) * len(_ARRAYS))
        def body(_: Any, *arrays: Any) -> None:
            pull(_Compiler(dict(zip(_ARRAYS, arrays, strict=True))), sizes)

        body(*references)

    mosaic_gpu.kernel(
        kernel,
        out_type=(),
        grid=(sizes.blocks,),
        grid_names=("block",),
        compiler_params=mosaic_gpu.CompilerParams(lowering_semantics=mosaic_gpu.LoweringSemantics.Lane),
        kernel_name="grid_sample_pull",
    )(image, position, cotangent)
    return image_gradient[...], position_gradient[...]


class _Compiler:
    """Writes instructions for one thread into the program that is being lowered (a `thread.Machine`)."""

    def __init__(self, arrays: dict[str, Any]):
        self._arrays = arrays
        self._i32 = ir.IntegerType.get_signless(32)
        self._f32 = ir.F32Type.get()
        self._four = ir.VectorType.get((VECTOR,), self._f32)

    def _is_integer(self, value: Value) -> bool:
        return value.type == self._i32

    def thread(self) -> Value:
        block, within = (arith.index_cast(self._i32, of(gpu.Dimension.x)) for of in (gpu.block_id, gpu.thread_id))
        return self.add(self.multiply(block, self.integer(THREADS)), within)

    def integer(self, value: int) -> Value:
        return utils.c(value, self._i32)

    def number(self, value: float) -> Value:
        return utils.c(value, self._f32)

    def add(self, a: Value, b: Value) -> Value:
        return (arith.addi if self._is_integer(a) else arith.addf)(a, b)

    def subtract(self, a: Value, b: Value) -> Value:
        return (arith.subi if self._is_integer(a) else arith.subf)(a, b)

    def multiply(self, a: Value, b: Value) -> Value:
        if a.type == self._four:
            return arith.mulf(a, vector.broadcast(self._four, b))
        return (arith.muli if self._is_integer(a) else arith.mulf)(a, b)

    def divide(self, a: Value, b: int) -> tuple[Value, Value]:
        return arith.divui(a, self.integer(b)), arith.remui(a, self.integer(b))

    def floor(self, a: Value) -> Value:
        return mlir_math.floor(a)

    def to_integer(self, a: Value) -> Value:
        return arith.fptosi(self._i32, a)

    def at_least(self, a: Value, b: Value) -> Value:
        return arith.cmpf(arith.CmpFPredicate.OGE, a, b)

    def less(self, a: Value, b: Value) -> Value:
        return arith.cmpi(arith.CmpIPredicate.slt, a, b)

    def both(self, a: Value, b: Value) -> Value:
        return arith.andi(a, b)

    def _pointer(self, array: str, offset: Value) -> Value:
        return utils.getelementptr(utils.memref_ptr(self._arrays[array]), [offset], self._f32)

    def load(self, array: str, offset: Value) -> Value:
        return llvm.load(self._f32, self._pointer(array, offset))

    def load_vector(self, array: str, offset: Value) -> Value:
        return llvm.load(self._four, self._pointer(array, offset), alignment=4 * VECTOR)

    def dot(self, a: Value, b: Value) -> Value:
        return vector.reduction(self._f32, vector.CombiningKind.ADD, arith.mulf(a, b))

    def add_vector_to(self, array: str, offset: Value, vector: Value) -> None:
        numbers = [llvm.extractelement(vector, self.integer(index)) for index in range(VECTOR)]
        self._reduce(array, offset, "red.global.add.v4.f32 [$0], {$1, $2, $3, $4};", numbers)

    def add_pair_to(self, array: str, offset: Value, first: Value, second: Value) -> None:
        self._reduce(array, offset, "red.global.add.v2.f32 [$0], {$1, $2};", [first, second])

    def _reduce(self, array: str, offset: Value, instruction: str, numbers: list[Value]) -> None:
        address = llvm.ptrtoint(ir.IntegerType.get_signless(64), self._pointer(array, offset))
        constraints = ",".join(["l", *"f" * len(numbers)])
        nothing = ir.Type.parse("!llvm.void")
        llvm.inline_asm(nothing, [address, *numbers], instruction, constraints, has_side_effects=True)

    def when(self, condition: Value, then: Callable[[], Value | None]) -> Value:
        make_branch: Any = scf.IfOp  # jaxlib's types are those of the class it extends
        branch = make_branch(condition, [self._f32], has_else=True)
        with ir.InsertionPoint(branch.then_block):
            found = then()
            scf.yield_([self.number(0.0) if found is None else found])
        with ir.InsertionPoint(branch.else_block):
            scf.yield_([self.number(0.0)])
        return branch.results[0]
