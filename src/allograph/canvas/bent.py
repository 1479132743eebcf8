"""Canvases that show the bent exemplar: one for ink on paper, one for grey and colour pictures."""

from __future__ import annotations

__all__ = ["BentCanvas", "BentPicture", "DisplacedCanvas", "Strokes"]

import math
from abc import ABC, abstractmethod
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allograph.attention import bend, bend_strokes, write


class Strokes(NamedTuple):
    """What T steps write, and where they write it.

    Attributes:
        ink: (batch, T, P, patch, patch), added to the likelihood's parameters: logits, for ink on paper.
        bend: (batch, bends, 2, control, control), displacements (x, y) in half images; only of the first steps.
        gain: (batch, bends, M), how much surer a step makes each filter's copy; for pictures (M = 1), their contrast.
        windows: (batch, T, 2, 3), see `allograph.attention`.
    """

    ink: Float[Tensor, "batch steps parameters patch patch"]
    bend: Float[Tensor, "batch bends 2 control control"]
    gain: Float[Tensor, "batch bends bells"]
    windows: Float[Tensor, "batch steps 2 3"]


def _blur(size: int, widths: Float[Tensor, " bells"]) -> Float[Tensor, "bells size size"]:
    """One-dimensional bells as matrices, scaled so that a long stroke, 1.5 pixels wide at 52, has a height of about
    1."""
    distance = torch.arange(size)[:, None] - torch.arange(size)
    bell = torch.exp(-0.5 * (distance / widths[:, None, None]) ** 2)
    bell = bell / (widths[:, None, None] * math.sqrt(2 * math.pi)).clamp(min=1.0)
    return bell * (widths[:, None, None] * math.sqrt(2 * math.pi) / (1.5 * size / 52)).clamp(min=1.0).sqrt()


class DisplacedCanvas(nn.Module, ABC):
    """Additive layers of ink and displacement over a bent exemplar (Rezende et al., eq. 8, extended).

    - ``ink_t = ink_{t-1} + write(ink sprite_t, window_t)``
    - ``d_t = d_{t-1} + write(bend_t, window_t)``, ``g_t = g_{t-1} + gain_t``
    - ``f_o(p)`` from the ink, the displacement, the gain and the exemplar, defined by the subclasses

    The displacement bends the exemplar. It is smooth (a few control points in each window, bilinear between them,
    falling to zero outside), so it can move, turn and stretch a stroke but not tear it.

    Addition commutes, so all T sprites are written and summed at once: no step waits for the one before.

    Args:
        size: side of the image in pixels.
        field_size: side of the displacement layer, which is enlarged bilinearly.
    """

    def __init__(self, size: int, field_size: int) -> None:
        super().__init__()
        self.size, self.field_size = size, field_size

    @abstractmethod
    def filter(self, exemplar: Float[Tensor, "batch channel size size"]) -> Float[Tensor, "batch bells size size"]:
        """The layers of the exemplar that are bent."""

    @abstractmethod
    def _observe(self, ink: Tensor, displacement: Tensor, gain: Tensor, filtered: Tensor, crisp: bool) -> Tensor:
        """``f_o``; the displacement has the size of the image."""

    def forward(
        self, strokes: Strokes, filtered: Float[Tensor, "batch bells size size"], *, crisp: bool = False
    ) -> Float[Tensor, "batch parameters size size"]:
        """The likelihood's parameters after the last step; ``filtered`` is ``filter(x')``. With ``crisp``, for people
        to look at instead of for the likelihood."""
        ink, bend = self._written(strokes)
        return self._show(ink.sum(dim=1), bend.sum(dim=1), strokes.gain.sum(dim=1), filtered, crisp)

    def history(
        self, strokes: Strokes, filtered: Float[Tensor, "batch bells size size"], *, crisp: bool = False
    ) -> Float[Tensor, "batch steps parameters size size"]:
        """The likelihood's parameters after each step, t = 1..T: the drawing as it grows."""
        layers = [*self._written(strokes), strokes.gain]
        steps = strokes.ink.shape[1]
        bent = torch.arange(steps).clamp(max=strokes.bend.shape[1] - 1)  # nothing changes after the last bend
        ink, bend, gain = (layer.cumsum(dim=1) for layer in layers)
        bend, gain = bend[:, bent], gain[:, bent]
        seen = self._show(
            ink.flatten(0, 1),
            bend.flatten(0, 1),
            gain.flatten(0, 1),
            filtered.repeat_interleave(steps, dim=0),
            crisp,
        )
        return seen.unflatten(0, (-1, steps))

    def _written(self, strokes: Strokes) -> tuple[Tensor, Tensor]:
        """Every sprite on its own empty layers: (batch, T, P, size, size), (batch, bends, 2, field, field)."""
        bends = strokes.bend.shape[1]
        ink = write(strokes.ink.flatten(0, 1), strokes.windows.flatten(0, 1), self.size)
        bend = write(strokes.bend.flatten(0, 1), strokes.windows[:, :bends].flatten(0, 1), self.field_size)
        return ink.unflatten(0, strokes.ink.shape[:2]), bend.unflatten(0, strokes.bend.shape[:2])

    def _show(self, ink: Tensor, displacement: Tensor, gain: Tensor, filtered: Tensor, crisp: bool) -> Tensor:
        displacement = F.interpolate(displacement, size=(self.size, self.size), mode="bilinear", align_corners=False)
        return self._observe(ink, displacement, gain, filtered, crisp)


