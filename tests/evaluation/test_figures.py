"""Figures computed again by hand: a likelihood result's from torch's own distributions, and errors of all kinds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from allograph.bounds import ImageNoise
from allograph.data import ConceptDataset, PairBatch, fixed_pairs
from allograph.evaluation.augmentation.gain import ShotResult
from allograph.evaluation.classification.result import ErrorRate
from allograph.evaluation.likelihood.estimate import evaluate_likelihood
from allograph.evaluation.likelihood.result import LikelihoodResult, Measured
from allograph.evaluation.oneshot.points import Estimate
from allograph.models import GenerativeModel
from models.small import small_sequential, with_random_weights

IMAGES, BOUNDED, SAMPLES, SEED, SIDE = 40, 24, 6, 3, 8


@pytest.fixture(scope="module")
def model() -> GenerativeModel:
    """Random weights everywhere, so that every step has a KL of its own and an exemplar changes every image's."""
    config = small_sequential(image_size=SIDE, steps=4, context=True)
    return with_random_weights(config, seed=2).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def result(model: GenerativeModel, strokes: ConceptDataset) -> LikelihoodResult:
    few = {"drawings": IMAGES, "bound_drawings": BOUNDED, "samples": SAMPLES, "contexts": (1, 2), "seed": SEED}
    return evaluate_likelihood(model, strokes, size=SIDE, precision="float64", **few)


@pytest.fixture(scope="module")
def pairs(strokes: ConceptDataset) -> PairBatch:
    return fixed_pairs(strokes, SIDE, IMAGES, seed=SEED, contexts=2)


