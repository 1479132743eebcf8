"""Observation models against torch.distributions, sums over all levels and all images, and their own samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli as BernoulliOracle
from torch.distributions import Categorical as CategoricalOracle
from torch.distributions import Normal, SigmoidTransform, TransformedDistribution

from allograph.likelihoods import (
    Bernoulli,
    Categorical,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    Gaussian,
    Likelihood,
    LikelihoodConfig,
    LogitNormal,
    bits_per_dimension,
    likelihood_from_config,
)

KINDS = ("bernoulli", "gaussian", "learned-gaussian", "logit-normal", "categorical", "logistic", "logistic-mixture")
ORDERED: dict[str, Callable[[int], Likelihood]] = {
    "categorical": lambda channels: Categorical(channels),
    "logistic": lambda channels: DiscretizedLogistic(channels),
    "mixture": lambda channels: DiscretizedLogisticMixture(channels, components=3),
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_ordered = pytest.mark.parametrize("make", ORDERED.values(), ids=ORDERED.keys())
each_channels = pytest.mark.parametrize("channels", [1, 3])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_parameters(likelihood: Likelihood, *batch: int, size: int = 4, spread: float = 1.0, seed: int = 0) -> Tensor:
    shape = (*batch, likelihood.parameters_per_pixel, size, size)
    return spread * torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def some_images(*batch: int, channels: int = 1, size: int = 4, levels: int = 256, seed: int = 1) -> Tensor:
    return torch.randint(levels, (*batch, channels, size, size), generator=generator(seed)).double() / (levels - 1)


# ---------------------------------------------------------------- oracles


def test_bernoulli_is_that_of_torch_and_images_broadcast() -> None:
    logits, x = some_parameters(Bernoulli(), 3, 2, spread=10), some_images(2, levels=2)
    expected = BernoulliOracle(logits=logits).log_prob(x).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(Bernoulli().log_prob(logits, x), expected)


@each_channels
def test_gaussians_are_those_of_torch(channels: int) -> None:
    x = some_images(2, channels=channels)
    fixed, learned = Gaussian(channels, 0.2), Gaussian(channels, None)
    parameters = some_parameters(fixed, 3, 2)
    expected = Normal(parameters, 0.2).log_prob(x).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(fixed.log_prob(parameters, x), expected)
    parameters = some_parameters(learned, 3, 2)
    mean, log_scale = parameters[..., :channels, :, :], parameters[..., channels:, :, :]
    expected = Normal(mean, log_scale.exp()).log_prob(x).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(learned.log_prob(parameters, x), expected)


@each_channels
def test_logit_normal_is_that_of_torch(channels: int) -> None:
    likelihood, x = LogitNormal(channels), some_images(2, channels=channels)
    parameters = some_parameters(likelihood, 3, 2)
    mean, log_scale = parameters[..., :channels, :, :], parameters[..., channels:, :, :]
    oracle = TransformedDistribution(Normal(mean, log_scale.exp()), SigmoidTransform())
    expected = oracle.log_prob((255 * x + 0.5) / 256).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(likelihood.log_prob(parameters, x), expected)


@given(mean=st.floats(-4, 4), log_scale=st.floats(-4, 1.5))
def test_the_mean_of_the_logit_normal_is_its_integral(mean: float, log_scale: float) -> None:
    places = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    density = torch.exp(-places.square() / 2) / math.sqrt(2 * math.pi)
    exact = torch.trapezoid(torch.sigmoid(mean + math.exp(log_scale) * places) * density, places)
    found = LogitNormal().mean(torch.tensor([mean, log_scale], dtype=torch.float64).view(2, 1, 1)).item()
    assert found == pytest.approx(float((exact * 256 - 0.5) / 255), abs=1e-4)


def test_the_logit_normal_is_a_density_of_the_unit_interval() -> None:
    levels = 20_000  # so many that the middles of their shares are the interval
    parameters = some_parameters(LogitNormal(), size=1)
    x = (torch.arange(levels, dtype=torch.float64) / (levels - 1)).view(-1, 1, 1, 1)
    total = LogitNormal(1, levels).log_prob(parameters.expand(levels, -1, -1, -1), x).exp().mean()
    assert total.item() == pytest.approx(1, abs=1e-3)


@each_channels
def test_categorical_is_that_of_torch(channels: int) -> None:
    likelihood, x = Categorical(channels, levels=7), some_images(2, channels=channels, levels=7)
    parameters = some_parameters(likelihood, 3, 2, spread=3)
    logits = parameters.view(3, 2, channels, 7, 4, 4).movedim(3, -1)
    expected = CategoricalOracle(logits=logits).log_prob((x * 6).round()).sum(dim=(-3, -2, -1))
    torch.testing.assert_close(likelihood.log_prob(parameters, x), expected)


def logistic_bin(x: float, mean: float, scale: float, levels: int) -> float:
    """A level's probability straight from the distribution function, in float64."""
    half = 0.5 / (levels - 1)

    def below(y: float) -> float:
        return 0.5 * (1 + math.tanh((y - mean) / scale / 2))

    return (1.0 if x >= 1 else below(x + half)) - (0.0 if x <= 0 else below(x - half))


