"""Gradient descent for the small networks that judge drawings: AdamW, a short warm-up, then half a cosine."""

from __future__ import annotations

__all__ = ["Report", "minimise"]

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Report = Callable[[int, float, float], None]
"""Called with (step, loss, accuracy) every 100 steps."""


def minimise(
    module: nn.Module,
    loss_of: Callable[[int], tuple[Tensor, Tensor]],
    *,
    steps: int,
    learning_rate: float,
    weight_decay: float,
    report: Report | None = None,
) -> None:
    """Take ``steps`` steps down the loss; ``loss_of(step)`` returns the loss and an accuracy.

    The rate is ``learning_rate min(1, (step + 1) / warm-up) (1 + cos(pi step / steps)) / 2``; weights decay, but biases
    and scales do not.
    """
    matrices = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in module.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}], lr=learning_rate
    )
    warm_up = min(200, steps // 10 + 1)
    for step in range(steps):
        rate = min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * rate
        loss, accuracy = loss_of(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if report is not None and (step + 1) % 100 == 0:
            report(step + 1, float(loss.detach()), float(accuracy))
