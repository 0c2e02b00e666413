"""Makes the PyTorch files in this folder, and expected.npz with what they hold. Needs PyTorch; the tests do not.

    python tests/golden/torch/make.py

`refused_*.pt` name callables that would write a file called `ran` into the working folder if they were called.
"""

import builtins
import collections
import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).parent
COMMAND = "echo ran > ran"
PYTHON = "open('ran', 'w').close()"


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Net(torch.nn.Module):
    """Two parameters and a counter, for names with dots and `_metadata`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(3, 2)
        self.norm = torch.nn.BatchNorm1d(2)


class Doubler(torch.nn.Module):
    """For the TorchScript archive."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([2.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x


def tensors() -> dict[str, torch.Tensor]:
    """Every type, and every way to be a view of a storage."""
    block = torch.arange(12, dtype=torch.float32)
    special = torch.tensor([0.0, -0.0, 1.5, -2.0, float("inf"), float("nan")])
    return {
        "float64": torch.tensor([0.1, -1e300], dtype=torch.float64),
        "float16": special.half(),
        "bfloat16": torch.cat([special, torch.tensor([3.140625, 1e38])]).bfloat16(),
        "int64": torch.tensor([-(2**63), 2**63 - 1]),
        "int32": torch.tensor([[-(2**31)], [7]], dtype=torch.int32),
        "int16": torch.tensor([-32768, 5], dtype=torch.int16),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([[True, False, True]]),
        "shared.whole": block,
        "shared.rows": block.view(3, 4),
        "shared.transposed": block.view(3, 4).t(),
        "shared.sliced": block.view(3, 4)[1:, 1::2],
        "shared.expanded": block[2:3].expand(2, 3),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    }


def state_dict() -> "collections.OrderedDict[str, torch.Tensor]":
    """A module's state dict, with its hidden `_metadata`, and more entries."""
    torch.manual_seed(0)
    state = Net().state_dict()
    state.update(tensors())
    return state


def readable() -> dict[str, Any]:
    nested = {"model": {"w": torch.tensor([1.0, 2.0])}, "step": 3, "rate": 0.5, "more": [("a", None), True]}
    return {"state_dict": state_dict(), "nested": nested}


def refused() -> dict[str, Any]:
    hidden = (Call(os.system, COMMAND), 0, (2,), (1,), False, collections.OrderedDict())
    return {
        "system": {"weight": torch.zeros(2), "note": Call(os.system, COMMAND)},
        "eval": Call(builtins.eval, PYTHON),
        "hidden": {"weight": Call(torch._utils._rebuild_tensor_v2, *hidden)},
        "getattr": Call(builtins.getattr, "text", "upper"),
        "module": torch.nn.Linear(2, 1),
    }


def write_scripted(path: Path) -> None:
    """Writes a TorchScript archive without its debug members, which hold paths of the machine."""
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Doubler()), buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            if not member.filename.endswith(".debug_pkl"):
                target.writestr(member, source.read(member))


def main() -> None:
    warnings.simplefilter("ignore")  # TorchScript is on its way out
    for name, content in readable().items():
        torch.save(content, FOLDER / f"{name}.pt")
        torch.save(content, FOLDER / f"{name}_legacy.pt", _use_new_zipfile_serialization=False)
    for name, content in refused().items():
        torch.save(content, FOLDER / f"refused_{name}.pt")
        if name != "module":  # would hold the source file of the module and its path
            torch.save(content, FOLDER / f"refused_{name}_legacy.pt", _use_new_zipfile_serialization=False)
    write_scripted(FOLDER / "scripted.pt")
    arrays = {name: tensor.detach() for name, tensor in state_dict().items()}
    np.savez_compressed(
        FOLDER / "expected.npz",
        **{name: (t.float() if t.dtype == torch.bfloat16 else t).numpy() for name, t in arrays.items()},
    )


if __name__ == "__main__":
    main()