@given(
    mean=st.floats(-0.2, 1.2),
    log_scale=st.floats(-4, 2),
    level=st.integers(0, 255),
)
def test_logistic_is_the_difference_of_the_distribution_function(mean: float, log_scale: float, level: int) -> None:
    exact = logistic_bin(level / 255, mean, math.exp(log_scale), 256)
    parameters = torch.tensor([mean, log_scale], dtype=torch.float64).view(2, 1, 1)
    x = torch.tensor(level / 255, dtype=torch.float64).view(1, 1, 1)
    found = DiscretizedLogistic().log_prob(parameters, x).exp().item()
    assert found == pytest.approx(exact, rel=1e-9, abs=1e-13)


def test_mixture_is_the_weighted_sum_over_components_shared_by_channels() -> None:
    likelihood = DiscretizedLogisticMixture(channels=3, components=2)
    parameters, x = some_parameters(likelihood, size=1), some_images(channels=3, size=1)
    values = parameters.flatten().tolist()
    weights, means, scales = values[:2], values[2:8], [math.exp(v) for v in values[8:]]
    total = 0.0
    for k in range(2):
        colour = [logistic_bin(x[c].item(), means[3 * k + c], scales[3 * k + c], 256) for c in range(3)]
        total += math.exp(weights[k]) / sum(map(math.exp, weights)) * math.prod(colour)
    assert likelihood.log_prob(parameters, x).item() == pytest.approx(math.log(total), rel=1e-9)


def test_mixture_of_one_is_the_logistic() -> None:
    single, mixture = DiscretizedLogistic(3), DiscretizedLogisticMixture(3, components=1)
    parameters, x = some_parameters(single, 5), some_images(5, channels=3)
    padded = torch.cat([torch.full((5, 1, 4, 4), 3.0, dtype=torch.float64), parameters], dim=1)
    torch.testing.assert_close(mixture.log_prob(padded, x), single.log_prob(parameters, x))


# ---------------------------------------------------------------- it all sums to one


@each_ordered
@pytest.mark.parametrize("spread", [0.3, 1.0, 6.0])
def test_all_256_levels_sum_to_one_in_float32(make: Callable[[int], Likelihood], spread: float) -> None:
    likelihood = make(1)
    parameters = some_parameters(likelihood, 1, 50, size=1, spread=spread).float()
    levels = (torch.arange(256) / 255).view(256, 1, 1, 1, 1)
    total = likelihood.log_prob(parameters.expand(256, *parameters.shape[1:]), levels).exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones(50), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "likelihood",
    [Bernoulli(), Categorical(1, 2), DiscretizedLogistic(1, 2), DiscretizedLogisticMixture(1, 2, levels=2)],
    ids=lambda likelihood: type(likelihood).__name__,
)
def test_all_images_of_two_levels_sum_to_one(likelihood: Likelihood) -> None:
    parameters = some_parameters(likelihood, size=3)
    everything = torch.tensor(list(product([0.0, 1.0], repeat=9)), dtype=torch.float64).view(512, 1, 3, 3)
    total = likelihood.log_prob(parameters.expand(512, -1, -1, -1), everything).logsumexp(dim=0)
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-12)


def test_all_colours_sum_to_one() -> None:
    likelihood = DiscretizedLogisticMixture(channels=3, components=3, levels=8)
    parameters = some_parameters(likelihood, size=1)
    everything = torch.tensor(list(product(range(8), repeat=3)), dtype=torch.float64).view(512, 3, 1, 1) / 7
    total = likelihood.log_prob(parameters.expand(512, -1, -1, -1), everything).logsumexp(dim=0)
    torch.testing.assert_close(total, torch.zeros_like(total), rtol=0, atol=1e-12)


