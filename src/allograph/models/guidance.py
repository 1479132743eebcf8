"""Guidance: drawings that follow their exemplar more closely than the prior given it asks for, or less.

Two copies of the network run side by side on the same z, one shown the exemplar, one shown none. With their priors
N(mu, sigma) and N(mu_0, sigma_0) and guidance g, step t draws

    z_t = mu_0 + g (mu - mu_0) + tau min(sigma, sigma^g sigma_0^(1-g)) eps_t,   tau the temperature,

and what the first copy does with it is the drawing. g = 1 is the model itself, g = 0 hardly knows the exemplar; above 1
what the exemplar changes is exaggerated: drawings are recognised more often and differ less. What is drawn then has no
likelihood.

After Ho and Salimans, *Classifier-Free Diffusion Guidance*, 2022, equation 6, for the latents of a sequential model.
"""

from __future__ import annotations

__all__ = ["View", "guided"]

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.models.cells import Cell, Gaussian, GaussianHead, State


class View(NamedTuple):
    """One copy of the network: what it sees."""

    notice: Callable[[int, Tensor], Tensor]
    """(t, h_{t-1}) -> v_t, what it is shown by the exemplar at step t, from 0."""
    for_prior: Tensor
    """``prior.constant(...)``"""
    for_core: Tensor
    """``core.constant(...)``"""
    first: State


def guided(
    prior: GaussianHead,
    core: Cell,
    given: View,
    without: View,
    noise: Float[Tensor, "rows steps latent"],
    guidance: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z_t, and of the copy that is given the exemplar h_{t-1}, h_t and v_t, each (rows, T, ...). The temperature is in
    the noise."""
    views, rows, steps = (given, without), len(noise), []
    for_prior, for_core = (torch.cat(parts) for parts in zip(*(view[1:3] for view in views), strict=True))
    state = State(*(torch.cat(parts) for parts in zip(given.first, without.first, strict=True)))
    for t, eps in enumerate(noise.unbind(dim=1)):
        before = state.hidden
        noticed = torch.cat([view.notice(t, own) for view, own in zip(views, before.chunk(2), strict=True)])
        (mean, mean_0), (log_std, log_std_0) = (part.chunk(2) for part in prior([noticed, before], for_prior))
        log_std = torch.minimum(log_std, torch.lerp(log_std_0, log_std, guidance))
        z = Gaussian(torch.lerp(mean_0, mean, guidance), log_std).sample(eps)
        state = core([z.repeat(2, 1), noticed], for_core, state)
        steps.append((z, before[:rows], state.hidden[:rows], noticed[:rows]))
    latents, before, after, noticed = (torch.stack(part, dim=1) for part in zip(*steps, strict=True))
    return latents, before, after, noticed
