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

from allograph.models.parts import Cell, Decision, Gaussian, State


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
    prior: Decision,
    core: Cell,
    given: View,
    without: View,
    noise: Float[Tensor, "rows steps latent"],
    guidance: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z_t, and of the copy that is given the exemplar h_{t-1}, h_t and v_t, each (rows, T, ...). The temperature is in
    the noise."""
    views, states, steps = (given, without), [given.first, without.first], []
    for t, eps in enumerate(noise.unbind(dim=1)):
        noticed = [view.notice(t, state.hidden) for view, state in zip(views, states, strict=True)]
        seen, blank = (
            prior([v, state.hidden], view.for_prior) for v, state, view in zip(noticed, states, views, strict=True)
        )
        log_std = torch.minimum(seen.log_std, torch.lerp(blank.log_std, seen.log_std, guidance))
        z = Gaussian(torch.lerp(blank.mean, seen.mean, guidance), log_std).sample(eps)
        before = states[0].hidden
        states = [core([z, v], view.for_core, state) for v, state, view in zip(noticed, states, views, strict=True)]
        steps.append((z, before, states[0].hidden, noticed[0]))
    latents, before, after, noticed = (torch.stack(part, dim=1) for part in zip(*steps, strict=True))
    return latents, before, after, noticed
