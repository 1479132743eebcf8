"""Classical augmentation, as good as possible without a model: affine maps, elastic bends, changes of the pen."""

from __future__ import annotations

__all__ = ["TUNED", "Classical", "tuned"]

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.data.warping import change_pen

TUNED = Path(__file__).with_name("classical.json")
"""The ranges that `python -m allograph.evaluation classical` found on training alphabets, with method and accuracy."""


@dataclass(frozen=True)
class Classical:
    """Ranges of random changes, each symmetric about no change; all zero (factors: one) changes nothing.

    Each drawing gets a new turn by up to ``turn`` degrees, a shear by up to ``shear``, a stretch of one axis against
    the other by a factor of up to ``stretch``, a scale of up to ``scale``, a shift by up to ``shift`` of half the
    frame; an elastic bend, normal displacements of standard deviation ``elastic`` (half frames) at ``control`` x
    ``control`` points with a smooth surface between them (Simard, Steinkraus, Platt, *Best Practices for Convolutional
    Neural Networks Applied to Visual Document Analysis*, ICDAR 2003); and strokes up to ``pen`` pixels of 105 wider or
    narrower.
    """

    turn: float = 0.0
    shear: float = 0.0
    stretch: float = 1.0
    scale: float = 1.0
    shift: float = 0.0
    elastic: float = 0.0
    control: int = 4
    pen: float = 0.0

    def __call__(
        self, images: Float[Tensor, "n c size size"], generator: torch.Generator
    ) -> Float[Tensor, "n c size size"]:
        """One new drawing of each; beyond the frame is paper, 0."""
        count, size = len(images), images.shape[-1]

        def uniform(limit: float) -> Float[Tensor, " n"]:
            return (2 * torch.rand(count, generator=generator) - 1) * limit

        angle, slant = uniform(math.radians(self.turn)), uniform(self.shear)
        half, factor = uniform(math.log(self.stretch) / 2).exp(), uniform(math.log(self.scale)).exp()
        cosine, sine = angle.cos(), angle.sin()
        turn = torch.stack([cosine, -sine, sine, cosine], -1).unflatten(-1, (2, 2))
        upper = torch.stack([half, slant / half, torch.zeros(count), 1 / half], -1).unflatten(-1, (2, 2))
        shift = torch.stack([uniform(self.shift), uniform(self.shift)], -1)
        places = (2 * torch.arange(size) + 1) / size - 1
        linear = factor[:, None, None] * (turn @ upper)
        across = linear[:, None, :, 0] * places[:, None]
        down = linear[:, None, :, 1] * places[:, None] + shift[:, None]
        grid = across[:, None] + down[:, :, None]
        if self.elastic:
            points = self.elastic * torch.randn(count, 2, self.control, self.control, generator=generator)
            surface = _surface(self.control, size)
            grid = grid + (surface @ points @ surface.T).permute(0, 2, 3, 1)
        moved = F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
        if not self.pen:
            return moved
        change = uniform(self.pen) * size / 105
        return change_pen(moved.flatten(0, 1)[:, None], change.repeat_interleave(images.shape[1]).numpy()).reshape(
            moved.shape
        )


def tuned() -> Classical:
    """The best ranges found on training alphabets."""
    return Classical(**json.loads(TUNED.read_text(encoding="utf-8"))["settings"])


@cache
def _surface(control: int, size: int) -> Float[Tensor, "size control"]:
    """The cubic curve through ``control`` values, at ``size`` places from the first to the last."""
    curves = F.interpolate(torch.eye(control)[:, None, None], (1, size), mode="bicubic", align_corners=True)
    return curves[:, 0, 0].T
