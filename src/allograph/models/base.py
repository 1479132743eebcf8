"""The interface of every model, so that training and evaluation are written only once."""

from __future__ import annotations

__all__ = ["Drawings", "GenerativeModel", "Inference", "TractableModel"]

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allograph.bounds import FreeEnergy, gaussian_kl
from allograph.models.cells import Gaussian


@dataclass(frozen=True)
class Inference:
    """One draw of all latents from the posterior, ``z ~ q(z | x, x')``, with its densities under the model.

    Latents come in groups of equal length (one group of T steps for sequential models, one for each layer of deep
    ones); entry i of the three tuples belongs to group i, with tensors (batch, steps_i, dimensions_i).

    Attributes:
        log_likelihood: (batch,), ``log p(x | z, x')``, nats.
        latents: the draw.
        posterior: ``q(z_t | z_<t, x, x')``.
        prior: ``p(z_t | z_<t, x')``.
    """

    log_likelihood: Float[Tensor, " batch"]
    latents: tuple[Tensor, ...]
    posterior: tuple[Gaussian, ...]
    prior: tuple[Gaussian, ...]

    @property
    def kl(self) -> Float[Tensor, "batch steps"]:
        """``KL(q(z_t | z_<t, x, x') || p(z_t | z_<t, x'))``, analytic given the draw of ``z_<t``; for the steps of all
        groups."""
        groups = zip(self.posterior, self.prior, strict=True)
        return torch.cat([gaussian_kl(*q, *p) for q, p in groups], dim=-1)

    @property
    def free_energy(self) -> FreeEnergy:
        """The one-sample free energy of each image."""
        return FreeEnergy(distortion=-self.log_likelihood, kl=self.kl)

    @property
    def prior_noise(self) -> Float[Tensor, "batch steps latent"]:
        """The standard normal numbers with which the prior would have drawn the same latents, ``(z - mu_p) / sigma_p``:
        `GenerativeModel.sample` with this noise and the same context gives ``p(x | z, x')``."""
        groups = zip(self.latents, self.prior, strict=True)
        return torch.cat([(z - p.mean) * torch.exp(-p.log_std) for z, p in groups], dim=-1)

    @property
    def log_weight(self) -> Float[Tensor, " batch"]:
        """``log p(x, z | x') - log q(z | x, x')``, nats."""
        groups = zip(self.latents, self.posterior, self.prior, strict=True)
        log_ratios = [(p.log_prob(z) - q.log_prob(z)).sum(dim=-1) for z, q, p in groups]
        return self.log_likelihood + torch.stack(log_ratios).sum(dim=0)


@dataclass(frozen=True)
class Drawings:
    """Drawings by a model: n for each context of a batch.

    Attributes:
        canvases: (batch, n, frames, P, S, S), the likelihood's parameters after each step; the last frame is the
            drawing. Without history it is the only frame.
        write_windows: (batch, n, steps, 2, 3), where each step wrote (see `allograph.attention`); empty for a model
            without windows.
        read_windows: (batch, n, steps, 2, 3), where each step read the context; empty if none was read.
    """

    canvases: Float[Tensor, "batch n frames parameters size size"]
    write_windows: Float[Tensor, "batch n written 2 3"]
    read_windows: Float[Tensor, "batch n looked 2 3"]

    @classmethod
    def without_windows(cls, canvases: Float[Tensor, "batch n frames parameters size size"]) -> Drawings:
        """The drawings of a model that has no windows."""
        none = canvases.new_zeros((*canvases.shape[:2], 0, 2, 3))
        return cls(canvases, write_windows=none, read_windows=none)

    @property
    def parameters(self) -> Float[Tensor, "batch n parameters size size"]:
        """The finished drawings: the parameters of ``p(x | c_T)``."""
        return self.canvases[:, :, -1]


