"""Missing-data completion: draws the hidden part of an image, given the visible part.

The posterior of the latents given the visible pixels, ``p(z | x_v, x') ~ p(x_v | z, x') p(z | x')``, has no encoder of
its own: q(z | x, x') needs a whole image. So each of n chains guesses the hidden pixels, proposes M latents given the
image with this guess, and weighs them by the visible pixels alone:

    x~ = x_v and the hidden pixels of the guess          at first a drawing from the prior p(x | x')
    z_m ~ q(z | x~, x'),  m = 1..M
    w_m = p(x_v | z_m, x') p(z_m | x') / q(z_m | x~, x')
    the guess becomes E[x | z_m, x'] of one z_m, chosen in proportion to w_m

and so on, for R rounds. Whatever the guess, the weights are those of a proper importance sampler, so in every round
their mean is an unbiased estimate of ``p(x_v | x')``; guesses that fit the visible part only improve it. The chains are
independent: drawing k is the same whether others are made or not.

Source: Rezende et al., *One-Shot Generalization in Deep Generative Models*, 2016, name this use in the conclusion. The
rounds are population Monte Carlo (Cappé et al., 2004) with the proposal of Rezende et al., 2014, section 5, weighted as
by Mattei and Frellsen, 2018.
"""

from __future__ import annotations

__all__ = ["Completion", "complete", "noise_rows"]

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

if TYPE_CHECKING:
    from allograph.models import GenerativeModel


@dataclass(frozen=True)
class Completion:
    """n completions of each image of a batch.

    Attributes:
        parameters: (batch, n, P, S, S), the likelihood's parameters of each completion, for all pixels.
        log_visible: (batch,), estimate of ``log p(x_v | x')``, nats; too small on average.
        effective_samples: (batch,), of the n M samples of the last round.
    """

    parameters: Float[Tensor, "batch n parameter size size"]
    log_visible: Float[Tensor, " batch"]
    effective_samples: Float[Tensor, " batch"]


def noise_rows(particles: int, rounds: int) -> int:
    """Rows of noise that a chain needs: one for the first guess, and in each round one for each latent and one to
    choose among them."""
    return 1 + rounds * (1 + particles)


@torch.no_grad()
def complete(
    model: GenerativeModel,
    x: Float[Tensor, "batch channel size size"],
    hidden: Bool[Tensor, "batch size size"],
    context: Float[Tensor, "batch count channel size size"] | None,
    noise: Float[Tensor, "batch n rows steps latent"],
    *,
    rounds: int,
    begin: Float[Tensor, "batch channel size size"] | None = None,
) -> Completion:
    """Draws the hidden pixels of each image n times; see the module's documentation.

    Args:
        hidden: where the image is unknown; the values of ``x`` there do not matter.
        context: exemplars of the same symbol, if there are any and the model takes some.
        noise: standard normal numbers, for each chain `noise_rows` of (particles, rounds).
        begin: images whose hidden pixels are the first guess of all chains; by default, drawings from the prior.

    Raises:
        ValueError: the noise cannot be divided among the rounds, or leaves none for a proposal.
    """
    batch, n, rows = noise.shape[:3]
    particles = (rows - 1) // rounds - 1
    if particles < 1 or noise_rows(particles, rounds) != rows:
        raise ValueError(f"{rows} rows of noise are not 1 + rounds (1 + particles) for {rounds} rounds")
    chains = None if context is None else context.repeat_interleave(n, dim=0)
    x, hidden = x[:, None], hidden[:, None]

    def weighed(guess: Tensor, fresh: Tensor) -> _Pool:
        """One round, from guesses (batch, n, C, S, S)."""
        filled = torch.where(hidden[:, :, None], guess, x)
        found = model.infer(filled.flatten(0, 1), chains, fresh[:, :, 1:].flatten(0, 2))
        drawn = _drawn(model, batch, context, found.prior_noise.unflatten(0, (batch, n * particles)))
        log_ratio = (found.log_weight - found.log_likelihood).double().unflatten(0, (batch, -1))
        log_weight = log_ratio + model.likelihood.log_prob(drawn, x, hidden).double()
        uniform = torch.special.ndtr(fresh[:, :, 0].flatten(2)[:, :, 0].double())
        chosen = _choose(log_weight.unflatten(1, (n, particles)), uniform)
        kept = drawn.unflatten(1, (n, particles))[torch.arange(batch)[:, None], torch.arange(n), chosen]
        return _Pool(log_weight, kept)

    first, *others = noise[:, :, 1:].chunk(rounds, dim=2)
    if begin is None:
        guess = _likely(model, _drawn(model, batch, context, noise[:, :, 0]))
    else:
        guess = begin[:, None].expand(-1, n, -1, -1, -1)
    pool = weighed(guess, first)
    for fresh in others:
        pool = weighed(_likely(model, pool.kept), fresh)
    total = pool.log_weight.logsumexp(dim=1)
    return Completion(
        parameters=pool.kept,
        log_visible=total - math.log(n * particles),
        effective_samples=torch.exp(2 * total - (2 * pool.log_weight).logsumexp(dim=1)),
    )


class _Pool(NamedTuple):
    """One round: the weights of all chains' latents (batch, n M), and what each chain keeps (batch, n, P, S, S)."""

    log_weight: Tensor
    kept: Tensor


def _drawn(model: GenerativeModel, batch: int, context: Tensor | None, noise: Tensor) -> Tensor:
    """The likelihood's parameters (batch, n, P, S, S) for latents given as standard normal noise under the prior."""
    if context is None:  # one blank context for all
        return model.sample(noise=noise.flatten(0, 1)[None]).parameters[0].unflatten(0, (batch, -1))
    return model.sample(context, noise=noise).parameters


def _likely(model: GenerativeModel, parameters: Tensor) -> Tensor:
    """The image that the parameters stand for: the likelier of the two values of binary pixels, otherwise the mean."""
    mean = model.likelihood.mean(parameters)
    return mean.round() if model.likelihood.binary else mean


def _choose(log_weight: Float[Tensor, "batch n m"], uniform: Float[Tensor, "batch n"]) -> Tensor:
    """One of each row, with probability proportional to its weight."""
    reached = log_weight.softmax(dim=-1).cumsum(dim=-1)
    return (reached < uniform[..., None]).sum(dim=-1).clamp(max=log_weight.shape[-1] - 1)
