"""The configuration of the bending model."""

from __future__ import annotations

__all__ = ["BendingConfig", "first_plan"]

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from allograph.attention import WindowBounds
from allograph.likelihoods import LikelihoodConfig
from allograph.limits import CHANNELS, SIDE, STEPS, UNITS, Limit, require, require_length, require_room

_FIRST_RADIUS = 0.6
"""Radius of the disc over which the first looks are spread, in half images."""

_BELL = Limit(0, 1000, "a wider one blurs the exemplar to an even grey")
_BELLS = Limit(1, 16, "each keeps a copy of the exemplar")


@dataclass(frozen=True)
class BendingConfig:
    """Everything that fixes the network.

    Attributes:
        image_size: side of the images in pixels.
        likelihood: observation model of the pixels: ``bernoulli`` of one channel for ink on paper; for pictures one
            with a location, to which the exemplar is bent (``gaussian``, ``learned-gaussian`` or ``logistic``).
        steps: T.
        latent: dimensions of each z_t.
        hidden: units of the LSTM.
        patch: side of the glimpses and of the sprites, in samples.
        embedding: length of the embeddings of x and x'.
        encoder_width: channels of their first convolution.
        decision: units of the posterior's and the prior's layer.
        prior: ``standard`` or ``learned``.
        bends: number of steps, the first ones, that bend the exemplar; all steps may write ink.
        control: side of the displacement sprites; few points, so that strokes bend and do not tear.
        field_size: side of the displacement layer in pixels.
        bells: widths of the filters through which the exemplar is copied, see `allograph.canvas.BentCanvas`.
        look: bounds of the reading windows.
        move: bounds of the writing window within the reading window.
    """

    conditional: ClassVar[bool] = True
    copies_exemplar: ClassVar[bool] = True
    kind: Literal["bending"] = "bending"
    image_size: int = 52
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    steps: int = 16
    latent: int = 16
    hidden: int = 400
    patch: int = 14
    embedding: int = 128
    encoder_width: int = 16
    decision: int = 256
    prior: Literal["standard", "learned"] = "learned"
    bends: int = 6
    control: int = 5
    field_size: int = 26
    bells: tuple[float, ...] = (0.6, 1.5, 4.0)
    look: WindowBounds = field(default=WindowBounds(min_scale=0.15, max_scale=1.3, max_turn=1.0, max_shear=0.5))
    move: WindowBounds = field(default=WindowBounds(min_scale=0.4, max_scale=2.5, max_turn=1.0, max_shear=0.5))

    def __post_init__(self) -> None:
        require(
            self,
            image_size=SIDE,
            steps=STEPS,
            latent=UNITS,
            hidden=UNITS,
            patch=SIDE,
            embedding=UNITS,
            encoder_width=CHANNELS,
            decision=UNITS,
            control=replace(SIDE, low=2),
            field_size=replace(SIDE, low=2),
            bells=_BELL,
        )
        require_length(self, bells=_BELLS)
        if self.likelihood.kind not in ("bernoulli", "gaussian", "learned-gaussian", "logistic"):
            raise ValueError(
                f"likelihood.kind = {self.likelihood.kind!r} has no location parameter to bend an exemplar to"
            )
        if self.likelihood.kind == "bernoulli" and self.likelihood.channels != 1:
            raise ValueError("ink on paper has one channel: use another likelihood.kind for colour")
        if self.look.max_shift <= _FIRST_RADIUS:
            raise ValueError(f"look.max_shift = {self.look.max_shift} is too small; it is above {_FIRST_RADIUS}")
        if not 1 <= self.bends <= self.steps:
            raise ValueError(f"bends = {self.bends} is out of range; it is 1 to steps ({self.steps})")
        if min(self.bells) == 0:
            raise ValueError("bells are widths and must be above 0")
        side = max(self.image_size, self.patch, self.control, self.field_size)
        require_room(self.steps, self.latent, self.likelihood.parameters_per_pixel * side**2)


def first_plan(config: BendingConfig) -> Tensor:
    """Where each step looks at h = 0: first at the whole, then at places spread evenly over a disc."""
    plan = torch.zeros(config.steps, 6)
    plan[0, :2] = 2.0
    plan[1 : config.bends, :2] = 1.0
    place = torch.arange(1, config.steps)
    radius, angle = _FIRST_RADIUS * (place / config.steps).sqrt(), place * math.pi * (3 - math.sqrt(5))
    spread = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)
    plan[1:, 2:4] = torch.atanh(spread / config.look.max_shift)
    return plan