# ---------------------------------------------------------------- samples, means, beginnings


@each_kind
@each_channels
def test_shapes_and_that_samples_meet_the_mean(kind: str, channels: int) -> None:
    levels = 16 if kind == "categorical" else 256
    likelihood = likelihood_from_config(LikelihoodConfig(kind, channels=channels, levels=levels))
    parameters = some_parameters(likelihood, 2, size=2, spread=0.4)
    if kind in ("gaussian", "learned-gaussian", "logistic"):
        parameters[:, :channels] = parameters[:, :channels].abs().clamp(0.3, 0.7)
    many = parameters[None].expand(20_000, *parameters.shape)
    drawn = likelihood.sample(many, generator())
    assert drawn.shape == (20_000, 2, channels, 2, 2)
    error = drawn.std(dim=0) / math.sqrt(20_000)
    # The logistic's mean is that before rounding to levels: good to a fraction of a level.
    assert ((drawn.mean(dim=0) - likelihood.mean(parameters)).abs() < 5 * error + 1e-4).all()
    assert likelihood.log_prob(parameters, drawn[0]).shape == (2,)
    if likelihood.discrete:
        top = 1 if kind == "bernoulli" else levels - 1
        assert torch.equal((drawn * top).round() / top, drawn) and drawn.min() >= 0 and drawn.max() <= 1


@pytest.mark.parametrize("kind", ["gaussian", "learned-gaussian"])
def test_samples_of_a_density_are_as_probable_as_its_entropy_says(kind: str) -> None:
    likelihood = likelihood_from_config(LikelihoodConfig(kind, scale=0.3))  # type: ignore[arg-type]
    parameters = some_parameters(likelihood, size=1, spread=0.5).float()
    count, scale = 20_000, 0.3 if kind == "gaussian" else float(parameters[1].exp())
    many = parameters.expand(count, -1, -1, -1)
    found = likelihood.log_prob(many, likelihood.sample(many, generator()))
    entropy = float(torch.distributions.Normal(0.0, scale).entropy())
    assert float(found.mean()) == pytest.approx(-entropy, abs=5 * float(found.std()) / math.sqrt(count))


@each_ordered
def test_frequencies_of_samples_meet_probabilities(make: Callable[[int], Likelihood]) -> None:
    likelihood = make(1)
    parameters = some_parameters(likelihood, size=1, spread=0.7)
    levels = (torch.arange(256, dtype=torch.float64) / 255).view(256, 1, 1, 1)
    probabilities = likelihood.log_prob(parameters.expand(256, -1, -1, -1), levels).exp()
    count = 100_000
    drawn = likelihood.sample(parameters.expand(count, -1, -1, -1), generator()).flatten()
    found = torch.bincount((drawn * 255).round().long(), minlength=256) / count
    error = (probabilities * (1 - probabilities) / count).sqrt()
    assert ((found - probabilities).abs() < 5 * error + 1e-4).all()


