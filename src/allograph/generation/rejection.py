"""Rejection: drawings with other numbers of parts or holes than their exemplars are made again.

A drawing may lose a dot or a ring, and strokes that should meet may come apart. Its difference from the exemplars is

    min_k |parts - parts'_k| + |holes - holes'_k|,

with the counts of `allograph.imaging.topology`. While this is not 0, the drawing is made again from its own noise with
the steps moved on by one, so that every step has other numbers. Of all attempts, the first with the least difference is
kept. So drawing k still follows from (weights, exemplars, seed, temperature, guidance, attempts, k). docs/oneshot.md
says what this gains.
"""

from __future__ import annotations

__all__ = ["draw_with_rejection"]

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from allograph.imaging.topology import parts_and_holes
from allograph.models.base import Drawings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

_AT_ONCE = 8
"""Drawings that a pass makes at most where it makes several attempts of each at once."""


def draw_with_rejection(
    draw: Callable[[Tensor, Tensor], Drawings],
    ink: Callable[[Drawings], Bool[Tensor, "batch n S S"]],
    context: Float[Tensor, "batch K 1 S S"],
    noise: Float[Tensor, "batch n T Z"],
    attempts: int,
) -> Drawings:
    """The drawings that ``draw`` makes of contexts and their noise, each in at most ``attempts`` attempts, and no more
    than there are steps; ``ink`` says where drawings have ink."""
    given = [[parts_and_holes(one) for one in row] for row in (context.squeeze(2) > 0.5).cpu().numpy()]
    drawn = draw(context, noise)
    kept = [drawn.canvases, drawn.write_windows, drawn.read_windows]
    difference = _differences(ink(drawn), given)
    attempt, attempts = 1, min(attempts, noise.shape[2])
    while attempt < attempts and (wrong := difference > 0).any():
        row, column = wrong.nonzero(as_tuple=True)
        # Of few, several attempts at once: a pass takes nearly as long for one drawing as for eight.
        several = range(attempt, min(attempts, attempt + max(1, _AT_ONCE // len(row))))
        moved = [noise[row, column].roll(one, dims=1) for one in several]
        again = draw(context[row], torch.stack(moved, dim=1))
        now = _differences(ink(again), [given[one] for one in row.tolist()])
        least, first = (torch.from_numpy(one) for one in (now.numpy().min(1), now.numpy().argmin(1)))
        better = least < difference[row, column]
        place, taken = (row[better], column[better]), (better.nonzero()[:, 0], first[better])
        difference[place] = least[better]
        for mine, other in zip(kept, (again.canvases, again.write_windows, again.read_windows), strict=True):
            mine[place] = other[taken]
        attempt = several.stop
    return Drawings(*kept)


def _differences(drawn: Bool[Tensor, "batch n S S"], given: list[list[tuple[int, int]]]) -> Int[Tensor, "batch n"]:
    """The difference of each drawing from the counts of its exemplars."""

    def least(image: Tensor, exemplars: list[tuple[int, int]]) -> int:
        parts, holes = parts_and_holes(image.cpu().numpy())
        return min(abs(parts - p) + abs(holes - h) for p, h in exemplars)

    return torch.tensor([[least(one, own) for one in row] for row, own in zip(drawn, given, strict=True)])
