"""A plain PyTorch generator of GDPW, layer by layer as the released structure is described: the peer of ours.

It does for every frame what the released code does: all layers, the encoder too; spectral norms divided out anew; the
Gaussians of the smaller maps at full resolution, before rows and columns are dropped. What is painted on the meshes is
given. Names are those of the released checkpoint, so that `load_state_dict` takes one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

from jaxanim.ops import gaussian_down
from jaxanim.systems.gdpw.presets import Design

SLOPE = 0.1


class ConvBlock(nn.Module):
    """lrelu(norm(conv(x))), of a doubled picture, or halved afterwards, where asked for."""

    def __init__(self, inputs: int, outputs: int, *, halved: bool = False, doubled: bool = False) -> None:
        super().__init__()
        self.conv = _conv(inputs, outputs)
        self.norm = nn.BatchNorm2d(outputs)
        self.halved, self.doubled = halved, doubled

    def forward(self, x: Tensor) -> Tensor:
        """Runs the block."""
        if self.doubled:
            x = functional.interpolate(x, scale_factor=2)
        x = functional.leaky_relu(self.norm(self.conv(x)), SLOPE, inplace=True)
        return functional.avg_pool2d(x, 2) if self.halved else x


class Spade(nn.Module):
    """norm(x) * (1 + gamma) + beta."""

    def __init__(self, modulation: int, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared_conv = nn.Sequential(_conv(modulation, width), nn.LeakyReLU(SLOPE, inplace=True))
        self.gamma_conv, self.beta_conv = _conv(width, channels), _conv(width, channels)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """Modulates x."""
        shared = self.shared_conv(modulation)
        return self.norm(x) * (1.0 + self.gamma_conv(shared)) + self.beta_conv(shared)


class SpadeBlock(nn.Module):
    """Two modulated convolutions, and one of single pixels around both."""

    def __init__(self, modulation: int, width: int) -> None:
        super().__init__()
        self.spade1, self.conv1 = Spade(modulation, 2 * width, width), _conv(2 * width, width)
        self.spade2, self.conv2 = Spade(modulation, width, width), _conv(width, width)
        self.non_identity_shortcut = _conv(2 * width, width, size=1)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """Runs the block."""
        y = self.conv1(functional.leaky_relu(self.spade1(x, modulation), SLOPE, inplace=True))
        y = self.conv2(functional.leaky_relu(self.spade2(y, modulation), SLOPE, inplace=True))
        return y + self.non_identity_shortcut(x)


class GaussianDown(nn.Module):
    """A Gaussian of each channel at full resolution, of which every n-th row and column is kept."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        line = torch.tensor(gaussian_down.kernel(factor), dtype=torch.float32)
        self.register_buffer("weight", torch.outer(line, line).expand(channels, 1, -1, -1).clone())
        self.factor, self.reach = factor, len(line) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Shrinks a map."""
        weight = self.get_buffer("weight")
        # With the padding inside conv2d, oneDNN takes up to ninety times as long.
        padded = functional.pad(x, (self.reach,) * 4)
        return functional.conv2d(padded, weight, groups=len(weight))[..., :: self.factor, :: self.factor]


class TorchGenerator(nn.Module):
    """The generator of a design: (picture, maps) -> picture, NCHW."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        if design.blend or design.exact_grid or design.flow_gain != 1.0:
            raise ValueError(f"the released code has no exact_grid or flow_gain, and blends not by default: {design}")
        self.design, widths = design, design.widths
        inputs = (3 + design.painted, *widths[:-1])
        names = [f"x{2**level}" for level in range(design.levels)]
        self.down_layers = nn.ModuleDict(
            {name: ConvBlock(inputs[level], widths[level], halved=level > 0) for level, name in enumerate(names)}
        )
        self.shortcut_layers = nn.ModuleDict(
            {name: ConvBlock(width, width) for name, width in zip(names[:-1], widths[:-1], strict=True)}
        )
        self.downsamples = nn.ModuleDict(
            {name: GaussianDown(design.modulation, 2**level) for level, name in enumerate(names) if level}
        )
        layers: dict[str, nn.Module] = {"x1_out": nn.Conv2d(2 * widths[0], 4, 3, padding=1)}
        for level in range(1, design.levels):
            layers[f"{names[level]}_spade"] = SpadeBlock(design.modulation, widths[level])
            layers[f"{names[level]}_flow"] = nn.Conv2d(widths[level], 2, 3, padding=1)
            layers[f"{names[level]}_up"] = ConvBlock(widths[level], widths[level - 1], doubled=True)
        self.up_layers = nn.ModuleDict(layers)

    def forward(self, picture: Tensor, codes_source: Tensor, codes_target: Tensor, mesh_flow: Tensor) -> Tensor:
        """Renders a frame: picture in [0, 1], painted codes (without channels where there are none), NDC flow."""
        design, last = self.design, self.design.levels - 1
        given = {"geom_disp": [mesh_flow], "neural_codes": [codes_target], "both": [codes_target, mesh_flow]}
        modulation = torch.cat(given[design.guidance], dim=1)
        x = torch.cat([picture, codes_source], dim=1)
        features = []
        for level in range(design.levels):
            x = self.down_layers[f"x{2**level}"](x)
            features.append(x)
        guides = {level: self.downsamples[f"x{2**level}"](modulation) for level in range(1, design.levels)}
        flow = torch.zeros_like(x[:, :2]) if design.guidance == "neural_codes" else guides[last][:, -2:]
        out = torch.cat([x, _warp(x, flow)], dim=1)
        for level in range(last, 0, -1):
            name = f"x{2**level}"
            out = self.up_layers[f"{name}_spade"](out, guides[level])
            flow = self.up_layers[f"{name}_flow"](out)
            flow = functional.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)
            ends = torch.tensor([flow.shape[3] - 1, flow.shape[2] - 1], dtype=flow.dtype)
            out = self.up_layers[f"{name}_up"](out)
            shortcut = self.shortcut_layers[f"x{2 ** (level - 1)}"](features[level - 1])
            out = torch.cat([out, _warp(shortcut, 2.0 * flow / ends[None, :, None, None])], dim=1)
        return torch.sigmoid(self.up_layers["x1_out"](out))[:, :3]


def random_generator(design: Design, seed: int) -> TorchGenerator:
    """Returns a generator in evaluation mode whose spectral norms are near 1 and whose flows are of some pixels."""
    torch.manual_seed(seed)
    network = TorchGenerator(design).eval()
    with torch.no_grad():
        tensors = network.state_dict()
        for name, tensor in tensors.items():
            if name.endswith("weight_v"):  # half a step of the power method
                base = name.removesuffix("_v")
                right = tensors[f"{base}_orig"].flatten(1).T @ tensors[f"{base}_u"]
                tensor.copy_(functional.normalize(right, dim=0))
            elif name.endswith(("_flow.weight", "x1_out.weight")):
                tensor.mul_(6.0)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
    return network


def _conv(inputs: int, outputs: int, *, size: int = 3) -> nn.Module:
    convolution: nn.Module = spectral_norm(nn.Conv2d(inputs, outputs, size, padding=size // 2))
    return convolution


def _warp(image: Tensor, flow: Tensor) -> Tensor:
    """Samples at a grid laid through the corners plus a flow, as if the grid were not laid through them."""
    height, width = image.shape[2:]
    x, y = torch.linspace(-1.0, 1.0, width), torch.linspace(-1.0, 1.0, height)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1) + flow.permute(0, 2, 3, 1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
