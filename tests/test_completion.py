"""Missing-data completion, against the linear Gaussian model, where the hidden part's distribution is exact."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from allograph.completion import complete, noise_rows
from allograph.config import model_from_config
from allograph.models import GenerativeModel
from allograph.models.linear import LinearConfig, LinearModel


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def linear() -> LinearModel:
    """4 x 4 pixels, in float64, with a posterior that is close to the exact one and wider."""
    model = LinearModel(LinearConfig(image_size=4, latent=2)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator(1), dtype=torch.float64))
        model.log_scale.sub_(0.7)
        model.tighten()
        model.encoder.mul_(0.95)
        model.posterior_log_std.add_(0.4)
    return model


def left_half() -> Tensor:
    hidden = torch.zeros(1, 4, 4, dtype=torch.bool)
    hidden[..., :2] = True
    return hidden


def noise_for(model: GenerativeModel, n: int, particles: int, rounds: int, seed: int = 0) -> Tensor:
    shape = (1, n, noise_rows(particles, rounds), *model.noise_shape)
    return torch.randn(shape, generator=generator(seed), dtype=next(model.parameters()).dtype)


@pytest.mark.parametrize("rounds", [1, 3])
def test_it_is_the_exact_distribution_of_the_hidden_half(linear: LinearModel, rounds: int) -> None:
    """Mean of the hidden pixels, and density of the visible ones, of N(mu, W W' + Psi) cut in two."""
    with torch.no_grad():
        x = linear.likelihood.sample(linear.sample(generator=generator(3)).parameters[0], generator(4))
        covariance = linear.loading @ linear.loading.T + torch.diag(linear.variance)
        hidden, flat = left_half().flatten(), x.flatten()
        seen = ~hidden
        inner, mean = covariance[seen][:, seen], linear.mean
        pull = torch.linalg.solve(inner, flat[seen] - mean[seen])
        expected = mean[hidden] + covariance[hidden][:, seen] @ pull
        density = MultivariateNormal(mean[seen], inner).log_prob(flat[seen])
        found = complete(linear, x, left_half(), None, noise_for(linear, 400, 50, rounds), rounds=rounds)
    drawn = found.parameters[0, :, 0].flatten(1)[:, hidden]
    error = drawn.std(dim=0) / 400**0.5
    assert ((drawn.mean(dim=0) - expected).abs() < 4 * error + 0.02).all()
    assert found.log_visible.item() == pytest.approx(density.item(), abs=0.05)
    assert 1000 < found.effective_samples.item() <= 20_000
    prior = linear.mean[hidden]
    assert (expected - prior).abs().max() > 0.1, "the visible half says something"


def test_what_the_image_holds_in_its_hidden_part_changes_nothing(linear: LinearModel) -> None:
    x, noise = torch.rand(1, 1, 4, 4, generator=generator(), dtype=torch.float64), noise_for(linear, 3, 4, 2)
    other = torch.where(left_half()[:, None], 7.0, x)
    one, two = (complete(linear, image, left_half(), None, noise, rounds=2) for image in (x, other))
    assert torch.equal(one.parameters, two.parameters) and torch.equal(one.log_visible, two.log_visible)
    elsewhere = complete(linear, 1 - x, left_half(), None, noise, rounds=2)
    assert not torch.allclose(one.parameters, elsewhere.parameters)


def test_drawing_k_does_not_depend_on_how_many_there_are(linear: LinearModel) -> None:
    x, noise = torch.rand(1, 1, 4, 4, generator=generator(), dtype=torch.float64), noise_for(linear, 5, 4, 3)
    few, many = (complete(linear, x, left_half(), None, noise[:, :n], rounds=3).parameters for n in (2, 5))
    torch.testing.assert_close(few, many[:, :2])
    assert not torch.allclose(many[:, 0], many[:, 1])


def test_images_of_a_batch_do_not_see_each_other(linear: LinearModel) -> None:
    x = torch.rand(2, 1, 4, 4, generator=generator(), dtype=torch.float64)
    noise = torch.cat([noise_for(linear, 3, 4, 2, seed) for seed in (0, 1)])
    both = complete(linear, x, left_half().expand(2, -1, -1), None, noise, rounds=2)
    alone = complete(linear, x[1:], left_half(), None, noise[1:], rounds=2)
    torch.testing.assert_close(both.parameters[1:], alone.parameters)
    torch.testing.assert_close(both.log_visible[1:], alone.log_visible)


MODELS = {
    "sequential": {"kind": "sequential", "steps": 3, "hidden": 16, "latent": 3, "context": True, "patch": 6},
    "inference": {"context_by": "inference", "steps": 3, "hidden": 16, "latent": 3, "context": True, "patch": 6},
    "bending": {"kind": "bending", "steps": 2, "hidden": 16, "bends": 1, "patch": 4},
    "draw": {"kind": "draw", "steps": 3, "hidden": 16, "latent": 3},
    "deep": {"kind": "deep", "latents": [4, 3], "units": [8, 8], "depth": 1},
}


@pytest.mark.parametrize("name", MODELS)
def test_latents_are_drawn_again_as_they_were_inferred(name: str) -> None:
    """With nothing hidden the weights are those of the importance weighted bound: `complete` draws the inferred latents
    through the prior's own path and weighs what comes out, for every member of the family."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = model_from_config({"image_size": 12, **MODELS[name]}).double().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.rand(1, 1, 12, 12, dtype=torch.float64).round()
        context = torch.rand(1, 2, 1, 12, 12, dtype=torch.float64).round() if model.conditional else None
    noise = noise_for(model, 2, 5, 1)
    found = complete(model, x, torch.zeros(1, 12, 12, dtype=torch.bool), context, noise, rounds=1)
    rows = noise[0, :, 2:].flatten(0, 1)
    with torch.no_grad():
        weights = model.infer(x, context, rows).log_weight
    expected = weights.logsumexp(dim=0) - torch.tensor(10.0, dtype=torch.float64).log()
    assert found.log_visible.item() == pytest.approx(expected.item(), abs=1e-4)


def test_noise_that_does_not_fit_the_rounds_is_refused(linear: LinearModel) -> None:
    x = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    for rows, rounds in ((4, 2), (3, 2), (1, 1)):
        noise = torch.zeros(1, 2, rows, *linear.noise_shape, dtype=torch.float64)
        with pytest.raises(ValueError, match="rows of noise"):
            complete(linear, x, left_half(), None, noise, rounds=rounds)


def test_a_first_guess_takes_the_place_of_the_prior_s(linear: LinearModel) -> None:
    x, noise = torch.rand(1, 1, 4, 4, generator=generator(), dtype=torch.float64), noise_for(linear, 2, 4, 1)
    begun = complete(linear, x, left_half(), None, noise, rounds=1, begin=x)
    weights = linear.infer(x, None, noise[0, :, 2:].flatten(0, 1))
    drawn = linear.likelihood.log_prob(linear.sample(noise=weights.latents[0][None]).parameters[0], x, left_half())
    expected = weights.log_weight - weights.log_likelihood + drawn
    assert begun.log_visible.item() == pytest.approx(expected.logsumexp(dim=0).item() - torch.tensor(8.0).log().item())
    elsewhere = complete(linear, x, left_half(), None, noise, rounds=1, begin=1 - x)
    assert not torch.allclose(begun.parameters, elsewhere.parameters)
