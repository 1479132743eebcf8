"""Free energy, KL and the importance weighted bound, against distributions with known answers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from allograph.bounds import FreeEnergy, gaussian_kl, importance_weighted_bound

seeds = st.integers(0, 2**31)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_kl_is_that_of_torch_distributions_summed_over_the_last_dimension(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    mean_q, log_q, mean_p, log_p = 2 * torch.randn(4, 3, 5, generator=random, dtype=torch.float64)
    ours = gaussian_kl(mean_q, log_q, mean_p, log_p)
    oracle = kl_divergence(Normal(mean_q, log_q.exp()), Normal(mean_p, log_p.exp())).sum(dim=-1)
    torch.testing.assert_close(ours, oracle)
    assert (ours > 0).all()
    assert torch.equal(gaussian_kl(mean_q, log_q, mean_q, log_q), torch.zeros(3, dtype=torch.float64))


def test_the_kl_meets_monte_carlo() -> None:
    q, p = Normal(torch.tensor([0.3, -1.0]), torch.tensor([0.5, 1.5])), Normal(torch.tensor([0.0, 0.5]), torch.ones(2))
    torch.manual_seed(0)
    z = q.sample((200_000,))
    ratios = (q.log_prob(z) - p.log_prob(z)).sum(dim=-1)
    ours = gaussian_kl(q.mean, q.stddev.log(), p.mean, p.stddev.log())
    assert abs(ratios.mean() - ours) < 4 * ratios.std() / math.sqrt(len(ratios))


def test_a_free_energy_is_distortion_plus_the_kl_of_all_steps() -> None:
    parts = FreeEnergy(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.0, 0.0]]))
    torch.testing.assert_close(parts.total, torch.tensor([7.0, 2.5]))


class GaussianModel:
    """x | z ~ N(z, 1), z ~ N(0, 1), with the wrong posterior q = N(x / 2, 1): p(x) = N(0, 2) exactly."""

    def log_weights(
        self, x: Tensor, context: Tensor | None = None, *, samples: int, generator: torch.Generator | None = None
    ) -> Tensor:
        q = Normal(x / 2, 1.0)
        z = x / 2 + torch.randn(samples, len(x), generator=generator, dtype=x.dtype)
        return Normal(z, 1.0).log_prob(x) + Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)


@pytest.mark.parametrize("chunk", [1, 7, 64, 100_000])
def test_the_bound_of_many_samples_meets_the_exact_value_in_any_chunks(chunk: int) -> None:
    x = torch.tensor([0.0, 1.0, -2.5], dtype=torch.float64)
    samples = 1000 if chunk < 64 else 40_000
    random = torch.Generator().manual_seed(0)
    bound = importance_weighted_bound(GaussianModel(), x, samples=samples, generator=random, chunk=chunk)
    exact = -Normal(0.0, math.sqrt(2)).log_prob(x).double()
    torch.testing.assert_close(bound.value, exact, rtol=0, atol=4 / math.sqrt(samples))
    assert ((bound.effective_samples > 1) & (bound.effective_samples <= samples)).all()


def test_with_one_sample_the_bound_is_the_log_weight() -> None:
    x = torch.tensor([0.4, -1.0], dtype=torch.float64)
    random = torch.Generator().manual_seed(3)
    bound = importance_weighted_bound(GaussianModel(), x, samples=1, generator=random)
    (weights,) = GaussianModel().log_weights(x, samples=1, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(bound.value, -weights)
    torch.testing.assert_close(bound.effective_samples, torch.ones(2, dtype=torch.float64))


def test_the_bound_is_safe_where_weights_leave_the_range_of_floats() -> None:
    class Extreme:
        def log_weights(
            self, x: Tensor, context: Tensor | None = None, *, samples: int, generator: object = None
        ) -> Tensor:
            return torch.full((samples, len(x)), -5000.0)

    bound = importance_weighted_bound(Extreme(), torch.zeros(2), samples=10)
    torch.testing.assert_close(bound.value, torch.full((2,), 5000.0, dtype=torch.float64))
    torch.testing.assert_close(bound.effective_samples, torch.full((2,), 10.0, dtype=torch.float64))
