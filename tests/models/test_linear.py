"""The linear Gaussian models, where everything is exact, against scikit-learn, torch.distributions and each other; and
the estimators that all models share, against the exact values.

Real data: faces (UMIST, 2 x 2 and 4 x 4 pixels averaged, so that there are more images than pixels) and digits (MNIST,
the middle 12 x 12 pixels of 2,000 test images). No pixel of these is the same in all images, for there the maximum
likelihood density is infinite and scikit-learn's factor analysis divides by zero.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA, FactorAnalysis
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal, Normal, kl_divergence

from allograph.bounds import importance_weighted_bound
from allograph.errors import AllographError
from allograph.models.linear import LinearConfig, LinearModel
from allograph.models.linear_fits import fit_by_gradient, fit_closed_form, fit_em


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_model(seed: int = 0, **settings: object) -> LinearModel:
    """Weights all of a size that matters, in float64; the posterior is not the exact one."""
    model = LinearModel(LinearConfig(**{"image_size": 4, "latent": 3, **settings})).double()  # type: ignore[arg-type]
    random = generator(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=random, dtype=torch.float64))
        model.log_scale.sub_(1.0)
    return model


def near_exact(seed: int = 0, **settings: object) -> LinearModel:
    """A random model whose posterior is close to the exact one, and wider."""
    model = random_model(seed, **settings)
    model.tighten()
    with torch.no_grad():
        model.encoder.mul_(0.95)
        model.posterior_log_std.add_(0.15)
    return model


def draw(model: LinearModel, count: int, seed: int = 0) -> Tensor:
    """Images from the model."""
    random = generator(seed)
    return model.likelihood.sample(model.sample(n=count, generator=random).parameters[0], random).detach()


models = st.builds(
    random_model,
    seed=st.integers(0, 2**31),
    image_size=st.integers(3, 6),
    channels=st.sampled_from([1, 3]),
    latent=st.integers(1, 6),
    noise=st.sampled_from(["isotropic", "diagonal"]),
)


@pytest.fixture(scope="module")
def faces(data_dir: Path) -> Tensor:
    """(575, 1, 16, 16)"""
    path = data_dir / "umist" / "umist_faces.npz"
    if not path.exists():
        pytest.skip("umist/umist_faces.npz is not in the data directory")
    return shrink(torch.from_numpy(np.load(path)["images"]).double()[:, None] / 255)


@pytest.fixture(scope="module")
def digits(data_dir: Path) -> Tensor:
    """(2000, 1, 28, 28)"""
    path = data_dir / "mnist" / "t10k-images-idx3-ubyte.gz"
    if not path.exists():
        pytest.skip("mnist/t10k-images-idx3-ubyte.gz is not in the data directory")
    with gzip.open(path) as file:
        pixels = np.frombuffer(file.read(16 + 2000 * 784)[16:], dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28) / 255.0)


@pytest.fixture(scope="module", params=["faces", "digits"])
def images(request: pytest.FixtureRequest) -> Tensor:
    images = request.getfixturevalue(request.param)
    images = images if request.param == "faces" else images[..., 8:20, 8:20]
    assert images.var(dim=0).min() > 1e-3
    return images


def shrink(images: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(images, 2)


# ---------------------------------------------------------------- scikit-learn, on real data


@torch.no_grad()
def of_sklearn(fitted: PCA | FactorAnalysis, config: LinearConfig) -> LinearModel:
    """The model with scikit-learn's parameters."""
    loading = np.transpose(np.asarray(fitted.components_))
    if isinstance(fitted, PCA):  # the square root of what a direction has more than noise
        loading = loading * np.sqrt(fitted.explained_variance_ - fitted.noise_variance_)
    model = LinearModel(config).double()
    model.mean.copy_(torch.from_numpy(fitted.mean_))
    model.loading.copy_(torch.from_numpy(loading))
    variance = torch.as_tensor(fitted.noise_variance_).reshape(-1)
    model.log_scale.copy_(0.5 * torch.log(variance - config.min_scale**2))
    return model


def covariance(model: LinearModel) -> np.ndarray:
    return (model.loading @ model.loading.T + torch.diag(model.variance)).detach().numpy()


