"""Attention: where to look and to write, decided by a hidden state.

`WholeImage` (none), `GaussianAttention` (DRAW's), `SeparableTransformer` (scale and shift), `SpatialTransformer` (any
affine window) and `SeveralWindows` (several windows of one kind) share one interface, `Attention`. The functions below
work directly on windows and images.
"""

from __future__ import annotations

__all__ = [
    "Attention",
    "AttentionKind",
    "GaussianAttention",
    "SeparableAttention",
    "SeparableTransformer",
    "SeveralWindows",
    "SpatialTransformer",
    "WholeImage",
    "WindowBounds",
    "WindowNetwork",
    "attention_of",
    "bend",
    "bend_strokes",
    "compose",
    "identity_window",
    "invert",
    "read",
    "write",
]

from typing import Literal

from allograph.attention.base import Attention
from allograph.attention.bending import bend, bend_strokes
from allograph.attention.gaussian import GaussianAttention
from allograph.attention.separable import SeparableAttention
from allograph.attention.several import SeveralWindows
from allograph.attention.spatial import SeparableTransformer, SpatialTransformer, WindowBounds, WindowNetwork
from allograph.attention.whole import WholeImage
from allograph.attention.windows import compose, identity_window, invert, read, write

AttentionKind = Literal["none", "gaussian", "zoom", "stretch", "affine"]
"""None; DRAW's filters; a spatial transformer with one scale (3 numbers), two (4), or all six numbers."""


def attention_of(
    kind: AttentionKind,
    features: int,
    size: int,
    patch: int,
    bounds: WindowBounds,
    initial_scale: float,
    windows: int = 1,
) -> Attention:
    """A new attention module of this kind with this many windows; without attention a patch is the whole image."""

    def one() -> Attention:
        if kind == "none":
            return WholeImage(size)
        if kind == "gaussian":
            return GaussianAttention(features, size, patch)
        if kind == "affine":
            return SpatialTransformer(features, size, patch, bounds, initial_scale)
        return SeparableTransformer(features, size, patch, bounds, initial_scale, 3 if kind == "zoom" else 4)

    return one() if windows == 1 else SeveralWindows([one() for _ in range(windows)])
