"""Attention to inferred exemplars: what each step recalls of them.

For exemplar k, step s did z'_ks in the state h'_k,s-1 (means of its posterior, inferred without other exemplars). Step
t, in state h_t-1, recalls

    value_ks = silu(V (z'_ks, h'_k,s-1)),   key_ks = K (z'_ks, h'_k,s-1),   query_t = Q h_t-1
    v_t = sum_ks softmax_ks(query_t . key_ks / sqrt(d) + b_ts) value_ks

in each of several heads of d numbers. So a step looks up what was done to any exemplar in a state like its own: strokes
in another order do no harm, and it can follow one of several exemplars. b starts near a diagonal, so at first the same
step of all exemplars counts. Their order does not matter; blank ones are not recalled, and v_t = 0 if all are blank.

Ours; the attention is that of Vaswani et al., *Attention Is All You Need*, NeurIPS 2017, equation 1.
"""

from __future__ import annotations

__all__ = ["ExemplarAttention", "ExemplarView", "Memory"]

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.models.cells import at_least_float32

_SAME_STEP = 4.0
"""First value of b_tt: the same step gets three quarters of the weight at T = 16."""


class Memory(NamedTuple):
    """Keys and values of K exemplars for each image, N = K T."""

    keys: Float[Tensor, "batch heads N d"]
    values: Float[Tensor, "batch heads N d"]
    hidden: Float[Tensor, "batch 1 1 N"]
    """Added to the scores: -inf for steps that cannot be recalled, otherwise 0."""


class ExemplarView(NamedTuple):
    """The exemplars as the steps see them."""

    exemplar: Float[Tensor, "batch channel size size"]
    """Their mean. All are read through one window, and reading is linear, so reading the mean gives the mean of the
    readings."""
    constant: Float[Tensor, "batch features"]
    """The part that does not change with t: their embedding and, without attention, their pixels."""
    memory: Memory | None
    """What was done to them, if they are known by inference."""
    looks: Float[Tensor, "batch steps numbers"]
    """Where the model looked at the first of them during that inference."""

    def repeat(self, times: int) -> ExemplarView:
        """The view repeated for several rows each; a memory serves any number of rows."""
        exemplar, constant, looks = (
            part.repeat_interleave(times, dim=0) for part in (self.exemplar, self.constant, self.looks)
        )
        return ExemplarView(exemplar, constant, self.memory, looks)

    def beside(self, blank: ExemplarView) -> ExemplarView:
        """These exemplars in the first half of the rows, and none in the second."""
        memory = self.memory
        if memory is not None:  # values of 0 recall nothing
            memory = Memory(*(torch.cat([part, torch.zeros_like(part)]) for part in memory))
        exemplar = torch.cat([self.exemplar, blank.exemplar])
        looks = torch.cat([self.looks, torch.zeros_like(self.looks)])
        return ExemplarView(exemplar, torch.cat([self.constant, blank.constant]), memory, looks)


class ExemplarAttention(nn.Module):
    """See the module's documentation for the equations.

    Args:
        latent: length of z.
        hidden: length of h.
        steps: T.
        length: length of v_t, a multiple of `heads`.
        heads: number of heads.
    """

    def __init__(self, latent: int, hidden: int, steps: int, length: int, heads: int) -> None:
        super().__init__()
        self.heads, self.length = heads, length
        self.value = nn.Linear(latent + hidden, length)
        self.key = nn.Linear(latent + hidden, length, bias=False)
        self.query = nn.Linear(hidden, length, bias=False)
        self.order = nn.Parameter(torch.zeros(heads, steps, steps))
        with torch.no_grad():
            self.order.diagonal(dim1=1, dim2=2).fill_(_SAME_STEP)

    def memory(
        self,
        done: Float[Tensor, "batch K steps numbers"],
        inked: Bool[Tensor, "batch K"],
        room: int | None = None,
    ) -> Memory:
        """The memory of what was done, (z', h') side by side, to exemplars of which some may be blank. It has space for
        ``room`` exemplars, if given: the rest is blank."""
        if room is not None and room > done.shape[1]:
            more = room - done.shape[1]
            done, inked = F.pad(done, (0, 0, 0, 0, 0, more)), F.pad(inked, (0, more))
        values = F.silu(self.value(done)) * inked[..., None, None]
        keys, values = (
            at_least_float32(part).flatten(1, 2).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.key(done), values)
        )
        kept = inked | ~inked.any(dim=1, keepdim=True)
        hidden = torch.where(kept, 0.0, -math.inf).to(keys.dtype).repeat_interleave(done.shape[2], dim=1)
        return Memory(keys, values, hidden[:, None, None])

    def forward(
        self, state: Float[Tensor, "rows hidden"], order: Float[Tensor, "heads steps"], memory: Memory | None
    ) -> Float[Tensor, "rows length"]:
        """v_t from h_t-1 (`state`) and ``self.order[:, t]`` (`order`); each entry of the memory's batch may have
        several rows. Without a memory v_t = 0."""
        if memory is None:
            return state.new_zeros(len(state), self.length)
        batch, _, count, d = memory.keys.shape
        query = at_least_float32(self.query(state))
        query = query.unflatten(0, (batch, -1)).unflatten(-1, (self.heads, d)).transpose(1, 2)
        order = order.repeat(1, count // order.shape[-1])[:, None]
        scores = query @ memory.keys.mT / math.sqrt(d) + order + memory.hidden
        return (torch.softmax(scores, dim=-1) @ memory.values).transpose(1, 2).flatten(2).flatten(0, 1)
