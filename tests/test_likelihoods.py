"""Observation models against torch.distributions and exhaustive sums."""

from __future__ import annotations

import torch
from torch.distributions import Bernoulli as Oracle

from allograph.likelihoods import Bernoulli


def test_log_prob_is_the_sum_over_pixels_of_torch_distributions() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 10 * torch.randn(3, 2, 1, 4, 4, generator=random, dtype=torch.float64)
    x = (torch.rand(2, 1, 4, 4, generator=random) < 0.5).double()
    expected = Oracle(logits=logits).log_prob(x).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(Bernoulli.log_prob(logits, x), expected)


def test_probabilities_of_all_images_sum_to_one() -> None:
    logits = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    codes = torch.arange(64)
    everything = ((codes[:, None] >> torch.arange(6)) & 1).double().view(64, 1, 2, 3)
    total = Bernoulli.log_prob(logits.expand(64, 1, 2, 3), everything).logsumexp(dim=0)
    torch.testing.assert_close(total, torch.zeros((), dtype=torch.float64), rtol=0, atol=1e-12)


def test_bfloat16_logits_are_summed_in_float32() -> None:
    logits = torch.full((1, 1, 50, 50), -6.0, dtype=torch.bfloat16)
    result = Bernoulli.log_prob(logits, torch.zeros(1, 1, 50, 50))
    assert result.dtype == torch.float32
    exact = Oracle(logits=torch.full((2500,), -6.0)).log_prob(torch.zeros(2500)).sum()
    torch.testing.assert_close(result[0], exact, rtol=1e-4, atol=0)


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[[1e4, -1e4]]])
    torch.testing.assert_close(Bernoulli.log_prob(logits, torch.tensor([[[1.0, 0.0]]])), torch.tensor(0.0))
    torch.testing.assert_close(Bernoulli.log_prob(logits, torch.tensor([[[0.0, 1.0]]])), torch.tensor(-2e4))