class GenerativeModel(nn.Module, ABC):
    """A distribution p(x | x') over images, given any number of context images of the same concept.

    Attributes:
        config: the frozen dataclass from which the model was built.
        likelihood: the observation model, see `allograph.likelihoods`.
        recompute: whether models of many steps keep little of each step for the backward pass and compute the rest
            again: less memory, more time, the same gradient.
        can_be_guided: whether guidance can make drawings follow their exemplars more closely
            (`allograph.models.guidance`).
        bends_ink: whether it draws by bending its exemplar, with or without further ink: the model then has a second
            view of an image (``ink`` of `infer`) and another view for people (``shown`` of `sample`).
        room: number of exemplars to reserve space for, if several are remembered, so that tensors always have the same
            shape; None reserves no more than there are.
        compilable: the methods that `torch.compile` compiles one by one: functions of tensors, without side effects,
            with the same shapes in every training step.
        compiled: the methods that training has compiled.
    """

    config: Any
    likelihood: Any
    recompute: bool = False
    can_be_guided: bool = False
    bends_ink: bool = False
    room: int | None = None
    compilable: tuple[str, ...] = ()
    compiled: Mapping[str, Callable[..., Any]] = MappingProxyType({})

    def part(self, name: str) -> Callable[..., Any]:
        """A method by its name, compiled if there is a compiled version and the model is in training mode."""
        compiled = self.compiled.get(name) if self.training else None
        return getattr(self, name) if compiled is None else partial(compiled, self)

    @property
    def conditional(self) -> bool:
        """Whether the model takes a context; if not, it raises ValueError when given one."""
        return self.config.conditional

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, int]:
        """(steps, dimensions) of the standard normal numbers that the latents of one image need."""

    @abstractmethod
    def initialise(self, mean: Float[Tensor, "channel size size"]) -> None:
        """Before training, makes the drawing at latents of zero close to the mean of the training images, if the model
        can."""

    @abstractmethod
    def infer(
        self,
        x: Float[Tensor, "batch channel size size"],
        context: Float[Tensor, "batch count channel size size"] | None,
        noise: Float[Tensor, "many steps latent"],
        *,
        ink: Bool[Tensor, " batch"] | None = None,
    ) -> Inference:
        """Draws the latents of each image from its posterior, using the given standard normal numbers.

        ``noise`` may hold K rows for each image, adjacent (many = batch K): all K are drawn, and what depends only on x
        and x' is computed once. If ``ink`` is false, a model with `bends_ink` draws the image only by bending its
        exemplar; other models ignore the flag.
        """

    def sample(
        self,
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        n: int = 1,
        temperature: float = 1.0,
        history: bool = False,
        shown: bool = False,
        guidance: float = 1.0,
        noise: Float[Tensor, "batch n steps latent"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Drawings:
        """n drawings for each context (one batch entry when there is none).

        Args:
            temperature: scales the latents' standard deviations.
            history: return the canvas after each step, not only the last.
            shown: draw for people to look at: a model with `bends_ink` bends its exemplar, draws it as a pen would, and
                adds no ink. Other models ignore the flag.
            guidance: how closely drawings follow their exemplars; 1 is the model itself.
            noise: the standard normal numbers to use, which then set n; drawn from ``generator`` if absent.

        Raises:
            ValueError: a context for a model that takes none; guidance for a model that cannot be guided.
        """
        if not self.conditional:
            self.refuse(context)
        if guidance != 1 and not self.can_be_guided:
            raise ValueError(f"guidance = {guidance} needs a model with exemplars and a learned prior")
        batch = 1 if context is None else len(context)
        if noise is None:
            noise = self.noise(batch * n, generator=generator).unflatten(0, (batch, n))
        return self._draw(context, temperature * noise, history=history, shown=shown, guidance=guidance)

    @abstractmethod
    def _draw(self, context: Tensor | None, noise: Tensor, *, history: bool, shown: bool, guidance: float) -> Drawings:
        """Computes what `sample` returns; ``noise`` (batch, n, steps, latent) is already scaled by the temperature."""

    def noise(self, rows: int, *, generator: torch.Generator | None = None) -> Float[Tensor, "rows steps latent"]:
        """The standard normal numbers for the latents of ``rows`` images."""
        like = next(self.parameters())
        return torch.randn((rows, *self.noise_shape), generator=generator, device=like.device, dtype=like.dtype)

    def refuse(self, context: Tensor | None) -> None:
        """Raises ValueError for a context, in models that take none."""
        if context is not None:
            raise ValueError("this model takes no context")

    def free_energy(
        self,
        x: Float[Tensor, "batch channel size size"],
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        ink: Bool[Tensor, " batch"] | None = None,
        generator: torch.Generator | None = None,
    ) -> FreeEnergy:
        """One-sample free energy of each image, nats; for ``ink`` see `infer`."""
        return self.infer(x, context, self.noise(len(x), generator=generator), ink=ink).free_energy

    def log_weights(
        self,
        x: Float[Tensor, "batch channel size size"],
        context: Float[Tensor, "batch count channel size size"] | None = None,
        *,
        samples: int,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "samples batch"]:
        """``log p(x, z | x') - log q(z | x, x')`` for independent z ~ q, nats."""
        noise = self.noise(len(x) * samples, generator=generator)
        return self.infer(x, context, noise).log_weight.unflatten(0, (len(x), samples)).T


class TractableModel(GenerativeModel, ABC):
    """A model whose likelihood has a closed form."""

    @abstractmethod
    def log_likelihood(self, x: Float[Tensor, "batch channel size size"]) -> Float[Tensor, " batch"]:
        """The exact ``log p(x)``, nats, in float64 whatever the type of the weights."""