@pytest.mark.parametrize("latent", [2, 20])
@pytest.mark.parametrize("noise", ["isotropic", "diagonal"])
@torch.no_grad()
def test_log_likelihoods_equal_scikit_learns(images: Tensor, noise: str, latent: int) -> None:
    config = LinearConfig(image_size=images.shape[-1], latent=latent, noise=noise)  # type: ignore[arg-type]
    flat = images.flatten(1).numpy()
    sklearn = (PCA if noise == "isotropic" else FactorAnalysis)(latent).fit(flat[::2])
    model = of_sklearn(sklearn, config)
    scores = sklearn.score_samples(flat)
    np.testing.assert_allclose(model.log_likelihood(images).numpy(), scores, rtol=0, atol=1e-6)
    model.tighten()
    np.testing.assert_allclose(model.log_likelihood(images).numpy(), scores, rtol=0, atol=1e-6)
    (weights,) = model.log_weights(images, samples=1, generator=generator())
    np.testing.assert_allclose(weights.numpy(), scores, rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_closed_form_is_scikit_learns_pca(images: Tensor) -> None:
    """Maximum likelihood divides by N; scikit-learn divides by N - 1."""
    config = LinearConfig(image_size=images.shape[-1], latent=5, noise="isotropic")
    flat, count = images.flatten(1).numpy(), len(images)
    sklearn = PCA(5, svd_solver="full").fit(flat)
    fit = fit_closed_form(config, images)
    np.testing.assert_allclose(covariance(fit.model) * count / (count - 1), sklearn.get_covariance(), atol=1e-12)
    assert fit.log_likelihoods[-1] == pytest.approx(fit.model.log_likelihood(images).mean().item(), abs=1e-9)
    assert fit.log_likelihoods[-1] > sklearn.score(flat)
    unbiased = fit.model
    unbiased.loading.mul_(math.sqrt(count / (count - 1)))
    unbiased.log_scale.copy_(0.5 * torch.log(fit.model.variance[:1] * count / (count - 1) - config.min_scale**2))
    np.testing.assert_allclose(unbiased.log_likelihood(images).numpy(), sklearn.score_samples(flat), rtol=0, atol=1e-6)


@torch.no_grad()
def test_em_for_factor_analysis_meets_scikit_learns(images: Tensor) -> None:
    config = LinearConfig(image_size=images.shape[-1], latent=4)
    flat = images.flatten(1).numpy()
    sklearn = FactorAnalysis(4, tol=1e-6, max_iter=10_000, svd_method="lapack").fit(flat)
    fit = fit_em(config, images, tolerance=1e-10, max_iterations=5000, generator=generator())
    assert fit.converged
    assert fit.log_likelihoods[-1] == pytest.approx(sklearn.score(flat), abs=1e-5)
    assert fit.log_likelihoods[-1] == pytest.approx(fit.model.log_likelihood(images).mean().item(), abs=1e-9)
    np.testing.assert_allclose(covariance(fit.model), sklearn.get_covariance(), atol=1e-4)


# ---------------------------------------------------------------- the three ways to fit


def test_em_for_probabilistic_pca_reaches_the_closed_form(images: Tensor) -> None:
    config = LinearConfig(image_size=images.shape[-1], latent=3, noise="isotropic")
    best = fit_closed_form(config, images).log_likelihoods[-1]
    reached = fit_em(config, images, generator=generator()).log_likelihoods[-1]
    assert best - 1e-5 < reached < best + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["isotropic", "diagonal"])
def test_the_gradient_of_the_free_energy_reaches_the_optimum_of_em(faces: Tensor, noise: str) -> None:
    few = shrink(faces)[::3]  # 192 images of 64 pixels
    config = LinearConfig(image_size=8, latent=3, noise=noise)  # type: ignore[arg-type]
    best = fit_em(config, few, generator=generator()).log_likelihoods[-1]
    fit = fit_by_gradient(config, few, tolerance=1e-3, generator=generator(1))
    reached = fit.model.log_likelihood(few).mean().item()
    assert fit.converged
    assert best - 0.01 < reached < best + 1e-4  # EM itself stops a little below the optimum


