"""Deep latent Gaussian models: L layers, each a non-linear function of the layer above plus its own Gaussian noise.

Generative model, from the top layer L to the bottom one

    z_L ~ N(0, I)
    z_l ~ N(mu_l(z_{l+1}), sigma_l(z_{l+1})),  l = L-1..1
    x ~ p(x | f(z_1))

The variational auto-encoder is the case L = 1. Inference starts with one deterministic pass upwards,

    d_1 = e_1(x),  d_l = e_l(d_{l-1}),    N(m_l, s_l) = N(m_l(d_l), s_l(d_l))

and the posterior is one of

    bottom-up:  q(z_l | x) = N(m_l, s_l): all layers at once
    top-down:   q(z_l | z_{l+1}, x) ~ N(m_l, s_l) N(mu_l(z_{l+1}), sigma_l(z_{l+1})), normalised: what the image says
                and what the layer above predicts, weighted by their precisions; the generative pass is shared

In top-down inference the network's output r_l gives ``m_l = r_l (1 + s_l^2)``. With ``m_l = r_l``, a guess that has
become wide would get no gradient through the product, and its unit would not recover (static MNIST, 800 steps: 152 nats
against 124).

In both the KL term of layer l, given the draw of the layer above, is analytic.

Source: Rezende, Mohamed, Wierstra, *Stochastic Backpropagation and Approximate Inference in Deep Generative Models*,
2014, equations 3 to 6; Kingma, Welling, *Auto-Encoding Variational Bayes*, 2014; top-down: Sønderby et al., *Ladder
Variational Autoencoders*, 2016, equations 15 to 19.
"""

from __future__ import annotations

__all__ = ["DeepConfig", "DeepModel", "product"]

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.likelihoods import LikelihoodConfig, likelihood_from_config
from allograph.limits import CHANNELS, LAYERS, SIDE, UNITS, require, require_length, require_room
from allograph.models.base import Drawings, GenerativeModel, Inference
from allograph.models.cells import Gaussian
from allograph.models.networks import Activation, NetworkKind, Stack, image_decoder, image_encoder

_FIRST_LOG_STD = 1.5
"""First log standard deviation of guesses in top-down inference: the layer above, not the image, decides at first."""


@dataclass(frozen=True)
class DeepConfig:
    """Everything that fixes the network.

    Attributes:
        image_size: side of the images in pixels.
        likelihood: observation model of the pixels, and their number of channels.
        latents: dimensions of z_1..z_L, the bottom layer first; one for each layer.
        units: units in the networks of each layer, the bottom layer first.
        depth: dense layers in each network.
        network: kind of the network between the image and the bottom layer: ``dense`` or ``convolutional`` (three
            layers).
        width: channels of the convolution next to the image; doubles with each.
        posterior: ``bottom-up`` or ``top-down``; for L = 1 they differ only in the prior, which top-down inference
            multiplies in.
        activation: non-linearity of the dense layers; see `allograph.models.networks.Stack`.
    """

    conditional: ClassVar[bool] = False
    copies_exemplar: ClassVar[bool] = False
    kind: Literal["deep"] = "deep"
    image_size: int = 28
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    latents: tuple[int, ...] = (50,)
    units: tuple[int, ...] = (500,)
    depth: int = 2
    network: NetworkKind = "dense"
    width: int = 32
    posterior: Literal["bottom-up", "top-down"] = "bottom-up"
    activation: Activation = "silu"

    def __post_init__(self) -> None:
        require_length(self, latents=LAYERS, units=LAYERS)
        require(self, image_size=SIDE, latents=UNITS, units=UNITS, depth=LAYERS, width=CHANNELS)
        require_room(1, self.likelihood.parameters_per_pixel * self.image_size**2)
        if len(self.units) != len(self.latents):
            raise ValueError(
                f"units has {len(self.units)} numbers and latents {len(self.latents)}; give one for each layer"
            )


def product(one: Gaussian, other: Gaussian) -> Gaussian:
    """The normal distribution proportional to the product of two: precisions add and weight the means."""
    weight = torch.sigmoid(2 * (other.log_std - one.log_std))
    log_std = -0.5 * torch.logaddexp(-2 * one.log_std, -2 * other.log_std)
    return Gaussian(torch.lerp(other.mean, one.mean, weight), log_std)


