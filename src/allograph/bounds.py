"""Bounds on the log likelihood: free energy and the importance weighted bound, in nats per image."""

from __future__ import annotations

__all__ = ["FreeEnergy", "ImportanceWeightedBound", "gaussian_kl", "importance_weighted_bound"]

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


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
    """What the importance weighted bound asks of a model."""

    def log_weights(
        self, x: Tensor, context: Tensor | None = None, *, samples: int, generator: torch.Generator | None = None
    ) -> Tensor: ...


@dataclass(frozen=True)
class ImportanceWeightedBound:
    """``-log 1/K sum_k w_k`` per image, with how well the K samples covered the posterior.

    Attributes:
        value: (batch,), nats; an upper bound on ``-log p(x)`` on average, tighter as K grows.
        effective_samples: (batch,), ``(sum_k w_k)^2 / sum_k w_k^2``, between 1 and K.
        samples: K.
    """

    value: Float[Tensor, " batch"]
    effective_samples: Float[Tensor, " batch"]
    samples: int


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
    """Burda et al., 2016: ``L_K = -E log 1/K sum_k p(x, z_k) / q(z_k | x)``; equals the free energy at K = 1.

    Memory is bounded: ``chunk`` (images times samples) go through the model at a time, and the running sums
    ``log sum w`` and ``log sum w^2`` are kept in the log domain, in float64.
    """
    batch = x.shape[0]
    at_once = max(1, chunk // batch)
    log_sum = torch.full((batch,), -math.inf, dtype=torch.float64, device=x.device)
    log_sum_squares = log_sum.clone()
    done = 0
    while done < samples:
        count = min(at_once, samples - done)
        log_weights = model.log_weights(x, context, samples=count, generator=generator).double()
        log_sum = torch.logaddexp(log_sum, log_weights.logsumexp(dim=0))
        log_sum_squares = torch.logaddexp(log_sum_squares, (2 * log_weights).logsumexp(dim=0))
        done += count
    return ImportanceWeightedBound(
        value=math.log(samples) - log_sum,
        effective_samples=torch.exp(2 * log_sum - log_sum_squares),
        samples=samples,
    )
