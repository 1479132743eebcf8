"""What sequential models are made of: a normal distribution from a network, an LSTM with constant inputs, and what
their loop is given and leaves behind."""

from __future__ import annotations

__all__ = ["Cell", "Constants", "Context", "Decision", "Gaussian", "State", "Trace"]

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_LOG_STD_BOUND = 5.0
"""Latent standard deviations stay between e^-5 and e^5, so no KL term can overflow."""


class Gaussian(NamedTuple):
    """A diagonal normal distribution."""

    mean: Tensor
    log_std: Tensor

    @classmethod
    def of(cls, raw: Tensor) -> Gaussian:
        """From a network's output, in at least float32, its scale bounded smoothly."""
        mean, log_std = raw.to(torch.promote_types(raw.dtype, torch.float32)).chunk(2, dim=-1)
        return cls(mean, _LOG_STD_BOUND * torch.tanh(log_std / _LOG_STD_BOUND))

    def sample(self, noise: Tensor) -> Tensor:
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """Summed over the last dimension."""
        standard = (z - self.mean) * torch.exp(-self.log_std)
        return -(0.5 * standard.square() + self.log_std + 0.5 * math.log(2 * math.pi)).sum(dim=-1)


class State(NamedTuple):
    """Of an LSTM, each (batch, hidden)."""

    hidden: Tensor
    cell: Tensor


class Context(NamedTuple):
    """The exemplars, and what is computed from them once."""

    images: Float[Tensor, "batch count channel size size"]
    embedding: Float[Tensor, "batch features"]
    filtered: Float[Tensor, "batch bells size size"]

    def repeat(self, times: int) -> Context:
        return Context(*(part.repeat_interleave(times, dim=0) for part in self))


class Trace(NamedTuple):
    """What the loop leaves behind, stacked over steps: (batch, T, ...)."""

    latents: Tensor
    before: Tensor
    """h_{t-1}"""
    after: Tensor
    """h_t"""
    looks: Tensor
    glimpses: Tensor
    """v_t, flattened"""


class Constants(nn.Linear):
    """A linear map of what does not change with t, which may be nothing at all (``in_features = 0``)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        super().__init__(in_features, out_features, bias)

    def reset_parameters(self) -> None:
        if self.in_features:
            super().reset_parameters()
        elif self.bias is not None:
            nn.init.zeros_(self.bias)


class Cell(nn.Module):
    """A long short-term memory cell whose constant input is multiplied once, before the loop."""

    def __init__(self, inputs: int, constants: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        self.constant = Constants(constants, 4 * hidden)
        with torch.no_grad():
            self.gates.bias.zero_()
            self.gates.bias[hidden : 2 * hidden] = 1.0  # remember at first (Jozefowicz et al., 2015)

    def forward(self, inputs: list[Tensor], constant: Tensor, state: State) -> State:
        gates = self.gates(torch.cat([*inputs, state.hidden], dim=-1)) + constant
        keep_in, keep, out, new = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * state.cell + torch.sigmoid(keep_in) * torch.tanh(new)
        return State(torch.sigmoid(out) * torch.tanh(cell), cell)


class Decision(nn.Module):
    """A normal distribution over z_t, from what changes with t and from what does not (multiplied once)."""

    def __init__(self, inputs: int, constants: int, units: int, latent: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, units)
        self.constant = Constants(constants, units)
        self.output = nn.Linear(units, 2 * latent)
        nn.init.zeros_(self.output.weight)  # posterior = prior = N(0, I) at first, so KL = 0
        nn.init.zeros_(self.output.bias)

    def forward(self, inputs: list[Tensor], constant: Tensor) -> Gaussian:
        return Gaussian.of(self.output(F.silu(self.inputs(torch.cat(inputs, dim=-1)) + constant)))
