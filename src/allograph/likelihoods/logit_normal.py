"""Grey levels whose logit is normally distributed."""

from __future__ import annotations

__all__ = ["LogitNormal"]

import math
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allograph.likelihoods.base import Likelihood, bounded_log_scale, in_float32, log_normal

_FIRST_LOG_SCALE = 0.0
_NODES = 32
"""Nodes of the quadrature for the mean, which is exact to 1e-4 for scales up to e^2."""


@final
class LogitNormal(Likelihood):
    """``logit y ~ N(m, s^2)``, a density of y in (0, 1), not a probability, so without bits per dimension.

    ``log p(y) = log N(logit y; m, s) - log(y (1 - y))``. Black and white have no logit, so y is the middle of a level's
    share of the interval, ``y = ((L - 1) x + 1/2) / L`` for ``x = 0, 1 / (L - 1), ..., 1``. Parameters: P = 2C, first
    all m, then all ``log s`` (clipped to +-7).

    Source: Atchison, Shen, *Logistic-normal distributions*, 1980; Rezende et al., 2016, section 4.1, use it for faces.

    Args:
        channels: C.
        levels: L.
    """

    discrete = False

    def __init__(self, channels: int = 1, levels: int = 256) -> None:
        super().__init__(channels, 2 * channels)
        if levels < 2:
            raise ValueError(f"levels = {levels} is too small; it is at least 2")
        self.levels = levels

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = in_float32(parameters).chunk(2, dim=-3)
        return mean, bounded_log_scale(log_scale)

    def _inside(self, x: Tensor) -> Tensor:
        return ((self.levels - 1) * x + 0.5) / self.levels

    def _image(self, y: Tensor) -> Tensor:
        return ((y * self.levels - 0.5) / (self.levels - 1)).clamp(0, 1)

    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        mean, log_scale = self._split(parameters)
        y = self._inside(x.to(mean.dtype))
        return (log_normal(torch.logit(y), mean, log_scale) - torch.log(y) - torch.log1p(-y)).sum(dim=-3)

    def mean(self, parameters: Tensor) -> Tensor:
        """``E[sigmoid(m + s e)]``, e standard normal, by Gauss-Hermite quadrature; it has no closed form."""
        mean, log_scale = self._split(parameters)
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        scale, total = log_scale.exp(), torch.zeros_like(mean)
        for node, weight in zip(nodes.tolist(), (weights / math.sqrt(2 * math.pi)).tolist(), strict=True):
            total = total + weight * torch.sigmoid(mean + node * scale)
        return self._image(total)

    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean, log_scale = self._split(parameters)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return self._image(torch.sigmoid(mean + log_scale.exp() * noise))

    def bias(self, mean: Tensor) -> Tensor:
        """Scale 1, and a mean of the logit that gives the mean of the data within 0.02:
        ``m = sqrt(1 + pi / 8) logit y`` (MacKay, 1992). The mean is held 0.01 away from 0 and 1."""
        middle = math.sqrt(1 + math.pi / 8) * torch.logit(self._inside(mean.clamp(0.01, 0.99)))
        return torch.cat([middle, torch.full_like(middle, _FIRST_LOG_SCALE)])
