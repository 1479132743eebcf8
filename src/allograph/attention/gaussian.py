"""DRAW's attention: a grid of Gaussian filters."""

from __future__ import annotations

__all__ = ["LOG_INTENSITY", "LOG_STRIDE", "LOG_WIDTH", "GaussianAttention"]

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.attention.separable import SeparableAttention

LOG_STRIDE = (math.log(0.02), math.log(2.0))
"""Bounds of the log of the grid's width, as a share of the image's width."""
LOG_WIDTH = (math.log(0.3), math.log(8.0))
"""Bounds of the log of the filters' standard deviation, in pixels of a 28-pixel image."""
LOG_INTENSITY = 3.0


@final
class GaussianAttention(SeparableAttention):
    """An N x N grid of Gaussian filters: centre, stride, width and intensity (Gregor et al., 2015, equations 19-26).

    With centre g, stride delta and standard deviation sigma in pixels, pixels a = 1..S and filters i = 1..N,

        mu_i = g + (i - N/2 - 1/2) delta,   F[i, a] = exp(-(a - mu_i)^2 / 2 sigma^2) / sum_a(...)
        read(x) = gamma F_y x F_x^T,        write(patch) = F_y^T patch F_x / gamma

    so that at ``gamma = 1`` writing is the adjoint of reading. The five numbers are ``(g_x, g_y, log delta, log sigma,
    log gamma)``. In the paper they are unbounded; here the last three have smooth bounds, since an unbounded scale
    leads to NaN.

    Args:
        features: length of the hidden state.
        size: S, side of the image in pixels.
        patch: N.
    """

    def __init__(self, features: int, size: int, patch: int) -> None:
        super().__init__(size, patch, 5)
        self.linear = nn.Linear(features, 5)
        with torch.no_grad():
            self.linear.bias.zero_()
            self.linear.bias[2] = 1.0  # start with most of the image

    def unbounded(self, hidden: Tensor) -> Tensor:
        return self.linear(hidden)

    def place(self, raw: Tensor) -> Tensor:
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        centre = (self.size + 1) / 2 * (torch.tanh(raw[..., :2]) + 1)
        stride = _between(raw[..., 2:3], *LOG_STRIDE) + math.log(max(1, self.size - 1) / max(1, self.patch - 1))
        width = _between(raw[..., 3:4], *LOG_WIDTH) + math.log(self.size / 28)
        return torch.cat([centre, stride, width, LOG_INTENSITY * torch.tanh(raw[..., 4:])], dim=-1)

    def filters(
        self, where: Float[Tensor, "*batch 5"]
    ) -> tuple[Float[Tensor, "*batch patch size"], Float[Tensor, "*batch patch size"]]:
        """``F_y`` and ``F_x``, each row summing to 1."""
        steps = torch.arange(1, self.patch + 1, device=where.device, dtype=where.dtype) - self.patch / 2 - 0.5
        pixels = torch.arange(1, self.size + 1, device=where.device, dtype=where.dtype)
        middle = where[..., :2, None] + steps * where[..., 2, None, None].exp()
        distance = (pixels - middle[..., None]) * torch.exp(-where[..., 3, None, None, None])
        # Softmax gives the normalised bell and stays finite if a filter lies far outside the image.
        along_x, along_y = torch.softmax(-0.5 * distance.square(), dim=-1).unbind(dim=-3)
        return along_y, along_x

    def read(self, image: Tensor, where: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            along_y, along_x = self.filters(where)
            along_y = along_y * where[..., 4, None, None].exp()
            return along_y[:, None] @ image.to(where.dtype) @ along_x[:, None].mT

    def writing_kernels(self, where: Tensor) -> tuple[Tensor, Tensor]:
        along_y, along_x = self.filters(where)
        return along_y.mT * torch.exp(-where[..., 4, None, None]), along_x.mT

    def outline(self, where: Tensor) -> Tensor:
        centre = (2 * where[..., :2] - 1) / self.size - 1
        half = where[..., 2].exp() * self.patch / self.size
        nothing = torch.zeros_like(half)
        rows = torch.stack([half, nothing, centre[..., 0], nothing, half, centre[..., 1]], dim=-1)
        return rows.unflatten(-1, (2, 3))


def _between(raw: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.sigmoid(raw)
