"""The best of several candidates: of each drawing, the candidate that fits its exemplars best.

Of binary images, candidates with as many parts and as many holes as one of the exemplars come first. Of these, and of
other images, the best is the candidate x with the best fit by the model itself: after the exemplars x'_1..x'_K,

    log p(x | x') + mean_k log p(x'_k | x),

each a bound with the latents at the means of the posterior. If x lacks a part of the exemplar, that makes the exemplar
improbable; if it has a part too many, that makes x improbable. docs/oneshot.md says what this gains.

The j-th of m candidates is drawn with the noise of the drawing, whose steps are moved on by j T / m: at every step,
other numbers. So drawing k still follows from (weights, exemplars, seed, temperature, guidance, m, k).
"""

from __future__ import annotations

__all__ = ["best_candidates"]

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from allograph.imaging.topology import topology_of
from allograph.models.base import Drawings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from allograph.models import GenerativeModel

_ROWS = 128
"""Images whose fit is computed at once."""


def best_candidates(
    model: GenerativeModel,
    context: Float[Tensor, "batch K C S S"],
    noise: Float[Tensor, "batch n T Z"],
    count: int,
    draw: Callable[[Tensor], Drawings],
) -> Drawings:
    """Of each drawing the best of ``count`` candidates; ``draw`` takes their noise, (batch, n count, T, Z)."""
    moved = [noise.roll(j * noise.shape[2] // count, dims=2) for j in range(count)]
    drawn = draw(torch.stack(moved, dim=2).flatten(1, 2))
    x = model.likelihood.mean(drawn.parameters)
    if model.likelihood.binary:
        x = (x > 0.5).to(context.dtype)
    fit = _fit(model, x, context).unflatten(1, (-1, count))
    if model.likelihood.binary:
        same = _same_topology(x, context).unflatten(1, (-1, count))
        fit = fit.masked_fill(~same & same.any(dim=2, keepdim=True), -math.inf)
    best = fit.argmax(dim=2) + count * torch.arange(noise.shape[1], device=fit.device)
    rows = torch.arange(len(best), device=fit.device)[:, None]
    return Drawings(drawn.canvases[rows, best], drawn.write_windows[rows, best], drawn.read_windows[rows, best])


def _same_topology(
    x: Float[Tensor, "batch n 1 S S"], context: Float[Tensor, "batch K 1 S S"]
) -> Bool[Tensor, "batch n"]:
    """Which candidates have as many parts and holes as one of the exemplars."""

    def counts(images: Tensor) -> list[list[tuple[int, int]]]:
        return [[topology_of(one > 0.5)[:2] for one in row] for row in images.squeeze(2).cpu().numpy()]

    pairs = zip(counts(x), counts(context), strict=True)
    return torch.tensor([[one in given for one in drawn] for drawn, given in pairs], device=x.device)


def _fit(
    model: GenerativeModel, x: Float[Tensor, "batch n C S S"], context: Float[Tensor, "batch K C S S"]
) -> Float[Tensor, "batch n"]:
    """The fit of each candidate, nats; see the module's documentation."""
    (batch, n), count = x.shape[:2], context.shape[1]
    given = context.repeat_interleave(n, dim=0)
    x = x.flatten(0, 1)
    fits = []
    for drawn, exemplars in zip(x.split(_ROWS), given.split(_ROWS), strict=True):
        means = drawn.new_zeros(len(drawn), *model.noise_shape)
        fit = -model.infer(drawn, exemplars, means).free_energy.total
        for k in range(count):
            fit = fit - model.infer(exemplars[:, k], drawn[:, None], means).free_energy.total / count
        fits.append(fit)
    return torch.cat(fits).unflatten(0, (batch, n))