def parts_of(model: GenerativeModel, x: Tensor, context: Tensor | None, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distortion, the KL of every step, and ``log p(x, z) - log q(z | x)``, each by torch's distributions."""
    found = model.infer(x, context, noise)
    (z,), (posterior,), (prior,) = found.latents, found.posterior, found.prior
    q, p = (Normal(part.mean, part.log_std.exp()) for part in (posterior, prior))
    log_weight = found.log_likelihood + (p.log_prob(z) - q.log_prob(z)).sum(dim=(-2, -1))
    return -found.log_likelihood, kl_divergence(q, p).sum(dim=-1), log_weight


def by_hand(model: GenerativeModel, pairs: PairBatch, context: Tensor | None) -> dict[str, Tensor]:
    """What each image's figures are."""
    x = pairs.target.double()
    context = None if context is None else context.double()

    def noise(count: int, samples: int) -> Tensor:
        random = torch.Generator().manual_seed(SEED)
        return ImageNoise(model.noise_shape, x[:count], random).rows(range(count), samples)

    distortion, kl, _ = parts_of(model, x, context, noise(IMAGES, 1))
    own = None if context is None else context[:BOUNDED]
    _, _, log_weight = parts_of(model, x[:BOUNDED], own, noise(BOUNDED, SAMPLES))
    weights = log_weight.unflatten(0, (BOUNDED, SAMPLES))
    shares = weights.softmax(dim=1)
    return {
        "distortion": distortion,
        "kl": kl,
        "energy": distortion + kl.sum(dim=1),
        "bound": math.log(SAMPLES) - weights.logsumexp(dim=1),
        "effective": 1 / shares.square().sum(dim=1),
        "monte_carlo": shares.std(dim=1) * SAMPLES / math.sqrt(SAMPLES),
    }


def mean_and_error(values: Tensor) -> dict[str, Any]:
    spread = math.sqrt(float((values - values.mean()).square().sum()) / (len(values) - 1))
    return {"mean": pytest.approx(float(values.mean())), "error": pytest.approx(spread / math.sqrt(len(values)))}


def assert_same(found: Measured, expected: dict[str, Tensor]) -> None:
    assert vars(found.free_energy) == mean_and_error(expected["energy"])
    assert vars(found.distortion) == mean_and_error(expected["distortion"])
    assert vars(found.kl) == mean_and_error(expected["kl"].sum(dim=1))
    assert vars(found.bound) == mean_and_error(expected["bound"])
    assert found.kl_per_step == pytest.approx(expected["kl"].mean(dim=0).tolist())
    assert found.effective_samples == pytest.approx(float(expected["effective"].mean()))
    together = float(expected["monte_carlo"].square().sum().sqrt()) / BOUNDED
    assert found.monte_carlo_error == pytest.approx(together)
    assert found.bits_per_dimension is not None
    assert vars(found.bits_per_dimension) == mean_and_error(expected["bound"] / (SIDE**2 * math.log(2)))


def test_all_figures_are_those_that_the_distributions_give(
    result: LikelihoodResult, model: GenerativeModel, pairs: PairBatch
) -> None:
    assert result.given is not None and result.gain is not None and result.bound_gain is not None
    without, one, two = (by_hand(model, pairs, c) for c in (None, pairs.context[:, :1], pairs.context))
    assert_same(result.without, without)
    assert_same(result.given, two)
    (fewer,) = result.fewer
    assert fewer.contexts == 1
    assert_same(fewer.given, one)
    for expected, energy, bound in ((two, result.gain, result.bound_gain), (one, fewer.gain, fewer.bound_gain)):
        assert vars(energy) == mean_and_error(without["energy"] - expected["energy"])
        assert vars(bound) == mean_and_error(without["bound"] - expected["bound"])
    # The model is such that what the tests above would not tell apart is not there.
    for expected in (without, two):
        steps = expected["kl"].mean(dim=0).tolist()
        assert min(steps) > 0.05
        assert len({round(step, 3) for step in steps}) == len(steps)
    unpaired = math.hypot(result.without.free_energy.error, result.given.free_energy.error)
    assert abs(result.gain.error / unpaired - 1) > 1e-3


def test_the_wrong_exemplars_are_those_of_other_concepts(
    result: LikelihoodResult, model: GenerativeModel, pairs: PairBatch
) -> None:
    """As many exemplars as the right ones have, each pair's own given to a pair of another concept."""
    assert result.wrong is not None
    order = pairs.concept.argsort(stable=True)
    largest = int(pairs.concept.bincount().max())
    others = torch.empty_like(order)
    others[order] = order.roll(-largest)
    assert (pairs.concept[others] != pairs.concept).all()
    expected = by_hand(model, pairs, pairs.context[others])["energy"]
    assert vars(result.wrong) == mean_and_error(expected)


def test_the_tables_show_the_steps_in_their_order_and_the_figures_in_their_columns(
    model: GenerativeModel, strokes: ConceptDataset
) -> None:
    found = evaluate_likelihood(model, strokes, size=SIDE, drawings=IMAGES, samples=3, bound_drawings=BOUNDED)
    assert found.given is not None
    lines = found.table().splitlines()
    for name, column in (("given 1", found.given), ("without", found.without)):
        steps = " ".join(f"{value:.2f}" for value in column.kl_per_step)
        assert f"KL per step, {name}: {steps}" in lines
    (energies,) = (line for line in lines if line.startswith(f"free energy, {IMAGES} images"))
    assert energies.index(str(found.given.free_energy)) < energies.rindex(str(found.without.free_energy))
    (gain,) = (line for line in lines if line.startswith("gain by the exemplar"))
    assert str(found.gain) in gain


def test_means_and_ratios_over_trials_have_the_errors_of_samples() -> None:
    values, references = np.array([1.0, 3.0, 5.0]), np.array([2.0, 4.0, 3.0])
    mean = Estimate.mean(values)
    assert (mean.value, mean.error) == (3.0, pytest.approx(2 / 3**0.5))
    ratio = Estimate.ratio(values, references)
    assert (ratio.value, ratio.error) == (1.0, pytest.approx(np.std([-1, -1, 2], ddof=1) / 3**0.5 / 3))


def test_differences_between_arms_are_paired_by_trial() -> None:
    hard_and_easy = np.array([0.2, 0.5, 0.8])
    gains = {"nothing": 0.0, "classical": 0.1, "allograph": 0.05, "both": 0.12, "half": 0.2}
    shots = ShotResult.of(1, {arm: (hard_and_easy + gain).tolist() for arm, gain in gains.items()})
    assert shots.nothing.error > 0.1
    for name, value in (
        ("classical_minus_nothing", 0.1),
        ("allograph_minus_classical", -0.05),
        ("both_minus_classical", 0.02),
        ("both_minus_allograph", 0.07),
        ("half_minus_classical", 0.1),
        ("half_minus_both", 0.08),
    ):
        difference = getattr(shots, name)
        assert difference.value == pytest.approx(value)
        assert difference.error == pytest.approx(0, abs=1e-12)


def test_an_error_rate_has_the_interval_of_its_runs() -> None:
    """Student's t over runs, and the binomial interval over tests as scipy computes it."""
    wrong = np.array([[True, False, False, False], [True, True, False, False], [False, False, False, False]])
    rate = ErrorRate.of(wrong)
    assert (rate.value, rate.wrong, rate.tests) == (0.25, 3, 12)
    half = stats.t.ppf(0.975, 2) * np.std([0.25, 0.5, 0.0], ddof=1) / 3**0.5
    assert (rate.runs_low, rate.runs_high) == (pytest.approx(max(0, 0.25 - half)), pytest.approx(0.25 + half))
    interval = stats.binomtest(3, 12).proportion_ci(0.95, method="wilson")
    assert (rate.low, rate.high) == (pytest.approx(interval.low, abs=1e-6), pytest.approx(interval.high, abs=1e-6))
