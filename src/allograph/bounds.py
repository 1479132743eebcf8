"""Bounds on the log likelihood: the free energy and the importance weighted bound, in nats per image.

Noise belongs to images: the k-th latent of an image comes from the k-th row of that image's own stream of standard
normal numbers. So a bound does not depend on how images and samples are divided into chunks (except for rounding), and
the first samples of a larger K are those of a smaller K. Streams are drawn in float32 whatever the model's precision,
so that float32 and float64 see the same latents and differ only by rounding.
"""

from __future__ import annotations

__all__ = [
    "FreeEnergy",
    "ImageNoise",
    "ImportanceWeightedBound",
    "Weighs",
    "gaussian_kl",
    "importance_weighted_bound",
]

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

_BLOCK = 16
"""Rows drawn at a time from an image's stream; fixed, since a generator's numbers depend on it."""


@dataclass(frozen=True)
class FreeEnergy:
    """``F = -E_q[log p(x | z)] + sum_t KL_t``, an upper bound on ``-log p(x)``, nats per image.

    Attributes:
        distortion: (batch,), one-sample estimate of ``-E_q[log p(x | z_1:T, x')]``.
        kl: (batch, T), ``KL(q(z_t | z_<t, x, x') || p(z_t | z_<t, x'))``, analytic given the sampled ``z_<t``.
    """

    distortion: Float[Tensor, " batch"]
    kl: Float[Tensor, "batch steps"]

    @property
    def total(self) -> Float[Tensor, " batch"]:
        """The free energy of each image."""
        return self.distortion + self.kl.sum(dim=-1)


def gaussian_kl(mean_q: Tensor, log_std_q: Tensor, mean_p: Tensor, log_std_p: Tensor) -> Tensor:
    """``KL(N(m_q, s_q^2) || N(m_p, s_p^2)) = log s_p - log s_q + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2``,
    summed over the last dimension."""
    scaled_mean = (mean_q - mean_p) * torch.exp(-log_std_p)
    log_ratio = log_std_q - log_std_p
    return 0.5 * (torch.expm1(2 * log_ratio) - 2 * log_ratio + scaled_mean.square()).sum(dim=-1)


@runtime_checkable
class Weighs(Protocol):
    """What the importance weighted bound needs from a model; every `allograph.models.GenerativeModel` has it."""

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """(steps, dimensions) of the standard normal numbers that the latents of one image need."""
        ...

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor) -> Any:
        """Draws latents from the posterior of x, K for each image if each has K adjacent rows of noise; the result's
        attribute ``log_weight`` (batch K,) is ``log p(x, z | x') - log q(z | x, x')``."""
        ...


