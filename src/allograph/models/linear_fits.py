"""Maximum likelihood for linear Gaussian models: closed form, expectation maximisation and gradient.

With the images' mean x̄ and covariance ``S = 1/N sum_n (x_n - x̄)(x_n - x̄)^T``, and ``C = W W^T + Psi``, the best mu is
x̄ and the mean log likelihood ``-1/2 (D log 2 pi + log |C| + tr(C^-1 S))``. Only F, of K = min(N, D) rows with
``F^T F = S``, is kept of the images: no image is read twice, and S itself, whose small eigenvalues rounding would
destroy, is never made.

Everything is in float64, also the fitted models (``model.float()`` converts them). Their posterior is exact, see
`LinearModel.tighten`.
"""

from __future__ import annotations

__all__ = ["LinearFit", "fit_by_gradient", "fit_closed_form", "fit_em"]

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.errors import AllographError
from allograph.models.linear import LinearConfig, LinearModel

_ROUND = 50
"""Iterations of L-BFGS between two checks of convergence."""


@dataclass(frozen=True)
class LinearFit:
    """A fitted model.

    Attributes:
        model: in float64, its posterior exact.
        log_likelihoods: mean over the images, nats per image, after each iteration (by gradient: after every 50); the
            last is that of the model.
        converged: whether the last gain was below the tolerance; always so in closed form.
    """

    model: LinearModel
    log_likelihoods: tuple[float, ...]
    converged: bool


@dataclass(frozen=True)
class _Moments:
    """Moments of the images: mean (D,), F with ``F^T F = S`` (K, D), and the diagonal of S (D,)."""

    mean: Tensor
    root: Tensor
    variance: Tensor


def fit_closed_form(config: LinearConfig, images: Float[Tensor, "count channel size size"]) -> LinearFit:
    """Probabilistic PCA: ``W = U (Λ - sigma^2 I)^1/2``, sigma^2 the mean of the D - d smallest eigenvalues of S.

    U and Λ are the d leading eigenvectors and eigenvalues. If that sigma is below ``min_scale``, it becomes
    ``min_scale``, and eigenvalues below its square get no column. Tipping and Bishop, 1999, equations 7 and 8.

    Raises AllographError: the images are not of the model's size, or fewer than two. ValueError: factor analysis, which
    has no closed form.
    """
    if config.noise != "isotropic":
        raise ValueError("only isotropic noise has a closed form; use fit_em")
    moments = _moments(config, images)
    _, values, vectors = torch.linalg.svd(moments.root, full_matrices=False)
    values = values[: config.latent].square()
    rest = (moments.variance.sum() - values.sum()) / (config.pixels - config.latent)
    variance = _bounded(config, rest.expand(config.pixels))
    loading = moments.root.new_zeros(config.pixels, config.latent)
    loading[:, : len(values)] = vectors[: config.latent].T * (values - variance[0]).clamp(min=0).sqrt()
    model = _model(config, moments, loading, variance)
    model.tighten()
    return LinearFit(model, (_Step(moments, loading, variance).log_likelihood,), converged=True)


@torch.no_grad()
def fit_em(
    config: LinearConfig,
    images: Float[Tensor, "count channel size size"],
    *,
    tolerance: float = 1e-7,
    max_iterations: int = 2000,
    generator: torch.Generator | None = None,
) -> LinearFit:
    """Expectation maximisation from a random start; no iteration lowers the log likelihood.

    With m_n and M the posterior's (see `allograph.models.linear`), ``A = M^-1 + 1/N sum m_n m_n^T`` and
    ``B = 1/N sum r_n m_n^T``, the maximisation is ``W = B A^-1``, ``Psi = diag(S - W B^T)`` (its mean for isotropic
    noise; no less than ``min_scale^2``): Rubin and Thayer, 1982, equations 5 to 8. Then W is multiplied by the Cholesky
    factor of A, which frees the latents' covariance during a step. That is also monotone and takes fewer steps: Liu,
    Rubin and Wu, *Parameter Expansion to Accelerate EM*, 1998.

    Stops when an iteration gains less than ``tolerance`` nats per image, or after ``max_iterations``.

    Raises AllographError: the images are not of the model's size, or fewer than two.
    """
    moments = _moments(config, images)
    loading, variance = _start(config, moments, generator)
    step = _Step(moments, loading, variance)
    history, converged = [], False
    while not converged and len(history) < max_iterations:
        before = step.log_likelihood
        loading, variance = step.maximise()
        variance = _bounded(config, variance)
        step = _Step(moments, loading, variance)
        history.append(step.log_likelihood)
        converged = step.log_likelihood - before < tolerance
    model = _model(config, moments, loading, variance)
    model.tighten()
    return LinearFit(model, tuple(history), converged)


