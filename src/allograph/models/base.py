"""The contract that every model keeps, so that training and evaluation are written once."""

from __future__ import annotations

__all__ = ["Drawings", "GenerativeModel"]

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.bounds import FreeEnergy


@dataclass(frozen=True)
class Drawings:
    """What a model drew, n drawings for each of a batch of contexts.

    Attributes:
        canvases: (batch, n, T, C, S, S), the likelihood's parameters after each step; the last is the drawing. Where
            the history was not asked for, T = 1: the last alone.
        write_windows: (batch, n, T, 2, 3), where each step wrote (see `allograph.attention`).
        read_windows: (batch, n, T, 2, 3), where each step read the context.
    """

    canvases: Float[Tensor, "batch n frames channel size size"]
    write_windows: Float[Tensor, "batch n steps 2 3"]
    read_windows: Float[Tensor, "batch n steps 2 3"]

    @property
    def logits(self) -> Float[Tensor, "batch n channel size size"]:
        """The finished drawings: the parameters of ``p(x | c_T)``."""
        return self.canvases[:, :, -1]


class GenerativeModel(nn.Module, ABC):
    """A distribution p(x | x') over images, given any number of context images of the same concept."""

    @abstractmethod
    def free_energy(
        self,
        x: Float[Tensor, "batch channel size size"],
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> FreeEnergy:
        """One-sample free energy of each image, nats."""

    @abstractmethod
    def log_weights(
        self,
        x: Float[Tensor, "batch channel size size"],
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        samples: int,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "samples batch"]:
        """``log p(x, z | x') - log q(z | x, x')`` for independent z ~ q, nats."""

    @abstractmethod
    def sample(
        self,
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        n: int = 1,
        temperature: float = 1.0,
        history: bool = False,
        noise: Float[Tensor, "batch n steps latent"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Drawings:
        """n drawings for each context (one batch entry when there is none). ``temperature`` scales the latents'
        standard deviations. ``history`` asks for the canvas after each step, not only the last. ``noise`` are the
        standard normal numbers to use; drawn from ``generator`` if absent."""
