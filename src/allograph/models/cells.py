"""Parts of sequential models: normal distributions given by a network, and an LSTM with constant inputs."""

from __future__ import annotations

__all__ = [
    "LOG_STD_BOUND",
    "Cell",
    "Constants",
    "Gaussian",
    "GaussianHead",
    "StandardPrior",
    "State",
    "at_least_float32",
    "prior_of",
]

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOG_STD_BOUND = 5.0
"""Latent standard deviations stay between e^-5 and e^5, so no KL term can overflow."""


class Gaussian(NamedTuple):
    """A diagonal normal distribution."""

    mean: Tensor
    log_std: Tensor

    @classmethod
    def of(cls, raw: Tensor) -> Gaussian:
        """The distribution given by a network's output, in at least float32, with a smoothly bounded scale."""
        mean, log_std = at_least_float32(raw).chunk(2, dim=-1)
        return cls(mean, LOG_STD_BOUND * torch.tanh(log_std / LOG_STD_BOUND))

    def sample(self, noise: Tensor) -> Tensor:
        return self.mean + self.log_std.exp() * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """The log density, summed over the last dimension."""
        standard = (z - self.mean) * torch.exp(-self.log_std)
        return -(0.5 * standard.square() + self.log_std + 0.5 * math.log(2 * math.pi)).sum(dim=-1)


class State(NamedTuple):
    """The state of an LSTM, each field (batch, hidden)."""

    hidden: Tensor
    cell: Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor in at least float32: products may run in bfloat16, but sums, squashing and sampling may not."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Constants(nn.Linear):
    """A linear map of inputs that do not change with t; there may be none (``in_features = 0``)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = False) -> None:
        super().__init__(in_features, out_features, bias)

    def reset_parameters(self) -> None:
        if self.in_features:
            super().reset_parameters()
        elif self.bias is not None:
            nn.init.zeros_(self.bias)


class Cell(nn.Module):
    """A long short-term memory cell that multiplies its constant input once, before the loop."""

    def __init__(self, inputs: int, constants: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        self.constant = Constants(constants, 4 * hidden)
        with torch.no_grad():
            self.gates.bias.zero_()
            self.gates.bias[hidden : 2 * hidden] = 1.0  # remember at first (Jozefowicz et al., 2015)

    def fixed(self, given: Tensor) -> Tensor:
        """What constant inputs and the bias add at every step."""
        return at_least_float32(self.constant(given)) + self.gates.bias

    def forward(self, inputs: list[Tensor], fixed: Tensor, state: State) -> State:
        gates = at_least_float32(F.linear(torch.cat([*inputs, state.hidden], dim=-1), self.gates.weight)) + fixed
        keep_in, keep, out, new = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * state.cell + torch.sigmoid(keep_in) * torch.tanh(new)
        return State(torch.sigmoid(out) * torch.tanh(cell), cell)


class GaussianHead(nn.Module):
    """A normal distribution over z_t, from inputs that change with t and inputs that do not (multiplied once)."""

    def __init__(self, inputs: int, constants: int, units: int, latent: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, units)
        self.constant = Constants(constants, units)
        self.output = nn.Linear(units, 2 * latent)
        nn.init.zeros_(self.output.weight)  # posterior = prior = N(0, I) at first, so KL = 0
        nn.init.zeros_(self.output.bias)

    def fixed(self, given: Tensor) -> Tensor:
        """What constant inputs and the bias add at every step."""
        return at_least_float32(self.constant(given)) + self.inputs.bias

    def forward(self, inputs: list[Tensor], fixed: Tensor) -> Gaussian:
        units = at_least_float32(F.linear(torch.cat(inputs, dim=-1), self.inputs.weight)) + fixed
        # So few numbers gain nothing from bfloat16, and they determine z_t.
        with torch.autocast(units.device.type, enabled=False):
            return Gaussian.of(self.output(F.silu(units)))


class StandardPrior(nn.Module):
    """``N(0, I)`` for any input, with the interface of `GaussianHead`."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def fixed(self, given: Tensor) -> Tensor:
        return given

    def forward(self, inputs: list[Tensor], fixed: Tensor) -> Gaussian:
        zeros = inputs[0].new_zeros((*inputs[0].shape[:-1], self.latent))
        return Gaussian(zeros, zeros)


def prior_of(
    kind: Literal["standard", "learned"], inputs: int, constants: int, units: int, latent: int
) -> GaussianHead | StandardPrior:
    """``p(z_t | z_<t, x')``, from what is known before z_t; see `GaussianHead` for the lengths."""
    return StandardPrior(latent) if kind == "standard" else GaussianHead(inputs, constants, units, latent)
