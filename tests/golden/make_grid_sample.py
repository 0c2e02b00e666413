"""Records PyTorch's grid_sample, values and gradients, in tests/golden/torch/grid_sample.npz. Needs PyTorch."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, 5, 7, generator=generator)
    grid = torch.rand(2, 6, 4, 2, generator=generator) * 3.0 - 1.5
    grid[0, 0] = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0], [-3.0, 3.0]])  # corners, centre, far outside
    cotangent = torch.randn(2, 3, 6, 4, generator=generator)
    arrays = {"image": image, "grid": grid, "cotangent": cotangent}
    for padding, mode in {"zeros": "zeros", "border": "border", "reflect": "reflection"}.items():
        for align in (False, True):
            i, g = image.clone().requires_grad_(), grid.clone().requires_grad_()
            out = functional.grid_sample(i, g, mode="bilinear", padding_mode=mode, align_corners=align)
            out.backward(cotangent)
            prefix = f"{padding}_{int(align)}_"
            arrays |= {prefix + "out": out, prefix + "image_gradient": i.grad, prefix + "grid_gradient": g.grad}
    target = Path(__file__).parent / "torch" / "grid_sample.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(target, **{name: tensor.detach().numpy() for name, tensor in arrays.items()})


if __name__ == "__main__":
    main()
