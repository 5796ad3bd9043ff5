"""Torchvision's network definitions with seeded random weights and calibrated batch-norm statistics."""

from __future__ import annotations

import zlib

import torch
import torchvision
from torch import nn

NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "densenet121", "mobilenet_v2")

CALIBRATION_BATCH = 16


def build(name: str, size: int) -> nn.Module:
    """The network `name` in evaluation mode, for inputs of `size` x `size`; the same name gives the same weights.

    Kaiming weights and batch-norm statistics taken from a batch of noise keep activations of order 1 through
    152 layers, and make every batch norm's mean, variance, scale and shift non-trivial.
    """
    if name not in NAMES:
        raise ValueError(f"no network {name!r}; the networks are {', '.join(NAMES)}")
    torch.manual_seed(zlib.crc32(name.encode()))
    network = getattr(torchvision.models, name)(weights=None)
    for module in network.modules():
        _randomise(module)
    _calibrate(network, torch.randn(CALIBRATION_BATCH, 3, size, size))
    return network.eval()


@torch.no_grad()
def _randomise(module: nn.Module) -> None:
    """Draws the weights of one layer."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm2d):
        module.weight.uniform_(0.6, 1.4)
        module.bias.normal_(0.0, 0.3)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=2.0 * module.in_features**-0.5)
        nn.init.normal_(module.bias, std=0.5)


@torch.no_grad()
def _calibrate(network: nn.Module, batch: torch.Tensor) -> None:
    """Sets every batch norm's running statistics to those of `batch`."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a cumulative average: one batch gives its statistics exactly
    network.train()(batch)