def test_channels_of_a_mixture_go_together_in_samples() -> None:
    likelihood = DiscretizedLogisticMixture(channels=3, components=2)
    means = torch.tensor([0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    parameters = torch.cat([torch.zeros(2), means, torch.full((6,), -5.0)]).view(14, 1, 1)
    drawn = likelihood.sample(parameters.expand(500, -1, -1, -1), generator()).flatten(1)
    light = drawn > 0.5
    assert (light == light[:, :1]).all() and 200 < light[:, 0].sum() < 300


@each_kind
def test_sampling_is_repeatable(kind: str) -> None:
    likelihood = likelihood_from_config(LikelihoodConfig(kind, channels=3))
    parameters = some_parameters(likelihood, 2)
    first, again, other = (likelihood.sample(parameters, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@each_kind
@pytest.mark.parametrize("shape", [(3,), (3, 4, 4)])
def test_training_begins_at_the_mean_of_the_data(kind: str, shape: tuple[int, ...]) -> None:
    likelihood = likelihood_from_config(LikelihoodConfig(kind, channels=3))
    mean = torch.linspace(0.2, 0.8, 3).reshape(3, *[1] * (len(shape) - 1)).expand(shape)
    bias = likelihood.bias(mean)
    assert bias.shape == (likelihood.parameters_per_pixel, *shape[1:])
    parameters = bias.reshape(bias.shape[0], *(shape[1:] or (1, 1)))
    found = likelihood.mean(parameters)
    # A logistic distribution that is cut off at 0 and 1 loses a little more on the nearer side.
    tolerance = 0.06 if "logistic" in kind else 0.02 if kind == "logit-normal" else 1e-4
    torch.testing.assert_close(found, mean.reshape(found.shape), rtol=0, atol=tolerance)


# ---------------------------------------------------------------- numbers at the edges


@each_kind
@pytest.mark.parametrize("x", [0.0, 1.0, 0.4])
@pytest.mark.parametrize("value", [-1e4, -30.0, 0.0, 30.0, 1e4])
def test_values_and_gradients_stay_finite_at_extremes(kind: str, x: float, value: float) -> None:
    likelihood = likelihood_from_config(LikelihoodConfig(kind))
    count = likelihood.parameters_per_pixel
    # Every parameter in turn is extreme, the others ordinary.
    parameters = torch.full((count, count, 1, 1), 0.5)
    parameters[range(count), range(count)] = value
    parameters.requires_grad_()
    log_prob = likelihood.log_prob(parameters, torch.full((1, 1, 1), x))
    (gradient,) = torch.autograd.grad(log_prob.sum(), parameters)
    assert log_prob.isfinite().all() and gradient.isfinite().all()


def test_far_tail_of_the_logistic_keeps_its_slope_in_float32() -> None:
    # The plain difference of sigmoids is 0 here, its logarithm -inf and the gradient not a number.
    parameters = torch.tensor([0.1, -6.0]).view(2, 1, 1).requires_grad_()
    x = torch.full((1, 1, 1), 200 / 255)
    log_prob = DiscretizedLogistic().log_prob(parameters, x)
    (gradient,) = torch.autograd.grad(log_prob, parameters)
    scale = math.exp(-6)
    exact = -(200 / 255 - 0.1) / scale + math.log(2 * math.sinh(0.5 / 255 / scale))
    assert log_prob.item() == pytest.approx(exact, rel=1e-5)
    assert gradient[0].item() == pytest.approx(1 / scale, rel=1e-4)


@each_kind
def test_bfloat16_parameters_are_summed_in_float32(kind: str) -> None:
    likelihood = likelihood_from_config(LikelihoodConfig(kind))
    coarse = some_parameters(likelihood, 1, size=40, spread=0.5).to(torch.bfloat16)
    x = some_images(1, size=40, levels=2 if kind == "bernoulli" else 256)
    with torch.autocast("cpu", torch.bfloat16):
        found = likelihood.log_prob(coarse, x.float())
        assert likelihood.mean(coarse).dtype == likelihood.sample(coarse).dtype == torch.float32
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), likelihood.log_prob(coarse.double(), x), rtol=1e-5, atol=0)


def test_extreme_logits_are_exact() -> None:
    logits = torch.tensor([[[1e4, -1e4]]])
    torch.testing.assert_close(Bernoulli().log_prob(logits, torch.tensor([[[1.0, 0.0]]])), torch.tensor(0.0))
    torch.testing.assert_close(Bernoulli().log_prob(logits, torch.tensor([[[0.0, 1.0]]])), torch.tensor(-2e4))


# ---------------------------------------------------------------- units and configuration


def test_a_uniform_pixel_costs_eight_bits() -> None:
    likelihood = Categorical(3)
    nats = -likelihood.log_prob(torch.zeros(1, 768, 5, 5), some_images(1, channels=3, size=5))
    bits = bits_per_dimension(nats, 75)
    torch.testing.assert_close(bits, torch.tensor([8.0]))
    assert bits_per_dimension(784 * math.log(2), 784) == pytest.approx(1.0)


def test_only_densities_are_not_discrete() -> None:
    made = {kind: likelihood_from_config(LikelihoodConfig(kind)) for kind in KINDS}
    densities = {kind for kind, likelihood in made.items() if not likelihood.discrete}
    assert densities == {"gaussian", "learned-gaussian", "logit-normal"}


@pytest.mark.parametrize("wrong", [{"channels": 2}, {"levels": 1}, {"scale": 0.0}, {"components": 0}])
def test_impossible_configurations_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LikelihoodConfig(**wrong)
