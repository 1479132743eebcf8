"""The configuration of the sequential model."""

from __future__ import annotations

__all__ = ["SequentialConfig"]

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from allograph.attention import AttentionKind, WindowBounds
from allograph.likelihoods import LikelihoodConfig
from allograph.limits import CHANNELS, HEADS, SIDE, STEPS, UNITS, WINDOWS, require, require_room


@dataclass(frozen=True)
class SequentialConfig:
    """Everything that fixes the network.

    Attributes:
        image_size: side of the images in pixels.
        likelihood: observation model of the pixels, and their number of channels.
        steps: T.
        latent: dimensions of each z_t.
        hidden: units of the LSTM.
        attention: ``none`` (whole images), ``gaussian`` (DRAW's filters), or a spatial transformer: ``zoom`` (one scale
            and a shift: 3 numbers), ``stretch`` (two scales: 4 numbers), ``affine`` (6 numbers).
        context_by: how the model knows exemplars: ``attention`` reads them at every step and embeds them; ``inference``
            first infers their z' and h', as if they were to be drawn, and each step recalls what was done to them.
        patch: side of the glimpses and of the sprites, in samples; without attention it is the image.
        read_patch: side of the glimpses, if different; otherwise 0.
        windows: number of windows in which each step reads, and in which it writes, each with its own patch.
        bounds: bounds of the windows of spatial transformers.
        canvas: ``additive`` or ``gated``.
        canvas_channels: hidden channels of the canvas.
        prior: ``standard`` or ``learned``.
        context: whether the model is conditional on exemplars.
        embedding: length of the embeddings of x and x'; 0 for none, so that only attention sees them. With
            ``inference``, length of the embedding of x and of v_t.
        heads: number of attention heads that recall exemplars; `embedding` is a multiple of it.
        encoder_width: channels of the encoder's first convolution.
        decision: units of the posterior's and the prior's layer.
    """

    copies_exemplar: ClassVar[bool] = False
    kind: Literal["sequential"] = "sequential"
    image_size: int = 28
    likelihood: LikelihoodConfig = field(default_factory=LikelihoodConfig)
    steps: int = 16
    latent: int = 16
    hidden: int = 400
    attention: AttentionKind = "affine"
    context_by: Literal["attention", "inference"] = "attention"
    patch: int = 12
    read_patch: int = 0
    windows: int = 1
    bounds: WindowBounds = field(default=WindowBounds(min_scale=0.15, max_scale=1.5, max_turn=1.0, max_shear=0.5))
    canvas: Literal["additive", "gated"] = "additive"
    canvas_channels: int = 1
    prior: Literal["standard", "learned"] = "learned"
    context: bool = False
    embedding: int = 128
    heads: int = 4
    encoder_width: int = 16
    decision: int = 256

    @property
    def conditional(self) -> bool:
        """`context`, by the name that all models share."""
        return self.context

    def __post_init__(self) -> None:
        require(
            self,
            image_size=SIDE,
            steps=STEPS,
            latent=UNITS,
            hidden=UNITS,
            patch=SIDE,
            read_patch=replace(SIDE, low=0),
            windows=WINDOWS,
            canvas_channels=CHANNELS,
            embedding=replace(UNITS, low=0),
            heads=HEADS,
            encoder_width=CHANNELS,
            decision=UNITS,
        )
        if self.attention == "none" and self.windows > 1:
            raise ValueError(f"windows = {self.windows} needs attention: without it a patch is the whole image")
        layers = max(self.windows * self.canvas_channels, self.likelihood.parameters_per_pixel)
        require_room(self.steps, self.latent, layers * max(self.image_size, self.patch) ** 2)
        if self.context and self.context_by == "inference" and (not self.embedding or self.embedding % self.heads):
            raise ValueError(
                f"embedding = {self.embedding} cannot be divided among heads = {self.heads}: "
                "with context_by = 'inference' it must be a multiple of them"
            )
