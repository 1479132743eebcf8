"""Linear Gaussian models: probabilistic principal component analysis and factor analysis, where everything is exact.

    z ~ N(0, I),    x | z ~ N(W z + mu, Psi),    so    x ~ N(mu, W W^T + Psi)

with ``Psi = sigma^2 I`` (probabilistic PCA) or a diagonal ``Psi`` (factor analysis). D pixels, d latents. With
``M = I + W^T Psi^-1 W``, a d x d matrix, and ``r = x - mu``

    p(z | x) = N(m, M^-1),    m = M^-1 W^T Psi^-1 r                                              (Bishop, 12.41, 12.68)
    -2 log p(x) = D log 2 pi + log |Psi| + log |M| + (r - W m)^T Psi^-1 (r - W m) + m^T m

The determinant comes from the matrix determinant lemma. The last two terms are ``r^T (W W^T + Psi)^-1 r`` by Woodbury's
identity with the square completed: a sum of squares instead of the usual difference of large numbers. No D x D matrix
is ever made.

``p(x)`` does not change when W becomes W R, R a rotation. If R holds the eigenvectors of ``W^T Psi^-1 W``, M is
diagonal, and so is the exact posterior's covariance. So a posterior with a linear mean and one diagonal covariance for
all images, ``q(z | x) = N(V (x - mu), diag(s^2))``, loses nothing: the smallest free energy is the smallest negative
log likelihood, and for probabilistic PCA there is no other local minimum (Lucas et al., 2019). ``infer`` uses this
posterior: learned by gradient, as in every other model, or made exact by `LinearModel.tighten`.

Sources: Tipping and Bishop, *Probabilistic Principal Component Analysis*, 1999; Rubin and Thayer, *EM Algorithms for ML
Factor Analysis*, 1982; Bishop, *Pattern Recognition and Machine Learning*, 2006, section 12.2; Lucas et al., *Don't
Blame the ELBO!*, 2019.
"""

from __future__ import annotations

__all__ = ["LinearConfig", "LinearModel"]

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from allograph.likelihoods import LikelihoodConfig, likelihood_from_config
from allograph.limits import SIDE, UNITS, Limit, require
from allograph.models.base import Drawings, Inference, TractableModel
from allograph.models.cells import Gaussian

# Below this the likelihood would clip it, and its nats would not be exact.
_MIN_SCALE = Limit(1e-3, 1000, "pixels are in [0, 1]")


@dataclass(frozen=True)
class LinearConfig:
    """Everything that fixes the model.

    Attributes:
        kind: kind of the model, in presets and weights files.
        image_size: side of the images in pixels.
        channels: 1 (grey) or 3 (colour).
        latent: d, smaller than the number of pixels.
        noise: ``isotropic`` (probabilistic PCA) or ``diagonal`` (factor analysis).
        min_scale: smallest standard deviation of a pixel's noise, so that the density stays finite if a pixel is the
            same in all images. The rounding of 8-bit images alone has ``1 / (255 sqrt 12) = 0.0011``.
    """

    conditional: ClassVar[bool] = False
    copies_exemplar: ClassVar[bool] = False
    kind: Literal["linear"] = "linear"
    image_size: int = 28
    channels: int = 1
    latent: int = 32
    noise: Literal["isotropic", "diagonal"] = "diagonal"
    min_scale: float = 1e-3

    def __post_init__(self) -> None:
        require(self, image_size=SIDE, latent=UNITS, min_scale=_MIN_SCALE)
        if self.channels not in (1, 3):
            raise ValueError(f"channels = {self.channels} is unknown; images have 1 (grey) or 3 (colour)")
        if self.latent >= self.pixels:
            raise ValueError(f"latent = {self.latent} is too large; it is below the {self.pixels} pixels of an image")

    @property
    def likelihood(self) -> LikelihoodConfig:
        """The observation model of the pixels, with learned scales."""
        return LikelihoodConfig("learned-gaussian", channels=self.channels)

    @property
    def pixels(self) -> int:
        """D, the number of pixels in all channels."""
        return self.channels * self.image_size**2


