"""What the step-by-step references are written with: the equations' parts, by the library's own building blocks.

affine_grid and grid_sample for windows, filter banks by their formula, LSTMCell for the core, conv2d for the canvas's
gates, torch.distributions for the KL terms and the likelihood. Only the weights are shared, so that gradients with
respect to all of them can be compared. Everything happens inside the loop over t.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal
from torch.func import functional_call
from torch.nn import functional as F

from allograph.attention import AttentionKind, WindowBounds
from allograph.likelihoods import LikelihoodConfig

State = tuple[Tensor, Tensor]


# ---------------------------------------------------------------- windows


def window_of(raw: Tensor, bounds: WindowBounds) -> Tensor:
    """R(turn) [[1, shear], [0, 1]] diag(scale), with the shift: (batch, 2, 3), of 3, 4 or 6 numbers."""
    scales = 1 if raw.shape[1] == 3 else 2
    low, high = math.log(bounds.min_scale), math.log(bounds.max_scale)
    scale = torch.exp(low + (high - low) * torch.sigmoid(raw[:, :scales])).expand(-1, 2)
    shift = bounds.max_shift * torch.tanh(raw[:, scales : scales + 2])
    if raw.shape[1] < 6:
        return torch.cat([torch.diag_embed(scale), shift[:, :, None]], dim=2)
    turn, shear = bounds.max_turn * torch.tanh(raw[:, 4]), bounds.max_shear * torch.tanh(raw[:, 5])
    one, zero = torch.ones_like(turn), torch.zeros_like(turn)
    rotation = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()], dim=1).view(-1, 2, 2)
    slant = torch.stack([one, shear, zero, one], dim=1).view(-1, 2, 2)
    return torch.cat([rotation @ slant @ torch.diag_embed(scale), shift[:, :, None]], dim=2)


def look_through(image: Tensor, window: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(window, [len(image), image.shape[1], size, size], align_corners=False)
    return F.grid_sample(image, grid, align_corners=False)


def homogeneous(window: Tensor) -> Tensor:
    last = torch.tensor([0.0, 0.0, 1.0], dtype=window.dtype).expand(len(window), 1, 3)
    return torch.cat([window, last], dim=1)


def backwards(window: Tensor) -> Tensor:
    return torch.linalg.inv(homogeneous(window))[:, :2]


# ---------------------------------------------------------------- attention


class PlainAttention:
    """Where h looks, as numbers; reading and writing there. Shares the weights of an `Attention`."""

    def __init__(self, kind: AttentionKind, module: nn.Module, bounds: WindowBounds, size: int, patch: int) -> None:
        self.kind, self.module, self.bounds, self.size = kind, module, bounds, size
        self.patch = size if kind == "none" else patch

    def numbers(self, hidden: Tensor) -> Tensor:
        if self.kind == "none":
            return hidden[:, :0]
        if self.kind == "gaussian":
            centre, stride, width, intensity = self._filters(hidden)
            return torch.cat([centre, stride.log(), width.log(), intensity.log()], dim=1)
        window = self._window(hidden)
        if self.kind == "affine":
            return window.flatten(1)
        return torch.stack([window[:, 0, 0], window[:, 1, 1], window[:, 0, 2], window[:, 1, 2]], dim=1)

    def read(self, image: Tensor, hidden: Tensor) -> Tensor:
        if self.kind == "none":
            return image
        if self.kind == "gaussian":
            along_y, along_x, intensity = self._banks(hidden)
            return torch.einsum("nib,ncba,nja->ncij", along_y, image, along_x) * intensity[:, :, None, None]
        return look_through(image, self._window(hidden), self.patch)

    def write(self, patch: Tensor, hidden: Tensor) -> Tensor:
        if self.kind == "none":
            return patch
        if self.kind == "gaussian":
            along_y, along_x, intensity = self._banks(hidden)
            return torch.einsum("nib,ncij,nja->ncba", along_y, patch, along_x) / intensity[:, :, None, None]
        return look_through(patch, backwards(self._window(hidden)), self.size)

    def _window(self, hidden: Tensor) -> Tensor:
        return window_of(self.module.network.linear(hidden), self.bounds)  # type: ignore[union-attr, operator]

    def _filters(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Centre, stride and width in pixels, counted from 1, and the intensity; each kept within its bounds."""
        raw = self.module.linear(hidden)  # type: ignore[operator]

        def between(value: Tensor, low: float, high: float) -> Tensor:
            return low * (high / low) ** torch.sigmoid(value)

        centre = (self.size + 1) / 2 * (torch.tanh(raw[:, :2]) + 1)
        stride = (self.size - 1) / (self.patch - 1) * between(raw[:, 2:3], 0.02, 2.0)
        width = self.size / 28 * between(raw[:, 3:4], 0.3, 8.0)
        return centre, stride, width, torch.exp(3 * torch.tanh(raw[:, 4:]))

    def _banks(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        centre, stride, width, intensity = self._filters(hidden)
        banks = []
        for axis in (1, 0):
            i, a = torch.arange(1, self.patch + 1), torch.arange(1, self.size + 1)
            middle = centre[:, axis, None] + (i - self.patch / 2 - 0.5) * stride
            bells = torch.exp(-((a - middle[:, :, None]) ** 2) / (2 * width[:, :, None] ** 2))
            banks.append(bells / bells.sum(dim=2, keepdim=True))
        return banks[0], banks[1], intensity


# ---------------------------------------------------------------- distributions, core, canvas, likelihood


class PlainWindows:
    """Several windows, one after another."""

    def __init__(self, windows: list[PlainAttention]) -> None:
        self.windows, self.patch = windows, windows[0].patch

    def numbers(self, hidden: Tensor) -> Tensor:
        return torch.cat([window.numbers(hidden) for window in self.windows], dim=1)

    def read(self, image: Tensor, hidden: Tensor) -> Tensor:
        return torch.cat([window.read(image, hidden) for window in self.windows], dim=1)

    def write(self, patch: Tensor, hidden: Tensor) -> Tensor:
        canvas = torch.zeros(())
        for window, part in zip(self.windows, patch.chunk(len(self.windows), dim=1), strict=True):
            canvas = canvas + window.write(part, hidden)
        return canvas


def normal_of(raw: Tensor) -> Normal:
    mean, log_std = raw.chunk(2, dim=-1)
    return Normal(mean, torch.exp(5 * torch.tanh(log_std / 5)))


def normal(decision: nn.Module, inputs: Tensor, constants: Tensor) -> Normal:
    hidden = F.silu(decision.inputs(inputs) + decision.constant(constants))  # type: ignore[operator]
    return normal_of(decision.output(hidden))  # type: ignore[operator]


def standard(like: Tensor) -> Normal:
    return Normal(torch.zeros_like(like), torch.ones_like(like))


def lstm_of(core: nn.Module) -> Callable[[Tensor, State], State]:
    """The weights of a `Cell` in torch's LSTMCell: a step (all inputs in one, (h, c)) -> (h, c).

    LSTMCell wants one matrix for all inputs, one for the state, and gates in the order in, forget, new, out.
    """
    gates, constant = core.gates, core.constant
    hidden = gates.out_features // 4  # type: ignore[operator, union-attr]

    def order(weight: Tensor) -> Tensor:
        keep_in, keep, out, new = weight.split(hidden)
        return torch.cat([keep_in, keep, new, out])

    inputs = torch.cat([gates.weight[:, :-hidden], constant.weight], dim=1)  # type: ignore[union-attr, index]
    weights = {
        "weight_ih": order(inputs),
        "weight_hh": order(gates.weight[:, -hidden:]),  # type: ignore[union-attr, index]
        "bias_ih": order(gates.bias),  # type: ignore[union-attr, arg-type]
        "bias_hh": inputs.new_zeros(4 * hidden),
    }
    cell = nn.LSTMCell(inputs.shape[1], hidden)
    return lambda step, state: functional_call(cell, weights, (step, state))


def grown(kind: str, canvas: nn.Module, before: Tensor, written: Tensor) -> Tensor:
    """c_t of c_{t-1} and what step t writes."""
    added = before + written
    if kind == "additive":
        return added
    gates = F.conv2d(added, canvas.gates.weight, canvas.gates.bias, padding=1)  # type: ignore[union-attr, arg-type]
    update, reset = gates.split(added.shape[1], dim=1)
    update, reset = update.sigmoid(), reset.sigmoid()
    candidate = canvas.candidate
    new = F.conv2d(reset * added, candidate.weight, candidate.bias, padding=1).tanh()  # type: ignore[union-attr, arg-type]
    return update * added + (1 - update) * new


def observed(canvas: nn.Module, hidden_canvas: Tensor) -> Tensor:
    """f_o, a matrix at each pixel."""
    weight, bias = canvas.output.weight[:, :, 0, 0], canvas.output.bias  # type: ignore[union-attr, index]
    return torch.einsum("pc,nchw->nphw", weight, hidden_canvas) + bias[:, None, None]  # type: ignore[index]


def log_likelihood(config: LikelihoodConfig, parameters: Tensor, x: Tensor) -> Tensor:
    """Of these three observation models; the others have oracles of their own in test_likelihoods."""
    if config.kind == "bernoulli":
        pixels = Bernoulli(logits=parameters)
    elif config.kind == "gaussian":
        pixels = Normal(parameters, config.scale)
    else:
        assert config.kind == "learned-gaussian"
        mean, log_scale = parameters.chunk(2, dim=1)
        pixels = Normal(mean, torch.exp(log_scale.clamp(-7, 7)))
    return pixels.log_prob(x).sum(dim=(1, 2, 3))
