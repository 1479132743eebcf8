"""Deep latent Gaussian models against a reference written from the equations, quadrature and Monte Carlo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from allograph.bounds import importance_weighted_bound
from allograph.likelihoods import LikelihoodConfig
from allograph.models.cells import Gaussian
from allograph.models.deep import DeepConfig, DeepModel, product

each_posterior = pytest.mark.parametrize("posterior", ["bottom-up", "top-down"])
each_depth = pytest.mark.parametrize("latents", [(4,), (4, 3), (4, 3, 2)], ids=lambda latents: f"L{len(latents)}")
each_network = pytest.mark.parametrize("network", ["dense", "convolutional"])


def small_model(latents: tuple[int, ...] = (4, 3), *, seed: int = 0, **changes: Any) -> DeepModel:
    """Random weights everywhere, also where training would begin with zeros, in float64."""
    settings = {"image_size": 6, "units": (11, 9, 7)[: len(latents)], "width": 2, **changes}
    model = DeepModel(DeepConfig(latents=latents, **settings)).double()
    random = generator(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.4 if parameter.ndim != 2 else 1.5 / parameter.shape[1] ** 0.5
            parameter.copy_(spread * torch.randn(parameter.shape, generator=random, dtype=parameter.dtype))
    return model


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int, size: int = 6, channels: int = 1) -> Tensor:
    return (torch.rand(count, channels, size, size, generator=generator(5)) < 0.3).double()


# ---------------------------------------------------------------- the equations, one after the other


def dense(model: DeepModel, name: str, x: Tensor) -> Tensor:
    """The dense layers under this name, from the weights alone, a silu after each hidden one."""
    weights = {key: value for key, value in model.state_dict().items() if key.startswith(f"{name}.")}
    layers = sorted(
        {key.rsplit(".", 1)[0] for key in weights}, key=lambda key: [int(p) for p in key.split(".") if p.isdigit()]
    )
    for layer in layers:
        x = F.linear(x, weights[f"{layer}.weight"], weights.get(f"{layer}.bias"))
        if x.shape[-1] in model.config.units:
            x = x * torch.sigmoid(x)
    return x


def normal(raw: Tensor) -> Normal:
    mean, log_std = raw.chunk(2, dim=-1)
    return Normal(mean, torch.exp(5 * torch.tanh(log_std / 5)))


def reference(model: DeepModel, x: Tensor, noise: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
    """``-log p(x | z_1)``, the KL terms from layer 1 to L, and the log weight, image by image and layer by layer."""
    config, state = model.config, model.state_dict()
    distortions, kls, weights = [], [], []
    for image, eps in zip(x, noise, strict=True):
        guesses, features = [], image.flatten()
        for layer in range(len(config.latents)):
            features = dense(model, f"encoders.{layer}", features)
            guesses.append(normal(dense(model, f"guesses.{layer}", features)))
        starts = np.cumsum([0, *config.latents])
        z, kl, log_ratio = torch.zeros(0), {}, torch.zeros(())
        for layer in reversed(range(len(config.latents))):
            top = layer == len(config.latents) - 1
            p = (
                Normal(*torch.tensor([[0.0], [1.0]]).double())
                if top
                else normal(dense(model, f"predictors.{layer}", z))
            )
            q = guesses[layer]
            if config.posterior == "top-down":
                q = Normal(q.loc * (1 + q.scale**2), q.scale)
                precision = 1 / q.scale**2 + 1 / p.scale**2
                q = Normal((q.loc / q.scale**2 + p.loc / p.scale**2) / precision, precision**-0.5)
            z = q.loc + q.scale * eps[0, starts[layer] : starts[layer + 1]]
            kl[layer] = kl_divergence(q, p).sum()
            log_ratio = log_ratio + (p.log_prob(z) - q.log_prob(z)).sum()
        logits = dense(model, "decoder", z).view(image.shape) + state["bias"]
        log_likelihood = Bernoulli(logits=logits).log_prob(image).sum()
        distortions.append(-log_likelihood)
        kls.append(torch.stack([kl[layer] for layer in range(len(config.latents))]))
        weights.append(log_likelihood + log_ratio)
    return torch.stack(distortions), kls, torch.stack(weights)


@each_posterior
@each_depth
def test_batched_computation_equals_the_equations_step_by_step(posterior: str, latents: tuple[int, ...]) -> None:
    model, x = small_model(latents, posterior=posterior), images(5)
    noise = model.noise(10, generator=generator())
    found = model.infer(x, None, noise)
    distortion, kl, weight = reference(model, x.repeat_interleave(2, dim=0), noise)
    exact = {"rtol": 1e-11, "atol": 1e-11}
    torch.testing.assert_close(found.free_energy.distortion, distortion, **exact)
    torch.testing.assert_close(found.kl, torch.stack(kl), **exact)
    torch.testing.assert_close(found.log_weight, weight, **exact)
    assert [tuple(z.shape) for z in found.latents] == [(10, 1, latent) for latent in latents]
    assert model.noise_shape == (1, sum(latents))


@given(*[st.floats(-2, 2)] * 4)
def test_product_of_two_normal_densities(mean: float, log_std: float, other_mean: float, other_log_std: float) -> None:
    one, other = (Gaussian(*torch.tensor(pair).double()) for pair in ((mean, log_std), (other_mean, other_log_std)))
    both = product(one, other)
    z = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    difference = both.log_prob(z) - one.log_prob(z) - other.log_prob(z)
    torch.testing.assert_close(difference, difference[:1].expand(7))  # proportional


# ---------------------------------------------------------------- invariants


def test_kl_is_zero_where_posterior_is_prior() -> None:
    fresh = DeepModel(DeepConfig(latents=(5,), units=(8,), image_size=6))
    assert (fresh.free_energy(images(3).float()).kl == 0).all()
    ladder = small_model((4, 3), posterior="top-down")
    with torch.no_grad():
        for guess in ladder.guesses:  # an image that says nothing
            guess.weight.zero_()
            guess.bias.fill_(100.0)
            guess.bias[: len(guess.bias) // 2] = 0
    kl = ladder.free_energy(images(3)).kl
    assert kl.shape == (3, 2) and (kl.abs() < 1e-6).all()


@each_posterior
def test_analytic_kl_meets_monte_carlo(posterior: str) -> None:
    model, count = small_model((4, 3), posterior=posterior), 20_000
    drawn = model.infer(images(1), None, model.noise(count, generator=generator()))
    estimates = -(drawn.log_weight - drawn.log_likelihood)
    difference = estimates - drawn.kl.sum(dim=-1)
    assert drawn.kl.mean() > 0.1
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(count)


@each_depth
@each_network
def test_every_latent_moves_the_image(latents: tuple[int, ...], network: str) -> None:
    model = small_model(latents, network=network)
    noise = model.noise(4, generator=generator())[None].requires_grad_()
    log_prob = model.likelihood.log_prob(model.sample(noise=noise).parameters[0], images(4)).sum()
    (gradient,) = torch.autograd.grad(log_prob, noise)
    assert (gradient.abs().amax(dim=(0, 1, 2)) > 0).all()


@each_posterior
def test_bound_of_one_sample_is_the_free_energy_and_more_samples_tighten_it(posterior: str) -> None:
    model, x, count = small_model(posterior=posterior), images(2), 4000
    many = x.repeat_interleave(count, dim=0)
    energy = model.free_energy(many, generator=generator(1)).total.view(2, count)
    bounds = {
        samples: importance_weighted_bound(
            model, many[::4], samples=samples, generator=generator(2), chunk=10**6
        ).value.view(2, -1)
        for samples in (1, 4, 32)
    }

    def error(values: Tensor) -> Tensor:
        return values.std(dim=1) / math.sqrt(values.shape[1])

    difference = (bounds[1].mean(dim=1) - energy.mean(dim=1)).abs()
    assert (difference < 4 * (error(bounds[1]).square() + error(energy).square()).sqrt()).all()
    for few, more in ((1, 4), (4, 32)):
        assert (bounds[more].mean(dim=1) < bounds[few].mean(dim=1) - 3 * error(bounds[few])).all()


@each_posterior
@pytest.mark.parametrize("latents", [(2,), (1, 1)])
def test_probabilities_of_all_tiny_images_are_those_of_quadrature_and_sum_to_one(
    posterior: str, latents: tuple[int, ...]
) -> None:
    model = small_model(latents, image_size=2, posterior=posterior)
    with torch.no_grad():
        for guess, latent in zip(model.guesses, latents, strict=True):
            guess.weight.mul_(0.3)
            guess.bias[:latent], guess.bias[latent:] = 0.0, 1.5  # wide, so that no weight is far above the rest
        for predictor in model.predictors:
            predictor[-1].weight.mul_(0.3)
    everything = ((torch.arange(16)[:, None] >> torch.arange(4)) & 1).double().view(16, 1, 2, 2)
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(60))
    weights = weights / weights.sum()
    grid = torch.cartesian_prod(nodes, nodes)[None, :, None]
    parameters = model.sample(noise=grid).parameters[0]
    given_z = model.likelihood.log_prob(parameters[:, None].expand(-1, 16, -1, -1, -1), everything).exp()
    exact = torch.cartesian_prod(weights, weights).prod(dim=1) @ given_z
    torch.testing.assert_close(exact.sum(), torch.ones((), dtype=torch.float64), rtol=0, atol=1e-12)
    assert exact.max() > 2 * exact.min()
    estimates = model.log_weights(everything, samples=20_000, generator=generator()).exp()
    error = estimates.std(dim=0) / math.sqrt(20_000)
    assert (error < 0.1 * exact).all()
    assert ((estimates.mean(dim=0) - exact).abs() < 4 * error).all()
    assert abs(estimates.mean(dim=0).sum() - 1) < 4 * error.norm()


def test_sampling_touches_no_image() -> None:
    model = small_model(posterior="top-down")
    with torch.no_grad():
        for parameter in (*model.encoders.parameters(), *model.guesses.parameters()):
            parameter.fill_(math.nan)
    drawings = model.sample(n=3, generator=generator())
    assert drawings.parameters.shape == (1, 3, 1, 6, 6) and drawings.parameters.isfinite().all()
    assert drawings.write_windows.shape == drawings.read_windows.shape == (1, 3, 0, 2, 3)


def test_only_top_down_inference_follows_the_generative_pass() -> None:
    for posterior, follows in (("bottom-up", False), ("top-down", True)):
        model, x = small_model(posterior=posterior), images(3)
        noise = model.noise(3, generator=generator())
        before = model.infer(x, None, noise).posterior[0].mean
        with torch.no_grad():
            model.predictors[0][-1].bias.add_(1.0)
        assert torch.equal(before, model.infer(x, None, noise).posterior[0].mean) != follows


# ---------------------------------------------------------------- the contract


def test_context_is_refused() -> None:
    model, x = small_model(), images(2)
    assert not model.conditional
    with pytest.raises(ValueError, match="no context"):
        model.free_energy(x, x[:, None])
    with pytest.raises(ValueError, match="no context"):
        model.sample(x[:, None])


def test_samples_follow_noise_temperature_and_generator() -> None:
    model = small_model()
    noise = model.noise(4, generator=generator())[None]
    assert torch.equal(model.sample(noise=noise).canvases, model.sample(n=4, generator=generator()).canvases)
    assert torch.equal(model.sample(noise=noise, history=True).canvases, model.sample(noise=noise).canvases)
    cold = model.sample(noise=noise, temperature=0.0).parameters[0]
    torch.testing.assert_close(cold, cold[:1].expand_as(cold))
    warm = model.sample(noise=noise, temperature=0.5).parameters
    torch.testing.assert_close(warm, model.sample(noise=0.5 * noise).parameters)


@each_network
@pytest.mark.parametrize("size", [28, 32, 50, 52, 105])
def test_images_of_all_sizes(network: str, size: int) -> None:
    config = DeepConfig(image_size=size, network=network, latents=(3, 2), units=(6, 5), width=2)
    model, x = DeepModel(config), images(2, size).float()
    assert model.free_energy(x).total.isfinite().all()
    assert model.sample(n=2).parameters.shape == (1, 2, 1, size, size)


@each_network
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "kind", ["bernoulli", "gaussian", "learned-gaussian", "categorical", "logistic", "logistic-mixture"]
)
def test_every_likelihood_and_its_beginning_at_the_mean(network: str, channels: int, kind: str) -> None:
    likelihood = LikelihoodConfig(kind, channels=channels, levels=16)
    config = DeepConfig(image_size=9, likelihood=likelihood, network=network, latents=(3,), units=(6,), width=2)
    model = DeepModel(config)
    x = torch.randint(16, (4, channels, 9, 9), generator=generator()).float() / 15
    model.free_energy(x, generator=generator()).total.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
    for mean in (torch.full((channels, 9, 9), 0.3), torch.full((channels,), 0.3)):
        model.initialise(mean)
        expected = model.likelihood.bias(torch.full((channels, 9, 9), 0.3))
        torch.testing.assert_close(model.bias.detach(), expected)


@each_posterior
@each_network
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_training_lowers_the_free_energy(posterior: str, network: str, precision: torch.dtype) -> None:
    torch.manual_seed(0)
    config = DeepConfig(image_size=8, latents=(4, 3), units=(32, 16), width=4, posterior=posterior, network=network)
    model, x = DeepModel(config), images(8, 8).float()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    totals = []
    for step in range(60):
        with torch.autocast("cpu", precision, enabled=precision == torch.bfloat16):
            result = model.free_energy(x, generator=generator(step))
        assert result.total.dtype == torch.float32
        totals.append(result.total.mean())
        optimiser.zero_grad()
        totals[-1].backward()
        optimiser.step()
    assert torch.stack(totals).isfinite().all()
    assert totals[-1] < 0.8 * totals[0]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"latents": ()}, "latents"),
        ({"latents": (3, 0), "units": (4, 4)}, "latents"),
        ({"latents": (3, 2), "units": (4,)}, "units"),
        ({"depth": 0}, "depth"),
        ({"image_size": 0}, "image_size"),
    ],
)
def test_impossible_configurations_are_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        DeepConfig(**wrong)
