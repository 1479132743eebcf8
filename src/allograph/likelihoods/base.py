"""The interface of observation models p(x | parameters), and the unit in which discrete ones are compared."""

from __future__ import annotations

__all__ = ["Likelihood", "bits_per_dimension", "bounded_log_scale", "in_float32", "log_normal"]

import math
from abc import ABC, abstractmethod
from typing import TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Number = TypeVar("Number", float, Tensor)

_LOG_SCALE_BOUND = 7.0
"""Learned scales stay between e^-7, a quarter of one of 256 levels, and e^7: nothing overflows, and a pixel that never
changes is not worth infinitely many nats."""


def bits_per_dimension(nats: Number, dimensions: int) -> Number:
    """``nats / (D ln 2)`` for a negative log probability (mass, not density) of D numbers, such as ``C S S`` pixels."""
    return nats / (dimensions * math.log(2))


def in_float32(parameters: Tensor) -> Tensor:
    """The same numbers in at least float32: bfloat16 is too coarse for sums over thousands of pixels."""
    return parameters.to(torch.promote_types(parameters.dtype, torch.float32))


def bounded_log_scale(log_scale: Tensor) -> Tensor:
    """The same, clipped to +-7."""
    return log_scale.clamp(-_LOG_SCALE_BOUND, _LOG_SCALE_BOUND)


def log_normal(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """``log N(x; m, s^2)`` of each number, nats."""
    standard = (x - mean) * torch.exp(-log_scale)
    return -(0.5 * standard.square() + log_scale + 0.5 * math.log(2 * math.pi))


class Likelihood(nn.Module, ABC):
    """An observation model p(x | parameters) whose pixels are independent, x in [0, 1] of shape (..., C, H, W).

    Args:
        channels: C, channels of the image.
        parameters_per_pixel: P; the canvas or the decoder gives (..., P, H, W).
    """

    discrete: bool = True
    """Whether `log_prob` is the logarithm of a probability, not of a density; only then do bits per dimension make
    sense."""

    binary: bool = False
    """Whether pixels are 0 or 1 and the parameters are the logits of 1."""

    def __init__(self, channels: int, parameters_per_pixel: int) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"channels = {channels} is too small; it is at least 1")
        self.channels, self.parameters_per_pixel = channels, parameters_per_pixel

    @abstractmethod
    def pixel_log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
    ) -> Float[Tensor, "*batch height width"]:
        """``log p(x_i | parameters)`` of each pixel i, nats, summed over its channels, in at least float32. ``x``
        broadcasts over leading dimensions."""

    def log_prob(
        self,
        parameters: Float[Tensor, "*batch parameter height width"],
        x: Float[Tensor, "*#batch channel height width"],
        hidden: Bool[Tensor, "*#batch height width"] | None = None,
    ) -> Float[Tensor, "*batch"]:
        """``log p(x | parameters)``, nats: the sum over the pixels, or over those that are not ``hidden``."""
        pixels = self.pixel_log_prob(parameters, x)
        return (pixels if hidden is None else pixels.masked_fill(hidden, 0.0)).sum(dim=(-2, -1))

    @abstractmethod
    def mean(
        self, parameters: Float[Tensor, "*batch parameter height width"]
    ) -> Float[Tensor, "*batch channel height width"]:
        """``E[x | parameters]``, in [0, 1]."""

    @abstractmethod
    def sample(
        self, parameters: Float[Tensor, "*batch parameter height width"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch channel height width"]:
        """``x ~ p(x | parameters)``."""

    @abstractmethod
    def bias(self, mean: Float[Tensor, " channel *size"]) -> Float[Tensor, " parameter *size"]:
        """Parameters to start training with, whose mean is that of the data: (C,) -> (P,) or (C, H, W) -> (P, H, W)."""
