"""The loop over t that sequential models share: it repeats a step and records the results of each.

Steps are unrolled a few at a time. `torch.compile` compiles such a group as one graph, so compiling takes as long for T
= 80 as for T = 8. If memory is short, the backward pass recomputes one group at a time.
"""

from __future__ import annotations

__all__ = ["GROUP", "Trace", "recomputed", "recur", "unrolled"]

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from allograph.models.cells import Gaussian

GROUP = 8
"""Number of steps unrolled together. Four would compile in two thirds of the time and run 5 % slower."""


class Trace(NamedTuple):
    """The record of one step, each field (batch, ...); or of all steps, stacked: (batch, T, ...)."""

    latents: Tensor
    """z_t"""
    mean: Tensor
    """Mean of the distribution that z_t was drawn from."""
    log_std: Tensor
    noticed: Tensor
    """v_t"""
    before: Tensor
    """h_{t-1}"""
    after: Tensor
    """h_t"""

    @property
    def drawn_from(self) -> Gaussian:
        return Gaussian(self.mean, self.log_std)


S = TypeVar("S")
"""The state passed from step to step."""

Step = Callable[..., tuple[S, Trace]]
"""``(state, *inputs of step t) -> (state, record of step t)``"""


def unrolled(step: Step[S], state: S, *by_time: Tensor) -> tuple[S, Trace]:
    """Runs a step for each entry of ``by_time``, tensors with time first; returns the last state and the trace."""
    traces = []
    for at_t in zip(*(part.unbind(0) for part in by_time), strict=True):
        state, trace = step(state, *at_t)
        traces.append(trace)
    return state, Trace(*(torch.stack(part, dim=1) for part in zip(*traces, strict=True)))


def recur(steps: Step[S], state: S, *by_time: Tensor, recompute: bool = False) -> tuple[S, Trace]:
    """Runs `unrolled` in groups of `GROUP` steps; ``steps`` runs one group."""
    traces = []
    for group in zip(*(part.split(GROUP) for part in by_time), strict=True):
        state, trace = recomputed(recompute, steps, state, *group)
        traces.append(trace)
    return state, Trace(*(torch.cat(part, dim=1) for part in zip(*traces, strict=True)))


def recomputed(recompute: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments)``; with ``recompute``, no intermediate result is kept for the backward pass, which calls
    the function again. The function must not draw random numbers."""
    if not (recompute and torch.is_grad_enabled()):
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
