"""A step of a sequential model by `GaussianHead` and `Cell` themselves, differentiated by autograd.

It is what `torch.compile` is given, which finds a gradient itself and cannot look into one that is written down; and
what `allograph.models.stepping.Recurrence` is measured against, for its values and for its time.
"""

from __future__ import annotations

__all__ = ["PlainRecurrence"]

import torch
from torch import Tensor

from allograph.models.cells import Cell, GaussianHead, State, Step


class PlainRecurrence:
    """Called as `Recurrence` is."""

    def __init__(
        self, steps: int, decision: GaussianHead | None, for_decision: Tensor, core: Cell, for_core: Tensor, latent: int
    ) -> None:
        self.steps = steps
        self.decision, self.for_decision = decision, for_decision
        self.core, self.for_core = core, for_core
        device = for_core.device.type
        self.autocast = (device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        shared = core.gates.in_features - latent
        self.private = 0 if decision is None else decision.inputs.in_features - shared

    def carriers(self) -> list[None]:
        return [None] * self.steps

    def __call__(
        self, t: int, private: Tensor, noticed: Tensor, state: State, noise: Tensor, carrier: Tensor | None = None
    ) -> Step:
        with torch.autocast(*self.autocast[:2], enabled=self.autocast[2]):
            mean, log_std, latent = torch.zeros_like(noise), torch.zeros_like(noise), noise
            if self.decision is not None:
                decided = self.decision([private, noticed, state.hidden], self.for_decision)
                mean, log_std = decided
                latent = decided.sample(noise)
            after = self.core([latent, noticed], self.for_core, state)
            return Step(latent, mean, log_std, *after)
