"""The hidden canvas: where the sprites of all steps come together."""

from __future__ import annotations

__all__ = ["BentCanvas", "Strokes"]

import math
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.attention import bend, write


class Strokes(NamedTuple):
    """What T steps write, and where.

    Attributes:
        ink: (batch, T, 1, patch, patch), logits.
        field: (batch, T, 2 + M, patch, patch): displacement (x, y) in half images, and a gain for each of M filters.
        windows: (batch, T, 2, 3), see `allograph.attention`.
    """

    ink: Float[Tensor, "batch steps 1 patch patch"]
    field: Float[Tensor, "batch steps layers patch patch"]
    windows: Float[Tensor, "batch steps 2 3"]


def _blur(size: int, widths: Float[Tensor, " bells"]) -> Float[Tensor, "bells size size"]:
    """One-dimensional bells as matrices, scaled so that a long stroke of 1.5 pixels of 52 has a height of about 1."""
    distance = torch.arange(size)[:, None] - torch.arange(size)
    bell = torch.exp(-0.5 * (distance / widths[:, None, None]) ** 2)
    bell = bell / (widths[:, None, None] * math.sqrt(2 * math.pi)).clamp(min=1.0)
    return bell * (widths[:, None, None] * math.sqrt(2 * math.pi) / (1.5 * size / 52)).clamp(min=1.0).sqrt()


@final
class BentCanvas(nn.Module):
    """Additive layers of ink and of a field; the exemplar shows through, bent (Rezende et al., eq. 8, extended).

    ``ink_t = ink_{t-1} + write(ink sprite_t, window_t)``, ``(d, g)_t = (d, g)_{t-1} + write(taper * field sprite_t, window_t)``,
    ``f_o(p) = empty + ink_t(p) + sum_m softplus(base_m + g_tm(p)) (filter_m * x')(p + d_t(p))``.

    The displacement ``d`` bends the exemplar, the gains ``g`` say how sure the copy is, and at which fineness: the filters
    are bells of different widths. The wide ones feel a stroke from afar, so that the displacement can be learned by
    gradient; the narrow ones draw it sharp.

    Addition commutes, so all T sprites are written at once and summed: no step waits for the one before. The taper
    ``(1 - u_x^2) (1 - u_y^2)`` brings each field to zero at its window's edge, so the sum has no jumps, and what is copied
    through it does not tear.

    Args:
        size: of the image, pixels a side.
        field_size: of the field, which is enlarged bilinearly.
        patch: side of the sprites.
        bells: standard deviations of the filters, pixels of 52.
        empty: the logit of a pixel that nobody wrote to.
    """

    def __init__(self, size: int, field_size: int, patch: int, bells: tuple[float, ...], empty: float = -4.0) -> None:
        super().__init__()
        self.size, self.field_size = size, field_size
        self.base = nn.Parameter(torch.full((len(bells), 1, 1), 1.0))
        self.empty = nn.Parameter(torch.tensor(empty))
        self.register_buffer("blur", _blur(size, torch.tensor(bells) * size / 52), persistent=False)
        u = (2 * torch.arange(patch) + 1) / patch - 1
        self.register_buffer("taper", torch.outer(1 - u**2, 1 - u**2), persistent=False)

    def filter(self, exemplar: Float[Tensor, "batch 1 size size"]) -> Float[Tensor, "batch bells size size"]:
        """The exemplar through each bell: ``B x B^T``, B the matrix of a one-dimensional blur."""
        return self.blur @ exemplar @ self.blur.mT

    def forward(
        self, strokes: Strokes, filtered: Float[Tensor, "batch bells size size"]
    ) -> Float[Tensor, "batch 1 size size"]:
        """The likelihood's parameters after the last step; ``filtered`` is ``filter(x')``."""
        ink, field = self._written(strokes)
        return self._observe(ink.sum(dim=1), field.sum(dim=1), filtered)

    def history(
        self, strokes: Strokes, filtered: Float[Tensor, "batch bells size size"]
    ) -> Float[Tensor, "batch steps 1 size size"]:
        """The same after each step, t = 1..T: the drawing as it grows."""
        ink, field = self._written(strokes)
        batch, steps = ink.shape[:2]
        seen = self._observe(
            ink.cumsum(dim=1).flatten(0, 1),
            field.cumsum(dim=1).flatten(0, 1),
            filtered.repeat_interleave(steps, dim=0),
        )
        return seen.unflatten(0, (batch, steps))

    def _written(self, strokes: Strokes) -> tuple[Tensor, Tensor]:
        """Every sprite on empty layers of its own, (batch, T, layers, side, side)."""
        shape, windows = strokes.ink.shape[:2], strokes.windows.flatten(0, 1)
        ink = write(strokes.ink.flatten(0, 1), windows, self.size)
        field = write((self.taper * strokes.field).flatten(0, 1), windows, self.field_size)
        return ink.unflatten(0, shape), field.unflatten(0, shape)

    def _observe(self, ink: Tensor, field: Tensor, filtered: Tensor) -> Tensor:
        field = F.interpolate(field, size=(self.size, self.size), mode="bilinear", align_corners=False)
        gains = F.softplus(self.base + field[:, 2:])
        copy = (gains * bend(filtered.to(field.dtype), field[:, :2])).sum(dim=1, keepdim=True)
        return self.empty + ink + copy