@final
class DeepModel(GenerativeModel):
    """See the module's documentation for the equations. Takes no context; entry l of every list is layer l + 1."""

    def __init__(self, config: DeepConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood = likelihood_from_config(config.likelihood)
        size, channels, parameters = config.image_size, self.likelihood.channels, self.likelihood.parameters_per_pixel
        latents, units = config.latents, config.units
        dense = (config.depth, config.activation)
        pixels = (size, config.width, units[0], *dense)
        above = list(zip(latents[1:], units[1:], strict=True))

        self.encoders = nn.ModuleList(
            [
                image_encoder(config.network, channels, *pixels),
                *(Stack(below, own, *dense) for below, own in pairwise(units)),
            ]
        )
        """e_l"""
        self.guesses = nn.ModuleList(self._guess(own, latent) for own, latent in zip(units, latents, strict=True))
        """m_l (top-down: r_l) and log s_l of d_l"""
        self.predictors = nn.ModuleList(
            nn.Sequential(Stack(latent_above, own, *dense), nn.Linear(own, 2 * latent))
            for (latent_above, own), latent in zip(above, latents, strict=False)
        )
        """mu_l, sigma_l of z_{l+1}, for l < L"""
        self.decoder = image_decoder(config.network, parameters, *pixels, inputs=latents[0])
        """f, without its bias"""
        self.bias = nn.Parameter(torch.zeros(parameters, size, size))
        with torch.device("cpu"):  # real even on the meta device: see `allograph.weights`
            self.initialise(torch.full((self.likelihood.channels,), 0.5))

    @torch.no_grad()
    def initialise(self, mean: Float[Tensor, "channel size size"] | Float[Tensor, " channel"]) -> None:
        """Sets the output's bias to the data's mean, of each channel or of each pixel."""
        bias = self.likelihood.bias(mean.to(self.bias.dtype))
        self.bias.copy_(bias if bias.ndim == 3 else bias[:, None, None])

    # ---------------------------------------------------------------- the contract

    @property
    def noise_shape(self) -> tuple[int, int]:
        """One step, which holds the numbers of z_1, then of z_2, up to z_L."""
        return 1, sum(self.config.latents)

    def infer(self, x: Tensor, context: Tensor | None, noise: Tensor, *, ink: Tensor | None = None) -> Inference:
        """See `GenerativeModel.infer`; each layer is a group of one step, the bottom one first."""
        self.refuse(context)
        many = len(noise) // len(x)
        guesses = [_repeat(guess, many) for guess in self._guesses(x)]
        latents, posterior, prior = list(self._split(noise)), [*guesses], [*guesses]
        above = None
        for layer, eps in reversed(list(enumerate(self._split(noise)))):
            prior[layer] = self._predict(layer, above, eps)
            if self.config.posterior == "top-down":
                posterior[layer] = product(guesses[layer], prior[layer])
            above = latents[layer] = posterior[layer].sample(eps)
        log_likelihood = self.likelihood.log_prob(self._decode(latents[0]), x.repeat_interleave(many, dim=0))
        return Inference(
            log_likelihood,
            latents=tuple(z[:, None] for z in latents),
            posterior=tuple(_as_step(q) for q in posterior),
            prior=tuple(_as_step(p) for p in prior),
        )

    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        """There is one step, so the history is the drawing."""
        shape = noise.shape[:2]
        above = None
        for layer, eps in reversed(list(enumerate(self._split(noise.flatten(0, 1))))):
            above = self._predict(layer, above, eps).sample(eps)
        assert above is not None
        return Drawings.without_windows(self._decode(above)[:, None].unflatten(0, shape))

    # ---------------------------------------------------------------- parts

    def _split(self, noise: Float[Tensor, "many 1 latent"]) -> tuple[Tensor, ...]:
        """Each layer's numbers, the bottom one first."""
        return noise[:, 0].split(self.config.latents, dim=-1)

    def _guesses(self, x: Tensor) -> list[Gaussian]:
        """``N(m_l, s_l)``, the bottom layer first."""
        guesses, features = [], x
        for encoder, guess in zip(self.encoders, self.guesses, strict=True):
            features = encoder(features)
            mean, log_std = Gaussian.of(guess(features))
            if self.config.posterior == "top-down":
                mean = mean * (1 + torch.exp(2 * log_std))
            guesses.append(Gaussian(mean, log_std))
        return guesses

    def _guess(self, units: int, latent: int) -> nn.Linear:
        """r_l and log s_l from d_l; training starts with the posterior at or close to the prior."""
        layer = nn.Linear(units, 2 * latent)
        nn.init.zeros_(layer.bias)
        if self.config.posterior == "top-down":
            nn.init.constant_(layer.bias[latent:], _FIRST_LOG_STD)
        else:
            nn.init.zeros_(layer.weight)
        return layer

    def _predict(self, layer: int, above: Tensor | None, like: Tensor) -> Gaussian:
        """``p(z_l | z_{l+1})``; N(0, I), shaped like its noise, for the top layer."""
        if above is None:
            return Gaussian(torch.zeros_like(like), torch.zeros_like(like))
        return Gaussian.of(self.predictors[layer](above))

    def _decode(self, z: Float[Tensor, "many latent"]) -> Float[Tensor, "many parameter size size"]:
        """The parameters of ``p(x | z_1)``."""
        parameters = self.decoder(z)
        return parameters.to(torch.promote_types(parameters.dtype, torch.float32)) + self.bias


def _as_step(distribution: Gaussian) -> Gaussian:
    return Gaussian(distribution.mean[:, None], distribution.log_std[:, None])


def _repeat(distribution: Gaussian, times: int) -> Gaussian:
    return Gaussian(*(part.repeat_interleave(times, dim=0) for part in distribution))
