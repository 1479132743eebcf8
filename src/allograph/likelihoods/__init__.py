"""Observation models p(x | parameters): the distribution of the pixels, given the output of the canvas or a decoder."""

from __future__ import annotations

__all__ = [
    "Bernoulli",
    "Categorical",
    "DiscretizedLogistic",
    "DiscretizedLogisticMixture",
    "Gaussian",
    "Likelihood",
    "LikelihoodConfig",
    "LogitNormal",
    "bits_per_dimension",
    "likelihood_from_config",
]

from dataclasses import dataclass
from typing import Literal

from allograph.likelihoods.base import Likelihood, bits_per_dimension
from allograph.likelihoods.logistic import DiscretizedLogistic, DiscretizedLogisticMixture
from allograph.likelihoods.logit_normal import LogitNormal
from allograph.likelihoods.plain import Bernoulli, Categorical, Gaussian
from allograph.limits import COMPONENTS, LEVELS, Limit, require

_SCALE = Limit(1e-6, 1000, "pixels are in [0, 1]")


@dataclass(frozen=True)
class LikelihoodConfig:
    """The kind of an observation model, and of its images.

    Attributes:
        kind: ``bernoulli`` (binary pixels), ``gaussian`` (given scale), ``learned-gaussian``, ``logit-normal``,
            ``categorical``, ``logistic`` or ``logistic-mixture`` (discretised).
        channels: channels of the image, 1 or 3.
        levels: levels of a pixel, for the categorical, discretised and logit-normal kinds; 256 for 8-bit images.
        scale: standard deviation of the Gaussian with given scale; pixels are in [0, 1].
        components: number of components of the mixture.
    """

    kind: Literal[
        "bernoulli", "gaussian", "learned-gaussian", "logit-normal", "categorical", "logistic", "logistic-mixture"
    ] = "bernoulli"
    channels: int = 1
    levels: int = 256
    scale: float = 0.1
    components: int = 5

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels = {self.channels} is neither 1 (grey or binary) nor 3 (colour)")
        require(self, levels=LEVELS, scale=_SCALE, components=COMPONENTS)

    @property
    def parameters_per_pixel(self) -> int:
        """P, the observation model's number of parameters for each pixel."""
        return likelihood_from_config(self).parameters_per_pixel


def likelihood_from_config(config: LikelihoodConfig) -> Likelihood:
    """The observation model that a configuration names."""
    match config.kind:
        case "bernoulli":
            return Bernoulli(config.channels)
        case "gaussian":
            return Gaussian(config.channels, config.scale)
        case "learned-gaussian":
            return Gaussian(config.channels, None)
        case "logit-normal":
            return LogitNormal(config.channels, config.levels)
        case "categorical":
            return Categorical(config.channels, config.levels)
        case "logistic":
            return DiscretizedLogistic(config.channels, config.levels)
        case "logistic-mixture":
            return DiscretizedLogisticMixture(config.channels, config.components, config.levels)
