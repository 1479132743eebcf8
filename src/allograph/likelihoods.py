"""Observation models p(x | c): what the canvas says of the pixels."""

from __future__ import annotations

__all__ = ["Bernoulli"]

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


@final
class Bernoulli:
    """Binary pixels: ``log p(x | l) = sum_i x_i l_i - log(1 + exp(l_i))``, ``l`` the logits. Nats per image."""

    channels: int = 1
    """Parameters per pixel, so output channels of the canvas."""

    @staticmethod
    def log_prob(
        logits: Float[Tensor, "*batch channel height width"], x: Float[Tensor, "*#batch channel height width"]
    ) -> Float[Tensor, "*batch"]:
        """Summed over channels and pixels, in at least float32. ``x`` broadcasts over leading dimensions."""
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        x = x.to(logits.dtype).expand_as(logits)
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(-3, -2, -1))

    @staticmethod
    def mean(logits: Tensor) -> Tensor:
        """``E[x] = sigmoid(l)``."""
        return torch.sigmoid(logits)
