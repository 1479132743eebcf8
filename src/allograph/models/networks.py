"""Networks between images and vectors: dense or convolutional, for images of any size."""

from __future__ import annotations

__all__ = ["Activation", "NetworkKind", "Stack", "image_decoder", "image_encoder"]

from itertools import pairwise
from typing import Literal

from torch import nn

Activation = Literal["silu", "tanh", "relu", "gated"]
NetworkKind = Literal["dense", "convolutional"]

_ACTIVATIONS = {"silu": nn.SiLU, "tanh": nn.Tanh, "relu": nn.ReLU}


class Stack(nn.Sequential):
    """``depth`` dense layers of ``units``, each followed by its non-linearity; ``gated`` is ``(A x) sigmoid(B x)``
    (Dauphin et al., 2017)."""

    def __init__(self, inputs: int, units: int, depth: int, activation: Activation) -> None:
        super().__init__()
        for _ in range(depth):
            if activation == "gated":
                self.extend([nn.Linear(inputs, 2 * units), nn.GLU(dim=-1)])
            else:
                self.extend([nn.Linear(inputs, units), _ACTIVATIONS[activation]()])
            inputs = units


def _sides(size: int) -> list[int]:
    """Sides of an image and of its maps after each of three strided convolutions."""
    sides = [size]
    for _ in range(3):
        sides.append((sides[-1] + 1) // 2)
    return sides


def image_encoder(
    kind: NetworkKind, channels: int, size: int, width: int, units: int, depth: int, activation: Activation
) -> nn.Module:
    """(batch, C, S, S) to (batch, units): three strided convolutions, if convolutional, then a `Stack`."""
    if kind == "dense":
        return nn.Sequential(nn.Flatten(), Stack(channels * size**2, units, depth, activation))
    sides, widths = _sides(size), [channels, width, 2 * width, 4 * width]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.SiLU()]
    return nn.Sequential(*layers, nn.Flatten(), Stack(widths[-1] * sides[-1] ** 2, units, depth, activation))


def image_decoder(
    kind: NetworkKind, channels: int, size: int, width: int, units: int, depth: int, activation: Activation, inputs: int
) -> nn.Module:
    """(batch, inputs) to (batch, channels, S, S): a `Stack`, then, if convolutional, three strided transposed
    convolutions that undo the sizes of `image_encoder`. It has no bias for each pixel: see `DeepModel.bias`."""
    stack = Stack(inputs, units, depth, activation)
    if kind == "dense":
        return nn.Sequential(
            stack, nn.Linear(units, channels * size**2, bias=False), nn.Unflatten(1, (channels, size, size))
        )
    sides, widths = _sides(size)[::-1], [4 * width, 2 * width, width, width]
    layers: list[nn.Module] = [
        stack,
        nn.Linear(units, widths[0] * sides[0] ** 2),
        nn.Unflatten(1, (widths[0], sides[0], sides[0])),
        nn.SiLU(),
    ]
    for before, after, small, large in zip(widths, widths[1:], sides, sides[1:], strict=False):
        padding = large - (2 * small - 1)  # 1 if halving did not round up, otherwise 0
        layers += [nn.ConvTranspose2d(before, after, 5, stride=2, padding=2, output_padding=padding), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, channels, 1, bias=False))
