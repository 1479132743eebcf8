"""Observation models for pixels of L ordered levels: the discretised logistic distribution and its mixture.

Level k is ``x = k / (L - 1)``; its bin is ``x +- h``, ``h = 1 / (2 (L - 1))``, and the first and last bins reach to
-inf and +inf. With ``a = (x - h - m) / s`` and ``b = (x + h - m) / s`` a bin's probability is

    sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)),    b - a = 2 h / s,

and the product, unlike the difference, is exact in floating point for bins far out in the tail and for scales of any
size: ``log p = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(-2 h / s))``; the first bin has ``log sigmoid(b)``, the
last ``log sigmoid(-a)``.

Source: Kingma et al., *Improved Variational Inference with Inverse Autoregressive Flow*, 2016; Salimans et al.,
*PixelCNN++*, 2017, equation 2 (which keeps the difference and replaces it by the density where it underflows).
"""

from __future__ import annotations

__all__ = ["DiscretizedLogistic", "DiscretizedLogisticMixture"]

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.likelihoods.base import Likelihood, bounded_log_scale, in_float32
from allograph.likelihoods.plain import choose

_FIRST_LOG_SCALE = -2.0


def _log_bin(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """``log p`` of each pixel's level, see the module's documentation. Values between levels count as the nearest."""
    # In units of a level, in which the edges between bins are exact, so that neighbours share them to the last bit.
    level = (x.to(mean.dtype) * (levels - 1)).round()
    center, rate = mean * (levels - 1), torch.exp(-log_scale) / (levels - 1)
    below_upper = F.logsigmoid((level + 0.5 - center) * rate)
    above_lower = F.logsigmoid((center - (level - 0.5)) * rate)
    width = torch.log(-torch.expm1(-rate))
    inner = torch.where(level >= levels - 1, above_lower, below_upper + above_lower + width)
    return torch.where(level <= 0, below_upper, inner)


def _mean(mean: Tensor, log_scale: Tensor) -> Tensor:
    """``E[min(max(y, 0), 1)] = s (softplus(m / s) - softplus((m - 1) / s))``, y logistic: the mean before rounding to
    levels, which moves it by less than half a level."""
    scale = log_scale.exp()
    return (scale * (F.softplus(mean / scale) - F.softplus((mean - 1) / scale))).clamp(0, 1)


def _sample(mean: Tensor, log_scale: Tensor, levels: int, generator: torch.Generator | None) -> Tensor:
    uniform = torch.rand(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    y = mean + log_scale.exp() * torch.logit(uniform, eps=torch.finfo(mean.dtype).eps)
    return (y.clamp(0, 1) * (levels - 1)).round() / (levels - 1)


def _checked(levels: int) -> int:
    if levels < 2:
        raise ValueError(f"levels = {levels} is too small; it is at least 2")
    return levels


@final
class DiscretizedLogistic(Likelihood):
    """One discretised logistic distribution for each channel of each pixel; P = 2C: all means, then all ``log s``
    (clipped to +-7), in units of the image's range."""

    def __init__(self, channels: int = 1, levels: int = 256) -> None:
        super().__init__(channels, 2 * channels)
        self.levels = _checked(levels)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = in_float32(parameters).chunk(2, dim=-3)
        return mean, bounded_log_scale(log_scale)

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        return _log_bin(x, *self._split(parameters), self.levels).sum(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        return _mean(*self._split(parameters))

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return _sample(*self._split(parameters), self.levels, generator)

    def bias(self, mean: Tensor) -> Tensor:
        return torch.cat([mean, torch.full_like(mean, _FIRST_LOG_SCALE)])


@final
class DiscretizedLogisticMixture(Likelihood):
    """A mixture of K discretised logistic distributions for each pixel; P = K + 2KC.

    ``p(x) = sum_k softmax(w)_k prod_c p(x_c | m_kc, s_kc)``: a pixel's channels share the component and are independent
    given it, so colours go together through the choice of component. (PixelCNN++ also lets the mean of green depend
    linearly on red; here, neither the mean nor a sample needs an order of channels.) Parameters, in order: the K
    weights' logits, the K C means, the K C ``log s``, components outermost.
    """

    def __init__(self, channels: int = 1, components: int = 5, levels: int = 256) -> None:
        super().__init__(channels, components * (1 + 2 * channels))
        if components < 1:
            raise ValueError(f"components = {components} is too small; it is at least 1")
        self.components, self.levels = components, _checked(levels)

    def _split(
        self, parameters: Tensor
    ) -> tuple[
        Float[Tensor, "*batch component height width"],
        Float[Tensor, "*batch component channel height width"],
        Float[Tensor, "*batch component channel height width"],
    ]:
        each = self.components * self.channels
        weights, means, log_scales = in_float32(parameters).split([self.components, each, each], dim=-3)
        shape = (self.components, self.channels)
        return weights, means.unflatten(-3, shape), bounded_log_scale(log_scales.unflatten(-3, shape))

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        weights, means, log_scales = self._split(parameters)
        pixels = _log_bin(x[..., None, :, :, :], means, log_scales, self.levels).sum(dim=-3)
        return (weights.log_softmax(dim=-3) + pixels).logsumexp(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        weights, means, log_scales = self._split(parameters)
        return (weights.softmax(dim=-3)[..., None, :, :] * _mean(means, log_scales)).sum(dim=-4).clamp(0, 1)

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        weights, means, log_scales = self._split(parameters)
        component = choose(weights, -3, generator)[..., None, None, :, :]
        component = component.expand(*means.shape[:-4], 1, *means.shape[-3:])
        mean, log_scale = (part.gather(-4, component)[..., 0, :, :, :] for part in (means, log_scales))
        return _sample(mean, log_scale, self.levels, generator)

    def bias(self, mean: Tensor) -> Tensor:
        """Equal weights, means spread over +-0.25 around the data's, so that components differ from the start."""
        spread = torch.linspace(-0.25, 0.25, self.components) if self.components > 1 else torch.zeros(1)
        spread = spread.to(mean).reshape(-1, *[1] * mean.ndim)
        means = (mean + spread).flatten(0, 1)
        weights = torch.zeros_like(means[: self.components])
        return torch.cat([weights, means, torch.full_like(means, _FIRST_LOG_SCALE)])
