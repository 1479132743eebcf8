"""Free energy, KL and the importance weighted bound, against distributions with known answers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from allograph.bounds import (
    FreeEnergy,
    ImageNoise,
    ImportanceWeightedBound,
    Weighs,
    gaussian_kl,
    importance_weighted_bound,
)

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


class FactorModel(nn.Module):
    """x = W z + m + e, z ~ N(0, I), e ~ N(0, diag(psi)), of a size that has a closed form; and a posterior whose mean
    and scale are off, so that weights vary."""

    def __init__(self, seed: int = 0, seen: int = 5, latent: int = 2) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.loading = nn.Parameter(torch.randn(seen, latent, generator=random, dtype=torch.float64))
        self.mean = nn.Parameter(torch.randn(seen, generator=random, dtype=torch.float64))
        self.psi = nn.Parameter(0.3 + torch.rand(seen, generator=random, dtype=torch.float64))
        self.calls: list[int] = []

    @property
    def noise_shape(self) -> tuple[int]:
        return (self.loading.shape[1],)

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor) -> SimpleNamespace:
        self.calls.append(len(noise))
        many = x.repeat_interleave(len(noise) // len(x), dim=0)
        precision = torch.eye(noise.shape[1], dtype=x.dtype) + self.loading.T @ (self.loading / self.psi[:, None])
        exact = MultivariateNormal(
            (many - self.mean) / self.psi @ self.loading @ precision.inverse(), precision_matrix=precision
        )
        q = Normal(exact.mean + 0.2, 1.2 * exact.variance.sqrt())
        z = q.mean + q.stddev * noise
        prior = Normal(torch.zeros_like(z), torch.ones_like(z))
        seen = Normal(z @ self.loading.T + self.mean, self.psi.sqrt())
        log_likelihood = seen.log_prob(many).sum(-1)
        return SimpleNamespace(
            log_weight=log_likelihood + prior.log_prob(z).sum(-1) - q.log_prob(z).sum(-1),
            free_energy=kl_divergence(q, prior).sum(-1) - log_likelihood,
        )

    def exact(self, x: Tensor) -> Tensor:
        """``-log p(x)``."""
        covariance = self.loading @ self.loading.T + torch.diag(self.psi)
        return -MultivariateNormal(self.mean, covariance).log_prob(x)


@pytest.fixture
def factors() -> FactorModel:
    return FactorModel().requires_grad_(False)


def some_images(count: int, seed: int = 1) -> Tensor:
    return 2 * torch.randn(count, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_many_samples_meet_the_closed_form_within_the_error_that_they_state(factors: FactorModel) -> None:
    x = some_images(40)
    bound = importance_weighted_bound(factors, x, samples=5000, generator=seeded())
    off = (bound.value - factors.exact(x)) / bound.monte_carlo_error
    assert off.abs().max() < 4
    assert 0.6 < off.std() < 1.4, "the stated error is the one that is made"
    assert bound.monte_carlo_error.max() < 0.03
    assert abs((bound.value - factors.exact(x)).mean()) < 3 * bound.monte_carlo_error.square().sum().sqrt() / len(x)


@given(seeds, st.integers(1, 12), st.integers(1, 70), st.integers(1, 300))
@settings(max_examples=30)
def test_the_bound_does_not_depend_on_the_chunks(seed: int, batch: int, samples: int, chunk: int) -> None:
    model, x = FactorModel(seed), some_images(batch, seed)
    with torch.no_grad():
        whole = importance_weighted_bound(model, x, samples=samples, generator=seeded(seed), chunk=100_000)
        assert model.calls == [batch * samples]
        model.calls.clear()
        parts = importance_weighted_bound(model, x, samples=samples, generator=seeded(seed), chunk=chunk)
    torch.testing.assert_close(parts.value, whole.value, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(parts.effective_samples, whole.effective_samples, rtol=1e-9, atol=1e-9)
    assert max(model.calls) <= chunk
    assert sum(model.calls) == batch * samples


def test_nor_on_how_the_images_are_divided_over_calls(factors: FactorModel) -> None:
    x, random = some_images(7), seeded()
    whole = importance_weighted_bound(factors, x, samples=20, generator=seeded())
    parts = [importance_weighted_bound(factors, part, samples=20, generator=random).value for part in x.split(3)]
    torch.testing.assert_close(torch.cat(parts), whole.value, rtol=1e-12, atol=1e-12)
    assert whole.value.unique().numel() == 7


def test_images_have_noise_of_their_own(factors: FactorModel) -> None:
    same = some_images(1).expand(50, -1)
    assert importance_weighted_bound(factors, same, samples=1, generator=seeded()).value.unique().numel() == 50


def test_a_real_model_has_one_bound_in_any_chunks() -> None:
    from models.small import small_model

    model = small_model()
    x = (torch.rand(5, 1, 9, 9, generator=seeded(1)) < 0.3).double()
    context = (torch.rand(5, 2, 1, 9, 9, generator=seeded(2)) < 0.3).double()
    assert isinstance(model, Weighs)

    def bound(model: Weighs, x: Tensor, context: Tensor | None, chunk: int) -> Tensor:
        return importance_weighted_bound(model, x, context, samples=33, generator=seeded(3), chunk=chunk).value

    for shown in (context, None):
        whole = bound(model, x, shown, 1000)
        torch.testing.assert_close(bound(model, x, shown, 7), whole, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(bound(model, x, shown, 70), whole, rtol=1e-9, atol=1e-9)
    assert (bound(model, x, None, 1000) - bound(model, x, context, 1000)).abs().min() > 1e-3


def test_float32_and_float64_differ_by_rounding_alone(factors: FactorModel) -> None:
    x = some_images(20)
    double = importance_weighted_bound(factors, x, samples=200, generator=seeded())
    single = importance_weighted_bound(copy.deepcopy(factors).float(), x.float(), samples=200, generator=seeded())
    assert single.value.dtype == double.value.dtype == torch.float64
    torch.testing.assert_close(single.value, double.value, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(single.effective_samples, double.effective_samples, rtol=1e-3, atol=0)


def test_one_sample_is_the_free_energy_in_expectation(factors: FactorModel) -> None:
    x = some_images(1).expand(20_000, -1)
    bound = importance_weighted_bound(factors, x, samples=1, generator=seeded(), chunk=20_000)
    energy = factors.infer(x, None, noise_for(x, 1)[:, 0]).free_energy
    mean = bound.value.mean().item()
    error = math.hypot(bound.value.std().item(), energy.std().item()) / math.sqrt(len(x))
    assert abs(mean - energy.mean().item()) < 4 * error
    assert mean > factors.exact(x[:1]).item() + 10 * error, "so far from the closed form that this says something"
    assert torch.equal(bound.effective_samples, torch.ones(len(x), dtype=torch.float64))
    assert bound.monte_carlo_error.isnan().all()


def test_more_samples_give_a_lower_bound_on_average_and_never_one_below_the_truth(factors: FactorModel) -> None:
    x = some_images(400)
    exact = factors.exact(x).mean().item()
    means, errors = [], []
    for samples in (1, 2, 5, 20, 100):
        bound = importance_weighted_bound(factors, x, samples=samples, generator=seeded(samples), chunk=4000)
        gap = bound.value - factors.exact(x)
        means.append(gap.mean().item())
        errors.append(gap.std().item() / math.sqrt(len(x)))
    assert means == sorted(means, reverse=True), means
    assert means[-1] > -4 * errors[-1], exact


def test_the_first_samples_of_many_are_those_of_few(factors: FactorModel) -> None:
    """So bounds of several K on one seed are nested estimates, not separate draws."""
    x = some_images(3)
    weights = [factors.infer(x, None, noise).log_weight for noise in noise_for(x, 40).unbind(1)]
    for samples in (1, 16, 17, 40):
        expected = math.log(samples) - torch.stack(weights[:samples]).logsumexp(0)
        bound = importance_weighted_bound(factors, x, samples=samples, generator=seeded())
        torch.testing.assert_close(bound.value, expected)


def noise_for(x: Tensor, count: int) -> Tensor:
    return ImageNoise((2,), x, seeded()).rows(range(len(x)), count).unflatten(0, (len(x), count))


def test_noise_is_standard_normal_and_its_own_for_each_image_and_row() -> None:
    noise = noise_for(torch.zeros(100, 1), 100)
    assert abs(noise.mean()) < 4 / math.sqrt(noise.numel())
    assert abs(noise.square().mean() - 1) < 4 * math.sqrt(2 / noise.numel())
    assert noise.flatten(0, 1).unique(dim=0).shape[0] == 10_000


@dataclass
class Given:
    """A model whose log weights are what the test says, (images, K)."""

    log_weights: Tensor
    done: int = 0

    noise_shape = (1,)

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor) -> SimpleNamespace:
        count = len(noise) // len(x)
        images = x[:, 0].long()
        part = self.log_weights[images, self.done : self.done + count]
        self.done = (self.done + count) % self.log_weights.shape[1]
        return SimpleNamespace(log_weight=part.flatten())


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_known_weights_give_the_known_bound_error_and_number_of_samples(chunk: int) -> None:
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [4.0, 1.0, 2.0, 1.0], [0.0, 0.0, 5.0, 0.0]], dtype=torch.float64)
    x = torch.arange(3.0)[:, None]
    bound = importance_weighted_bound(Given(weights.log()), x, samples=4, chunk=chunk)
    torch.testing.assert_close(bound.value, -weights.mean(1).log())
    torch.testing.assert_close(bound.effective_samples, weights.sum(1).square() / weights.square().sum(1))
    standard_error = weights.std(1) / 2 / weights.mean(1)
    torch.testing.assert_close(bound.monte_carlo_error, standard_error, rtol=1e-6, atol=1e-7)


def test_the_error_of_the_mean_is_by_images_not_by_samples() -> None:
    """Three images of many samples each; one image alone says nothing of others."""
    values = torch.tensor([1.0, 4.0, 7.0], dtype=torch.float64)
    for samples in (1, 4, 50):
        bound = ImportanceWeightedBound(values, torch.ones(3, dtype=torch.float64), samples)
        assert bound.mean == 4.0
        assert bound.error == pytest.approx(3 / math.sqrt(3))
    assert math.isnan(ImportanceWeightedBound(values[:1], torch.ones(1, dtype=torch.float64), 4).error)


@pytest.mark.parametrize("level", [-5000.0, -1e6, 800.0])
def test_the_bound_is_safe_where_weights_leave_the_range_of_floats(level: float) -> None:
    bound = importance_weighted_bound(Given(torch.full((2, 10), level)), torch.arange(2.0)[:, None], samples=10)
    torch.testing.assert_close(bound.value, torch.full((2,), -level, dtype=torch.float64))
    torch.testing.assert_close(bound.effective_samples, torch.full((2,), 10.0, dtype=torch.float64))


def test_an_impossible_image_has_an_infinite_bound_and_a_broken_one_says_so() -> None:
    weights = torch.tensor([[-math.inf] * 4, [0.0, math.nan, 0.0, 0.0], [0.0, -math.inf, 0.0, -math.inf]])
    bound = importance_weighted_bound(Given(weights), torch.arange(3.0)[:, None], samples=4)
    assert bound.value[0] == math.inf
    assert bound.effective_samples[0] == 0
    assert bound.value[1].isnan()
    assert bound.effective_samples[1].isnan()
    assert bound.value[2].item() == pytest.approx(math.log(2))
    assert bound.effective_samples[2] == 2


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"samples": 2, "chunk": 0}])
def test_no_samples_are_refused(factors: FactorModel, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        importance_weighted_bound(factors, some_images(2), **wrong)
