"""Observation models with one simple distribution for each pixel: Bernoulli, Gaussian, categorical."""

from __future__ import annotations

__all__ = ["Bernoulli", "Categorical", "Gaussian", "choose"]

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.likelihoods.base import Likelihood, bounded_log_scale, in_float32, log_normal

_FIRST_SCALE = 0.3


@final
class Bernoulli(Likelihood):
    """Binary pixels, ``log p(x | l) = sum_i x_i l_i - log(1 + exp(l_i))``, ``l`` the logits; P = C.

    For x strictly between 0 and 1 this is the cross entropy, the expectation of ``log p`` over pixels binarised with
    probability x, and not a log likelihood of x.
    """

    binary = True

    def __init__(self, channels: int = 1) -> None:
        super().__init__(channels, channels)

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        logits = in_float32(parameters)
        x = x.to(logits.dtype).expand_as(logits)
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        """``sigmoid(l)``."""
        return torch.sigmoid(in_float32(parameters))

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.bernoulli(self.mean(parameters), generator=generator)

    def bias(self, mean: Tensor) -> Tensor:
        """``log(m / (1 - m))``, with m kept at least 0.01 away from 0 and 1."""
        return torch.logit(mean, eps=0.01)


@final
class Gaussian(Likelihood):
    """``x ~ N(m, s^2)``, a density, so without bits per dimension. Samples may leave [0, 1].

    Args:
        channels: C.
        scale: s; then P = C. None makes it a parameter: P = 2C, first all means, then all ``log s`` (clipped to +-7).
    """

    discrete = False

    def __init__(self, channels: int = 1, scale: float | None = 0.1) -> None:
        super().__init__(channels, channels if scale is not None else 2 * channels)
        if scale is not None and scale <= 0:
            raise ValueError(f"scale = {scale} is no standard deviation; it is above 0")
        self.scale = scale

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        parameters = in_float32(parameters)
        if self.scale is not None:
            return parameters, parameters.new_tensor(math.log(self.scale))
        mean, log_scale = parameters.chunk(2, dim=-3)
        return mean, bounded_log_scale(log_scale)

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        mean, log_scale = self._split(parameters)
        return log_normal(x.to(mean.dtype), mean, log_scale).sum(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        """``m``, clipped to [0, 1]."""
        return self._split(parameters)[0].clamp(0, 1)

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean, log_scale = self._split(parameters)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + log_scale.exp() * noise

    def bias(self, mean: Tensor) -> Tensor:
        """The means themselves; a learned scale starts at 0.3."""
        if self.scale is not None:
            return mean
        return torch.cat([mean, torch.full_like(mean, math.log(_FIRST_SCALE))])


@final
class Categorical(Likelihood):
    """One of L levels for each channel of each pixel, ``p(k) = softmax(l)_k``; P = C L, channel by channel.

    Level k of an image is ``x = k / (L - 1)``: 8-bit pixels for L = 256, labels 0..L-1 for any other L. Values in
    between count as the nearest level.
    """

    def __init__(self, channels: int = 1, levels: int = 256) -> None:
        super().__init__(channels, channels * levels)
        if levels < 2:
            raise ValueError(f"levels = {levels} is too small; it is at least 2")
        self.levels = levels

    def _logits(self, parameters: Tensor) -> Float[Tensor, "*batch channel level height width"]:
        return in_float32(parameters).unflatten(-3, (self.channels, self.levels))

    def _values(self, like: Tensor) -> Float[Tensor, " level 1 1"]:
        return torch.linspace(0, 1, self.levels, dtype=like.dtype, device=like.device)[:, None, None]

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        logits = self._logits(parameters)
        level = (x * (self.levels - 1)).round().long().clamp(0, self.levels - 1)
        level = level.expand(*logits.shape[:-3], *logits.shape[-2:])[..., None, :, :]
        chosen = logits.gather(-3, level)[..., 0, :, :]
        return (chosen - logits.logsumexp(dim=-3)).sum(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        logits = self._logits(parameters)
        return (logits.softmax(dim=-3) * self._values(logits)).sum(dim=-3).clamp(0, 1)

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        logits = self._logits(parameters)
        return choose(logits, -3, generator).to(logits.dtype) / (self.levels - 1)

    def bias(self, mean: Tensor) -> Tensor:
        """The most spread out levels with that mean, ``l_k = slope k / (L - 1)``; bisection finds the slope, since the
        mean rises with it. The mean is held 0.01 away from 0 and 1."""
        wide = mean.double().clamp(0.01, 0.99)
        wide, values = wide[:, None], torch.linspace(0, 1, self.levels, dtype=torch.float64, device=mean.device)
        values = values.reshape(-1, *[1] * (mean.ndim - 1))
        low, high = torch.full_like(wide, -200.0), torch.full_like(wide, 200.0)
        for _ in range(50):
            slope = (low + high) / 2
            below = ((slope * values).softmax(dim=1) * values).sum(dim=1, keepdim=True) < wide
            low, high = torch.where(below, slope, low), torch.where(below, high, slope)
        return (low * (values - 0.5)).flatten(0, 1).to(mean.dtype)


def choose(logits: Tensor, dim: int, generator: torch.Generator | None) -> Tensor:
    """One index along ``dim``, with probabilities ``softmax(logits)``, by the Gumbel maximum: ``argmax l - log E``, E
    exponentially distributed."""
    exponential = torch.empty_like(logits).exponential_(generator=generator)
    return (logits - exponential.log()).argmax(dim=dim)