@given(models, st.integers(2, 40), st.integers(0, 2**31))
@settings(max_examples=25)
def test_no_iteration_of_em_lowers_the_log_likelihood(model: LinearModel, count: int, seed: int) -> None:
    """Also with fewer images than pixels, and where a pixel is the same in all."""
    images = draw(model, count, seed)
    images[:, :, 0, 0] = 0.25
    fit = fit_em(model.config, images, max_iterations=30, generator=generator(seed))
    assert (np.diff(fit.log_likelihoods) > -1e-8).all()
    assert fit.log_likelihoods[-1] == pytest.approx(fit.model.log_likelihood(images).mean().item(), rel=1e-6)
    if model.config.noise == "isotropic":
        assert fit.log_likelihoods[-1] < fit_closed_form(model.config, images).log_likelihoods[-1] + 1e-6


def test_a_pixel_that_never_changes_has_the_smallest_noise() -> None:
    images = draw(random_model(image_size=5), 50)
    images[:, 0, 2, 3] = 0.25
    fit = fit_em(LinearConfig(image_size=5, latent=2, min_scale=0.01), images, generator=generator())
    variance = fit.model.variance.detach().view(5, 5)
    assert variance[2, 3].item() == pytest.approx(0.01**2)
    assert variance.flatten().sort().values[1] > 2 * 0.01**2
    assert fit.model.mean[13].item() == pytest.approx(0.25)


def test_constant_images_fit_without_trouble() -> None:
    images = torch.full((4, 1, 3, 3), 0.5)
    for fit in (
        fit_closed_form(LinearConfig(image_size=3, latent=2, noise="isotropic"), images),
        fit_em(LinearConfig(image_size=3, latent=2), images),
    ):
        assert fit.log_likelihoods[-1] == pytest.approx(9 * -math.log(math.sqrt(2 * math.pi) * 1e-3))


@pytest.mark.parametrize("shape", [(5, 1, 4, 4), (5, 3, 3, 3), (1, 1, 3, 3)])
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    config = LinearConfig(image_size=3, latent=2, noise="isotropic")
    for fit in (fit_closed_form, fit_em, fit_by_gradient):
        with pytest.raises(AllographError, match="two or more of that size"):
            fit(config, torch.zeros(shape))


def test_factor_analysis_has_no_closed_form() -> None:
    with pytest.raises(ValueError, match="fit_em"):
        fit_closed_form(LinearConfig(image_size=3, latent=2), torch.rand(5, 1, 3, 3))


# ---------------------------------------------------------------- exact values, against torch.distributions


@given(models)
@torch.no_grad()
def test_the_marginal_is_that_of_torch_distributions(model: LinearModel) -> None:
    x = draw(model, 5)
    oracle = LowRankMultivariateNormal(model.mean, model.loading, model.variance).log_prob(x.flatten(1))
    torch.testing.assert_close(model.log_likelihood(x), oracle, rtol=1e-10, atol=1e-9)


@given(models)
@torch.no_grad()
def test_the_posterior_is_the_joint_gaussian_conditioned_on_x(model: LinearModel) -> None:
    """Bishop, equations 2.81 and 2.82, with the whole D x D covariance inverted."""
    x = draw(model, 5)
    gain = model.loading.T @ torch.linalg.inv(torch.from_numpy(covariance(model)))
    posterior = model.posterior(x)
    torch.testing.assert_close(posterior.mean, (x.flatten(1) - model.mean) @ gain.T, rtol=1e-8, atol=1e-9)
    conditional = torch.eye(model.config.latent, dtype=torch.float64) - gain @ model.loading
    torch.testing.assert_close(posterior.covariance_matrix, conditional.expand(5, -1, -1), rtol=1e-7, atol=1e-9)