class ImageNoise:
    """An independent stream of standard normal numbers for each image of a batch.

    Args:
        shape: shape of one row, ``model.noise_shape``.
        like: the images, (batch, ...); the noise has their type and device.
        generator: gives each image, in order, one number: the seed of its stream.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> None:
        seeds = torch.randint(2**63 - 1, (len(like),), generator=generator, device=generator.device).tolist()
        self._shape, self._like = shape, like
        self._streams = [torch.Generator(device=like.device).manual_seed(seed) for seed in seeds]
        self._left: list[Tensor | None] = [None] * len(like)

    def rows(self, images: range, count: int) -> Tensor:
        """The next ``count`` rows of each of these images, the rows of one image adjacent: (len(images) count, ...)."""
        return torch.cat([self._next(image, count) for image in images]).to(self._like.dtype)

    def _next(self, image: int, count: int) -> Tensor:
        left, stream = self._left[image], self._streams[image]
        parts = [] if left is None else [left]
        have = 0 if left is None else len(left)
        while have < count:
            shape = (_BLOCK, *self._shape)
            parts.append(torch.randn(shape, generator=stream, device=stream.device, dtype=torch.float32))
            have += _BLOCK
        rows = torch.cat(parts)
        self._left[image] = rows[count:].clone() if have > count else None  # a view would keep them all
        return rows[:count]


@dataclass(frozen=True)
class ImportanceWeightedBound:
    """``-log 1/K sum_k w_k`` per image, and how well the K samples covered the posterior.

    Attributes:
        value: (batch,), nats; an upper bound on ``-log p(x)`` on average, tighter as K grows.
        effective_samples: (batch,), ``(sum_k w_k)^2 / sum_k w_k^2``, between 1 and K; 0 if all weights are 0.
        samples: K.
    """

    value: Float[Tensor, " batch"]
    effective_samples: Float[Tensor, " batch"]
    samples: int

    @property
    def mean(self) -> float:
        """Mean over the images, nats."""
        return float(self.value.mean())

    @property
    def error(self) -> float:
        """Standard error of `mean` as an estimate for all images of the kind; NaN for a single image."""
        return float(self.value.std() / len(self.value) ** 0.5) if len(self.value) > 1 else math.nan

    @property
    def monte_carlo_error(self) -> Float[Tensor, " batch"]:
        """Standard error of each `value` over repeated draws of the K samples, nats; NaN for K = 1.

        By the delta method ``Var[log m] = Var[m] / m^2`` for the mean weight m, which is
        ``(K / effective_samples - 1) / (K - 1)``. Too small if a few samples carry all the weight.
        """
        if self.samples == 1:
            return torch.full_like(self.value, math.nan)
        relative = (self.samples / self.effective_samples - 1) / (self.samples - 1)
        return relative.clamp(min=0).sqrt()


@torch.no_grad()
def importance_weighted_bound(
    model: Weighs,
    x: Float[Tensor, "batch ..."],
    context: Float[Tensor, "batch count ..."] | None = None,
    *,
    samples: int,
    generator: torch.Generator | None = None,
    chunk: int = 256,
) -> ImportanceWeightedBound:
    """Burda et al., 2016, equation 8: ``L_K = -E log 1/K sum_k p(x, z_k) / q(z_k | x)``; the free energy at K = 1.

    Memory is bounded: the model gets at most ``chunk`` latents (images times samples) at a time, and the running sums
    ``log sum w`` and ``log sum w^2`` are kept in the log domain, in float64. The result does not depend on ``chunk`` or
    on how the images are divided over calls with one ``generator``, except for the rounding of the model's own
    arithmetic, in the precision of its parameters.

    Raises:
        ValueError: ``samples`` or ``chunk`` below 1.
    """
    if samples < 1 or chunk < 1:
        raise ValueError(f"samples = {samples} and chunk = {chunk} are at least 1")
    batch, device = x.shape[0], x.device
    if generator is None:
        generator = torch.Generator().manual_seed(int(torch.randint(2**63 - 1, ())))
    noise = ImageNoise(model.noise_shape, x, generator)
    log_sum = torch.full((batch,), -math.inf, dtype=torch.float64, device=device)
    log_sum_squares = log_sum.clone()
    at_once = min(samples, chunk)
    together = max(1, chunk // at_once)
    for first in range(0, batch, together):
        images = range(first, min(first + together, batch))
        part = slice(images.start, images.stop)
        own = None if context is None else context[part]
        for done in range(0, samples, at_once):
            count = min(at_once, samples - done)
            log_weight = model.infer(x[part], own, noise.rows(images, count)).log_weight
            weights = log_weight.double().unflatten(0, (len(images), count))
            log_sum[part] = torch.logaddexp(log_sum[part], weights.logsumexp(dim=1))
            log_sum_squares[part] = torch.logaddexp(log_sum_squares[part], (2 * weights).logsumexp(dim=1))
    effective = torch.exp(2 * log_sum - log_sum_squares).clamp(1, samples)
    return ImportanceWeightedBound(
        value=math.log(samples) - log_sum,
        effective_samples=torch.where(log_sum == -math.inf, 0.0, effective),
        samples=samples,
    )