@final
class LinearModel(TractableModel):
    """See the module's documentation for the equations. Takes no context."""

    def __init__(self, config: LinearConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        pixels, latent = config.pixels, config.latent
        self.loading = nn.Parameter(torch.empty(pixels, latent))
        """W, (D, d)"""
        self.mean = nn.Parameter(torch.full((pixels,), 0.5))
        """mu, (D,)"""
        self.log_scale = nn.Parameter(torch.full((pixels if config.noise == "diagonal" else 1,), math.log(0.3)))
        """``log(Psi - min_scale^2) / 2``, (D,) or (1,)"""
        self.encoder = nn.Parameter(torch.zeros(latent, pixels))  # posterior = prior at first, so KL = 0
        """V, (d, D)"""
        self.posterior_log_std = nn.Parameter(torch.zeros(latent))
        """log s, (d,)"""
        if not self.loading.is_meta:  # see `allograph.weights`
            with torch.no_grad():
                self.loading.normal_().mul_(0.1).div_(math.sqrt(latent))

    # ---------------------------------------------------------------- the contract

    @property
    def noise_shape(self) -> tuple[int, int]:
        return 1, self.config.latent

    @torch.no_grad()
    def initialise(self, mean: Tensor) -> None:
        """See `GenerativeModel.initialise`."""
        self.mean.copy_(mean.flatten())

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Tensor | None = None) -> Inference:
        """See `GenerativeModel.infer`; the posterior is ``q(z | x) = N(V (x - mu), diag(s^2))``. Always computed in at
        least float32, since bfloat16 would be coarser than the noise of a quiet pixel."""
        self.refuse(context)
        many = len(noise) // len(x)
        with torch.autocast(x.device.type, enabled=False):
            kind = torch.promote_types(self.loading.dtype, torch.float32)
            residual = x.flatten(1).to(kind) - self.mean.to(kind)
            center = (residual @ self.encoder.to(kind).T).repeat_interleave(many, dim=0)[:, None]
            posterior = Gaussian(center, self.posterior_log_std.to(kind).expand_as(center))
            latents = posterior.sample(noise.to(kind))
            parameters = self._decode(latents[:, 0])
            log_likelihood = self.likelihood.log_prob(parameters, x.repeat_interleave(many, dim=0))
        zeros = torch.zeros_like(center)
        return Inference(log_likelihood, (latents,), (posterior,), (Gaussian(zeros, zeros),))

    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        """There is one step, so the history is the drawing."""
        with torch.autocast(noise.device.type, enabled=False):
            canvases = self._decode(noise.flatten(0, 2))[:, None].unflatten(0, noise.shape[:2])
        return Drawings.without_windows(canvases)

    # ---------------------------------------------------------------- what is exact

    @property
    def variance(self) -> Float[Tensor, " pixels"]:
        """The diagonal of Psi, ``min_scale^2 + exp(2 log_scale)``."""
        return torch.exp(2 * self._log_std())

    def log_likelihood(self, x: Float[Tensor, "batch channel size size"]) -> Float[Tensor, " batch"]:
        loading, variance = self.loading.double(), self.variance.double()
        mean, root = self._exact(x)
        misfit = x.flatten(1).double() - self.mean.double() - mean @ loading.T
        square = (misfit.square() / variance).sum(dim=1) + mean.square().sum(dim=1)
        log_determinant = variance.log().sum() + 2 * root.diagonal().log().sum()
        return -0.5 * (self.config.pixels * math.log(2 * math.pi) + log_determinant + square)

    def posterior(self, x: Float[Tensor, "batch channel size size"]) -> MultivariateNormal:
        """The exact ``p(z | x) = N(M^-1 W^T Psi^-1 (x - mu), M^-1)``, over (batch, d), in float64."""
        mean, root = self._exact(x)
        return MultivariateNormal(mean, precision_matrix=root @ root.T)

    @torch.no_grad()
    def tighten(self) -> None:
        """Makes q the exact posterior, so that every log weight is ``log p(x)``. For this, W becomes W R, R the
        eigenvectors of ``W^T Psi^-1 W`` (largest first), which does not change ``p(x)``."""
        loading, variance = self.loading.double(), self.variance.double()
        values, rotation = torch.linalg.eigh(loading.T @ (loading / variance[:, None]))
        loading, precision = loading @ rotation.flip(1), 1 + values.flip(0)
        self.loading.copy_(loading)
        self.encoder.copy_((loading / variance[:, None] / precision).T)
        self.posterior_log_std.copy_(-0.5 * precision.log())

    def _exact(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior's mean (batch, d) and the Cholesky factor of M (d, d), in float64."""
        loading = self.loading.double()
        scaled = loading / self.variance.double()[:, None]
        root = torch.linalg.cholesky(
            torch.eye(self.config.latent, dtype=loading.dtype, device=loading.device) + loading.T @ scaled
        )
        projection = (x.flatten(1).double() - self.mean.double()) @ scaled
        return torch.cholesky_solve(projection.T, root).T, root

    # ---------------------------------------------------------------- parts

    def _log_std(self) -> Float[Tensor, " pixels"]:
        kind = torch.promote_types(self.log_scale.dtype, torch.float32)
        floor = torch.tensor(2 * math.log(self.config.min_scale), dtype=kind, device=self.log_scale.device)
        return 0.5 * torch.logaddexp(2 * self.log_scale.to(kind), floor).expand(self.config.pixels)

    def _decode(self, z: Float[Tensor, "many latent"]) -> Float[Tensor, "many parameters size size"]:
        """The parameters of p(x | z): the mean ``W z + mu`` and the log scale of each pixel."""
        log_std = self._log_std()
        mean = z.to(log_std.dtype) @ self.loading.to(log_std.dtype).T + self.mean.to(log_std.dtype)
        size = self.config.image_size
        both = torch.stack([mean, log_std.expand_as(mean)], dim=1)
        return both.reshape(len(z), 2 * self.config.channels, size, size)
