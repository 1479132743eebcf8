"""What to do about a gradient that is not finite."""

from __future__ import annotations

__all__ = ["remedy"]

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from allograph.training.module import Fitting, SharedBatch


@torch.no_grad()
def remedy(fitting: Fitting, batch: SharedBatch) -> str:
    """The likely cause and its remedy, found by computing the same step again in float32 and uncompiled."""
    if not _finite(*fitting.model.parameters()):
        return "the weights have diverged; train again with a smaller learning_rate"
    compiled, fitting.model.compiled = fitting.model.compiled, {}
    generator = fitting.noise_generator(0, fitting.global_step)
    with torch.autocast(fitting.device.type, enabled=False):
        energy = fitting.free_energy(batch.pairs, generator, batch.share).total
    if not _finite(energy):
        return "the free energy itself is not finite; train again with a smaller learning_rate"
    if fitting.trainer.precision != "32-true":
        return "in float32 the same step is finite; train again with --set precision=float32"
    if compiled:
        return "without compiled steps the same step is finite; train again with --set compile=false"
    return "the loss is finite but its gradient is not; train again with a smaller learning_rate or gradient_clip"


def _finite(*tensors: Tensor) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
