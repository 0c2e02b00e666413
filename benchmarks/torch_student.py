"""A plain PyTorch student of THA4, layer by layer as its architecture is described: the peer ours is timed against.

Position and pose are image planes, every layer is a 1x1 convolution followed by sin(30 x), levels are doubled with
`interpolate`, the picture is warped with `grid_sample`.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from jaxanim.core.types import Params, Variables
from jaxanim.systems.tha4 import pictures


class TorchStudent(nn.Module):
    """Both students: (picture, pose) -> picture, NCHW."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        face, body = (variables["params"][name]["siren"] for name in ("face_morpher", "body_morpher"))
        self.face = nn.ModuleList(_conv(face[f"sine{index}"]["dense"]) for index in range(8))
        self.face_last = _conv(face["last"])
        self.body = nn.ModuleList(
            _conv(body[f"level{level}_sine{index}"]["dense"]) for level in range(3) for index in range(3)
        )
        self.body_last = _conv(body["last"])

    def forward(self, picture: Tensor, pose: Tensor) -> Tensor:
        """Renders one frame per pose."""
        x = _planes(128, pose[:, :39])
        for layer in self.face:
            x = torch.sin(30.0 * layer(x))
        picture = picture.clone()
        picture[:, :, pictures.FACE_ROWS, pictures.FACE_COLUMNS] = self.face_last(x)
        x = _planes(128, pose)
        for level, size in enumerate((128, 256, 512)):
            if level:
                doubled = functional.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
                x = torch.cat([doubled, _planes(size, pose)], dim=1)
            for index in range(3):
                x = torch.sin(30.0 * self.body[3 * level + index](x))
        raw = self.body_last(x)
        flow, alpha, color = raw[:, :2], raw[:, 2:3], raw[:, 3:]
        grid = _positions(512) + flow.permute(0, 2, 3, 1)
        warped = functional.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return (1.0 - alpha) * warped + alpha * color


def _conv(dense: Params) -> nn.Conv2d:
    kernel = np.asarray(dense["kernel"])
    inputs, outputs = kernel.shape
    layer = nn.Conv2d(inputs, outputs, 1)
    weight, bias = torch.tensor(kernel.T.copy())[:, :, None, None], torch.tensor(np.asarray(dense["bias"]))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _positions(size: int) -> Tensor:
    return functional.affine_grid(torch.eye(2, 3)[None], [1, 1, size, size], align_corners=False)


def _planes(size: int, pose: Tensor) -> Tensor:
    positions = _positions(size).permute(0, 3, 1, 2).expand(pose.shape[0], -1, -1, -1)
    return torch.cat([positions, pose[:, :, None, None].expand(-1, -1, size, size)], dim=1)
