"""The loop over t that sequential models share: a step, repeated, and what every step leaves behind.

Steps are unrolled a few at a time. `torch.compile` takes such a group as one graph, so compiling takes as long for
T = 80 as for T = 8; and where memory is short, a group is what the backward pass computes again.
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
"""Steps that are unrolled together. Four compile in two thirds of the time and are 5 % slower."""


class Trace(NamedTuple):
    """What a step leaves behind, each (batch, ...); or all of them, stacked: (batch, T, ...)."""

    latents: Tensor
    """z_t"""
    mean: Tensor
    """Of the distribution that z_t was drawn from."""
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
"""What is handed from step to step."""

Step = Callable[..., tuple[S, Trace]]
"""``(state, *what belongs to step t) -> (state, what step t leaves behind)``"""


def unrolled(step: Step[S], state: S, *by_time: Tensor) -> tuple[S, Trace]:
    """A step for each entry of ``by_time``, tensors whose first dimension is time: the last state, and the trace."""
    traces = []
    for at_t in zip(*(part.unbind(0) for part in by_time), strict=True):
        state, trace = step(state, *at_t)
        traces.append(trace)
    return state, Trace(*(torch.stack(part, dim=1) for part in zip(*traces, strict=True)))


def recur(steps: Step[S], state: S, *by_time: Tensor, recompute: bool = False) -> tuple[S, Trace]:
    """`unrolled` by groups of `GROUP`; ``steps`` makes those of one group."""
    traces = []
    for group in zip(*(part.split(GROUP) for part in by_time), strict=True):
        state, trace = recomputed(recompute, steps, state, *group)
        traces.append(trace)
    return state, Trace(*(torch.cat(part, dim=1) for part in zip(*traces, strict=True)))


def recomputed(recompute: bool, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(*arguments)``; with ``recompute`` nothing in between is kept for the backward pass, which calls it
    again. Nothing in it may be drawn at random."""
    if not (recompute and torch.is_grad_enabled()):
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