def fit_by_gradient(
    config: LinearConfig,
    images: Float[Tensor, "count channel size size"],
    *,
    tolerance: float = 1e-5,
    max_iterations: int = 5000,
    generator: torch.Generator | None = None,
) -> LinearFit:
    """Minimises the free energy that `LinearModel.infer` gives, over all its parameters, by L-BFGS from a random start.

    The free energy is quadratic in the noise, so its mean over d + 1 points with mean 0 and covariance I, the corners
    of a simplex, equals its mean over all noise: nothing is random. It needs memory for d + 1 drawings of each image,
    so it suits small sets; `allograph train` uses one noise for each image and a batch of images at a time.

    Stops when 50 iterations together gain less than ``tolerance`` nats per image, or after ``max_iterations``.

    Raises AllographError: the images are not of the model's size, or fewer than two.
    """
    moments = _moments(config, images)
    model = _model(config, moments, *_start(config, moments, generator))
    corners = torch.eye(config.latent + 1).to(moments.mean)
    corners[:, -1] = 1  # the others are orthogonal to it, so they have mean 0
    points = math.sqrt(config.latent + 1) * torch.linalg.qr(corners.flip(1)).Q[:, 1:]
    noise = points[:, None].repeat(len(images), 1, 1)
    x = images.double()
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=_ROUND,
        max_eval=2 * _ROUND,
        tolerance_grad=0,
        tolerance_change=0,
        history_size=50,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = model.infer(x, None, noise).free_energy.total.mean()
        loss.backward()
        return loss

    history, converged = [], False
    while not converged and len(history) * _ROUND < max_iterations:
        before = -float(optimizer.step(closure).detach())
        history.append(float(model.log_likelihood(x).mean().detach()))
        converged = -float(closure().detach()) - before < tolerance
    model.tighten()
    return LinearFit(model, tuple(history), converged)


class _Step:
    """The expectation step for one W and Psi, which gives the log likelihood and the maximisation."""

    def __init__(self, moments: _Moments, loading: Tensor, variance: Tensor) -> None:
        self.moments = moments
        scaled = loading / variance[:, None]
        self.precision = torch.linalg.cholesky(torch.eye(loading.shape[1]).to(loading) + loading.T @ scaled)
        self.scores = torch.cholesky_solve((moments.root @ scaled).T, self.precision).T
        misfit = moments.root - self.scores @ loading.T
        self.log_likelihood = -0.5 * float(
            len(variance) * math.log(2 * math.pi)
            + variance.log().sum()
            + 2 * self.precision.diagonal().log().sum()
            + (misfit.square() / variance).sum()
            + self.scores.square().sum()
        )

    def maximise(self) -> tuple[Tensor, Tensor]:
        """``W = B L^-T`` with ``A = L L^T``, which is ``B A^-1`` times L, and the diagonal of ``S - W W^T``."""
        second = torch.cholesky_inverse(self.precision) + self.scores.T @ self.scores
        cross = self.scores.T @ self.moments.root
        loading = torch.linalg.solve_triangular(torch.linalg.cholesky(second), cross, upper=False).T
        return loading, self.moments.variance - loading.square().sum(dim=1)


def _moments(config: LinearConfig, images: Tensor) -> _Moments:
    size = config.image_size
    if images.shape[1:] != (config.channels, size, size) or len(images) < 2:
        raise AllographError(
            f"images of shape {tuple(images.shape)} do not fit: a linear model of {config.channels} x {size} x {size} "
            "pixels is fitted to two or more of that size"
        )
    flat = images.flatten(1).double()
    mean = flat.mean(dim=0)
    root = (flat - mean) / math.sqrt(len(flat))
    if len(root) > config.pixels:
        root = torch.linalg.qr(root, mode="r").R
    return _Moments(mean, root, root.square().sum(dim=0))


def _start(config: LinearConfig, moments: _Moments, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """A random start: W explains half of each pixel's variance, on average, and Psi the other half."""
    half = moments.variance / 2
    noise = torch.randn(config.pixels, config.latent, dtype=torch.float64, device=half.device, generator=generator)
    loading = noise * (half / config.latent).sqrt()[:, None]
    return loading, _bounded(config, half)


def _bounded(config: LinearConfig, variance: Tensor) -> Tensor:
    """A diagonal of Psi within the model's bounds: one number for isotropic noise, none below the floor."""
    if config.noise == "isotropic":
        variance = variance.mean().expand(config.pixels)
    return variance.clamp(min=config.min_scale**2)


@torch.no_grad()
def _model(config: LinearConfig, moments: _Moments, loading: Tensor, variance: Tensor) -> LinearModel:
    model = LinearModel(config).to(moments.mean)
    model.initialise(moments.mean.unflatten(0, (config.channels, config.image_size, config.image_size)))
    model.loading.copy_(loading)
    # Values at the floor are kept a billionth above it, where the logarithm exists.
    above = (variance - config.min_scale**2).clamp(min=1e-9 * config.min_scale**2)
    model.log_scale.copy_(0.5 * above[: len(model.log_scale)].log())
    return model
