"""What the compilers say of a program."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What the compiler says of a program. Bytes and FLOPs are those of one device.

    Attributes:
      device_kind: such as 'TPU v5 lite'.
      devices: how many it was compiled for.
      seconds: for tracing, lowering and compiling.
      code_bytes: of the program itself.
      flops: XLA's count; what a kernel of ours does is not in it; None for GPUs, where XLA does not count.
      bytes_accessed: XLA's count, with the dearer branch of every conditional; None for GPUs.
      main_memory_bytes: our count, see `traffic`.
      custom_calls: number of kernels of ours.
      collectives: number of each exchange between devices, those that occur.
      exchange_bytes: what these leave on a device.
      peak_bytes: most memory in use at a time, arguments included; None where the compiler does not say.
      alias_bytes: of outputs in the memory of donated arguments.
    """

    device_kind: str
    devices: int
    seconds: float
    argument_bytes: int
    output_bytes: int
    temp_bytes: int
    code_bytes: int
    flops: float | None
    bytes_accessed: float | None
    main_memory_bytes: float
    custom_calls: int
    collectives: Mapping[str, int]
    exchange_bytes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    peak_bytes: int | None = None
    alias_bytes: int = 0