@given(models)
@torch.no_grad()
def test_with_the_exact_posterior_every_log_weight_is_the_log_likelihood(model: LinearModel) -> None:
    x = draw(model, 5)
    before = model.log_likelihood(x)
    model.tighten()
    torch.testing.assert_close(model.log_likelihood(x), before, rtol=1e-10, atol=1e-9)
    weights = model.log_weights(x, samples=3, generator=generator())
    torch.testing.assert_close(weights, before.expand(3, -1), rtol=1e-9, atol=1e-8)
    exact, noise = model.posterior(x), model.noise(5, generator=generator())
    (posterior,) = model.infer(x, None, noise).posterior
    torch.testing.assert_close(posterior.mean[:, 0], exact.mean, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(
        torch.diag_embed((2 * posterior.log_std[:, 0]).exp()), exact.covariance_matrix, rtol=1e-7, atol=1e-9
    )


def mean_free_energy(model: LinearModel, x: Tensor) -> Tensor:
    """Over all noise: it is quadratic in the noise, so its mean over ``±sqrt(d) e_i`` is exact."""
    points = math.sqrt(model.config.latent) * torch.eye(model.config.latent, dtype=torch.float64)
    noise = torch.cat([points, -points])[:, None].repeat(len(x), 1, 1)
    return model.infer(x, None, noise).free_energy.total.unflatten(0, (len(x), -1)).mean(dim=1)


@given(models)
@torch.no_grad()
def test_the_free_energy_is_above_by_the_divergence_of_the_posteriors(model: LinearModel) -> None:
    """F = -log p(x) + KL(q(z | x) || p(z | x)), and nothing more where q is exact."""
    x = draw(model, 5)
    (q,) = model.infer(x, None, model.noise(5)).posterior
    approximate = MultivariateNormal(q.mean[:, 0], torch.diag_embed((2 * q.log_std[:, 0]).exp()))
    gap = kl_divergence(approximate, model.posterior(x))
    exact = -model.log_likelihood(x)
    torch.testing.assert_close(mean_free_energy(model, x), exact + gap, rtol=1e-8, atol=1e-8)
    model.tighten()
    torch.testing.assert_close(mean_free_energy(model, x), exact, rtol=1e-8, atol=1e-8)


# ---------------------------------------------------------------- what all models share, against the exact values


@torch.no_grad()
def test_the_kl_is_zero_at_the_prior_and_meets_monte_carlo() -> None:
    fresh = LinearModel(LinearConfig(image_size=4, latent=3))
    assert torch.equal(fresh.free_energy(torch.rand(6, 1, 4, 4)).kl, torch.zeros(6, 1))
    model = random_model()
    x = draw(model, 4)
    seen = model.infer(x, None, model.noise(4 * 20_000, generator=generator()))
    z, (q,) = seen.latents[0], seen.posterior
    ratios = (Normal(q.mean, q.log_std.exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(dim=(1, 2)).view(4, -1)
    error = ratios.std(dim=1) / math.sqrt(ratios.shape[1])
    assert ((ratios.mean(dim=1) - seen.kl.view(4, -1)[:, 0]).abs() < 4 * error).all()


@pytest.mark.parametrize("noise", ["isotropic", "diagonal"])
@torch.no_grad()
def test_the_importance_weighted_bound_meets_the_exact_value(faces: Tensor, noise: str) -> None:
    """Within 3 standard errors, each image and all together, on real faces under a fitted model with a posterior that
    is 15 % too wide and off its mark."""
    images = shrink(faces)
    model = fit_em(LinearConfig(image_size=8, latent=3, noise=noise), images, generator=generator()).model  # type: ignore[arg-type]
    model.encoder.mul_(0.999)
    model.posterior_log_std.add_(0.15)
    x = images[::15]
    bound = importance_weighted_bound(model, x, samples=2000, generator=generator(3), chunk=20_000)
    difference, error = bound.value + model.log_likelihood(x), bound.monte_carlo_error
    assert (error > 1e-3).all()
    assert (error < 0.1).all()
    assert difference.mean().abs() < 3 * error.square().sum().sqrt() / len(x)
    assert (difference.abs() < 4 * error).all()  # 4 for the largest of 39


@torch.no_grad()
def test_the_bound_is_the_free_energy_at_one_sample_and_tightens() -> None:
    model = near_exact(latent=4)
    x = draw(model, 1).expand(4000, -1, -1, -1)
    exact, energy = -model.log_likelihood(x[:1]), mean_free_energy(model, x[:1])
    estimates = {
        samples: importance_weighted_bound(model, x, samples=samples, generator=generator(samples), chunk=20_000)
        for samples in (1, 4, 16, 64)
    }
    once = estimates[1]
    assert abs(once.mean - energy.item()) < 3 * once.error
    means = [estimate.mean for estimate in estimates.values()]
    assert (-np.diff(means) > 3 * np.array([estimate.error for estimate in estimates.values()])[1:]).all(), means
    assert means[-1] > exact.item() - 3 * estimates[64].error


@torch.no_grad()
def test_float32_and_float64_agree(faces: Tensor) -> None:
    config = LinearConfig(image_size=8, latent=5)
    images = shrink(faces)
    double = fit_em(config, images, generator=generator()).model
    single = LinearModel(config)
    single.load_state_dict(double.state_dict())
    assert single.loading.dtype == torch.float32
    torch.testing.assert_close(single.log_likelihood(images), double.log_likelihood(images), rtol=0, atol=1e-2)
    weights = single.log_weights(images.float(), samples=2, generator=generator())
    torch.testing.assert_close(weights.double(), double.log_likelihood(images).expand(2, -1), rtol=0, atol=1e-2)


# ---------------------------------------------------------------- the contract


def test_no_context_is_taken() -> None:
    model, x, context = random_model(), torch.rand(2, 1, 4, 4).double(), torch.rand(2, 1, 1, 4, 4).double()
    assert not model.conditional
    for call in (
        lambda: model.free_energy(x, context),
        lambda: model.log_weights(x, context, samples=2),
        lambda: model.infer(x, context, model.noise(2)),
        lambda: model.sample(context),
    ):
        with pytest.raises(ValueError, match="no context"):
            call()


@torch.no_grad()
def test_samples_have_the_models_mean_and_covariance() -> None:
    model = random_model(channels=3, image_size=3)
    x = draw(model, 40_000).flatten(1)
    expected = torch.from_numpy(covariance(model))
    deviation = expected.diagonal().sqrt()
    assert ((x.mean(dim=0) - model.mean).abs() < 5 * deviation / math.sqrt(len(x))).all()
    error = torch.sqrt((expected.square() + torch.outer(deviation, deviation).square()) / len(x))
    assert ((x.T.cov() - expected).abs() < 5 * error).all()


@torch.no_grad()
def test_drawings_are_likelihood_parameters() -> None:
    model = random_model()
    noise = torch.randn(2, 3, 1, 3, generator=generator(), dtype=torch.float64)
    drawings = model.sample(noise=noise, temperature=0.5, history=True)
    assert drawings.canvases.shape == (2, 3, 1, 2, 4, 4)
    assert drawings.write_windows.shape == drawings.read_windows.shape == (2, 3, 0, 2, 3)
    means = (0.5 * noise[:, :, 0] @ model.loading.T + model.mean).view(2, 3, 4, 4)
    torch.testing.assert_close(drawings.parameters[:, :, 0], means)
    torch.testing.assert_close(drawings.parameters[1, 2, 1].exp().square().flatten(), model.variance)
    still = model.sample(n=2, temperature=0.0, generator=generator())
    torch.testing.assert_close(still.parameters[0, :, 0], model.mean.view(4, 4).expand(2, -1, -1))


def test_every_latent_is_heard() -> None:
    model = random_model()
    noise = model.noise(3, generator=generator()).requires_grad_()
    likelihood = model.infer(torch.rand(3, 1, 4, 4, generator=generator()).double(), None, noise).log_likelihood
    (gradient,) = torch.autograd.grad(likelihood.sum(), noise)
    assert (gradient != 0).all()


def test_training_begins_at_the_mean_image(digits: Tensor) -> None:
    model, mean = LinearModel(LinearConfig(latent=4)), digits.mean(dim=0).float()
    model.initialise(mean)
    torch.testing.assert_close(model.sample(temperature=0.0).parameters[0, 0, :1], mean)


@pytest.mark.parametrize("noise", ["isotropic", "diagonal"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_training_takes_200_steps_without_a_nan(digits: Tensor, precision: torch.dtype, noise: str) -> None:
    """On whole digits, with pixels that never change, in mixed precision as the trainer does."""
    torch.manual_seed(0)
    model, images = LinearModel(LinearConfig(latent=16, noise=noise)), digits.float()  # type: ignore[arg-type]
    model.initialise(images.mean(dim=0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    energies = []
    for step in range(200):
        x = images[64 * step % 1920 :][:64]
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            energy = model.free_energy(x, generator=generator(step)).total.mean()
        optimizer.zero_grad()
        energy.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        energies.append(energy.item())
    assert np.isfinite(energies).all()
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert np.mean(energies[-10:]) < np.mean(energies[:10]) - 100
    assert model.log_likelihood(images).mean().item() >= -np.mean(energies[-10:]) - 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent": 0}, "latent = 0"),
        ({"image_size": 2, "latent": 4}, "below the 4 pixels"),
        ({"channels": 2}, "channels = 2"),
        ({"min_scale": 1e-4}, "min_scale"),
    ],
)
def test_settings_that_make_no_model_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinearConfig(**changes)