@final
class BentCanvas(DisplacedCanvas):
    """Ink on paper: ``f_o(p) = empty + ink_T(p) + sum_m softplus(base_m + g_Tm) (filter_m * x')(p + d_T(p))``, logits.

    The filters are bells of different widths: wide bells feel a stroke from afar, so that gradients can teach the
    displacement; narrow ones draw it sharply. The gains say how sure the copy is, and at which scale.

    The mixture of bells says how sure the model is of each pixel, which looks like fog as a picture. ``crisp`` shows
    the bent exemplar itself instead: only through the narrowest bell, its strokes as far above 0 as empty paper is
    below, drawn by a pen that keeps its width where the paper is stretched.

    Args:
        size, field_size: see `DisplacedCanvas`.
        bells: standard deviations of the filters, in pixels of a 52-pixel image.
        empty: the logit of a pixel without any ink.
    """

    blur: Tensor

    def __init__(self, size: int, field_size: int, bells: tuple[float, ...], empty: float = -4.0) -> None:
        super().__init__(size, field_size)
        self.narrowest = bells.index(min(bells))
        self.base = nn.Parameter(torch.full((len(bells),), 1.0))
        self.empty = nn.Parameter(torch.tensor(empty))
        with torch.device("cpu"):  # real even on the meta device: see `allograph.weights`
            blur = _blur(size, torch.tensor(bells) * size / 52)
        self.register_buffer("blur", blur.to(self.base.device), persistent=False)

    def filter(self, exemplar: Float[Tensor, "batch 1 size size"]) -> Float[Tensor, "batch bells size size"]:
        """The exemplar blurred by each bell: ``B x B^T``, B the matrix of a one-dimensional blur."""
        return self.blur @ exemplar @ self.blur.mT

    def _observe(self, ink: Tensor, displacement: Tensor, gain: Tensor, filtered: Tensor, crisp: bool) -> Tensor:
        filtered = filtered.to(displacement.dtype)
        if crisp:
            narrow = filtered[:, self.narrowest, None]
            return self.empty + ink + 2 * self.empty.abs() * bend_strokes(narrow, displacement)
        # One image to bend, not M: the bells are mixed first.
        gains = F.softplus(self.base + gain)[:, :, None, None]
        return self.empty + ink + bend((gains * filtered).sum(dim=1, keepdim=True), displacement)


@final
class BentPicture(DisplacedCanvas):
    """Grey or colour: ``location(p) = empty + ink_T(p) + exp(tanh g_T) x'(p + d_T(p))``, a pixel's mean in [0, 1];
    every other parameter of the likelihood is ``empty + ink_T(p)``. The contrast stays between 1/e and e, so that no
    sum of gains makes it infinite. Pictures are already sharp, so ``crisp`` changes nothing.

    Args:
        size, field_size: see `DisplacedCanvas`.
        channels: C, channels of the picture; the first C parameters are its location.
        empty: (P,), the parameters of a pixel without any ink, where the exemplar is 0.
    """

    def __init__(self, size: int, field_size: int, channels: int, empty: Float[Tensor, " parameters"]) -> None:
        super().__init__(size, field_size)
        self.channels = channels
        self.empty = nn.Parameter(empty.clone())

    def filter(self, exemplar: Tensor) -> Tensor:
        return exemplar

    def _observe(self, ink: Tensor, displacement: Tensor, gain: Tensor, filtered: Tensor, crisp: bool) -> Tensor:
        location = gain.tanh().exp()[:, :, None, None] * bend(filtered.to(displacement.dtype), displacement)
        rest = ink.shape[1] - self.channels
        return self.empty[:, None, None] + ink + F.pad(location, (0, 0, 0, 0, 0, rest))
