"""The look of a symbol: ink of one colour and width on paper of another."""

from __future__ import annotations

__all__ = ["SymbolStyle"]

from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np
from PIL import Image

from allograph.imaging.placement import OMNIGLOT
from allograph.imaging.render import ink_coverage, render, stroke_field
from allograph.imaging.shapes import ink_box
from allograph.imaging.style import WHOLE, Growth, Square, StrokeStyle


@final
@dataclass(frozen=True)
class SymbolStyle(StrokeStyle):
    """See `StrokeStyle`."""

    @property
    def view(self) -> Square:
        """The model's frame, moved into the picture if possible.

        Strokes thicker than the model's pen reach over the frame by what they gain; the square grows with them.
        """
        left, top, side = self.frame
        grown = max(0.0, self.stroke_width / self.pen_width - 1) * OMNIGLOT.pen * side
        left, top, side = left - grown / 2, top - grown / 2, side + grown

        def inside(start: float, length: float) -> float:
            if side >= length:
                return (length - side) / 2
            return min(max(start, 0.0), length - side)

        return inside(left, self.width), inside(top, self.height), side

    @property
    def ground(self) -> tuple[int, int, int]:
        """The paper's colour; for a transparent sheet white, or near black under light ink."""
        red, green, blue, alpha = self.paper
        if alpha:
            return red, green, blue
        ink = self.ink
        return (34, 36, 40) if 0.299 * ink[0] + 0.587 * ink[1] + 0.114 * ink[2] > 150 else (255, 255, 255)

    def sized(self, image: np.ndarray, factor: float) -> Self:
        down, across = ink_box(image[0] > 0)
        if not across.stop:
            return self
        left, top, side = self.frame
        pixel, middles = side / image.shape[-1], []
        for span, first, extent in ((across, left, self.width), (down, top, self.height)):
            middle = first + pixel * (span.start + span.stop) / 2
            room = min(middle - max(first, 0.0), min(first + side, extent) - middle)
            factor = min(factor, max(1.0, 2 * room / (pixel * (span.stop - span.start))))
            middles.append(middle)
        frame = middles[0] - factor * (middles[0] - left), middles[1] - factor * (middles[1] - top), factor * side
        return replace(self, frame=frame, stroke_width=self.stroke_width / factor)

    def render(self, image: np.ndarray, size: int | None = None) -> Image.Image:
        return render(image[0], self, size)

    def grow(self, canvases: np.ndarray, square: Square = WHOLE) -> Growth:
        return _InkGrowth(canvases[:, 0], self, square)


@final
class _InkGrowth(Growth):
    """Ink that appears where the canvas rises above its paper, and becomes crisp strokes at the end."""

    on_paper = True

    def __init__(self, logits: np.ndarray, style: SymbolStyle, square: Square) -> None:
        """`logits` of ink, (T, S, S); `square`: their place on a tile, see `RenderStyle.grow`."""
        from scipy import ndimage

        ink = _visible_ink(logits)
        ink = ndimage.gaussian_filter(ink, (0, 0.5, 0.5))  # takes the pixels' staircase off, as finished drawings do
        self._ink = np.concatenate([np.zeros_like(ink[:1]), ink])  # before the first step: paper
        self._last = logits[-1]
        self._appearance, self.square = style, square
        self._finished: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def steps(self) -> int:
        return len(self._ink) - 1

    @property
    def levels(self) -> np.ndarray:
        return (self._ink[1:, None] * 255).round().astype(np.uint8)

    def tile(self, step: int, part: float, side: int) -> np.ndarray:
        grown = self._ink[step] * (1 - part) + self._ink[step + 1] * part
        return _tint(_enlarged(grown, side, self.square), self._appearance)

    def ending(self, part: float, side: int) -> np.ndarray:
        if side not in self._finished:
            left, top, extent = (side * share for share in self.square)
            field, scale = stroke_field(self._last, self._appearance), extent / self._last.shape[-1]
            crisp = ink_coverage(field, (left, top), scale, (side, side))
            self._finished[side] = _enlarged(self._ink[-1], side, self.square), crisp
        last, crisp = self._finished[side]
        return _tint(last * (1 - part) + crisp * part, self._appearance)


def _visible_ink(logits: np.ndarray) -> np.ndarray:
    """Return the ink (T, S, S) in [0, 1] that canvases show.

    The most frequent value of a canvas is its paper, even while the model is still undecided.
    """
    p = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    paper = np.median(p, axis=(1, 2), keepdims=True)
    return np.clip((p - paper) / (1 - paper + 1e-6), 0, 1)


def _enlarged(ink: np.ndarray, side: int, square: Square) -> np.ndarray:
    """The ink (S, S) on a tile of `side` pixels, of which it fills a square."""
    left, top, extent = square
    step = ink.shape[-1] / (side * extent)
    backwards = (step, 0, -step * side * left, 0, step, -step * side * top)
    tile = Image.fromarray(ink).transform((side, side), Image.Transform.AFFINE, backwards, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(tile), 0, 1)


def _tint(coverage: np.ndarray, style: SymbolStyle) -> np.ndarray:
    """Return ink of coverage (h, w) on its paper as uint8 (h, w, 3)."""
    paper, ink = np.array(style.ground, np.float32), np.array(style.ink[:3], np.float32)
    return (paper + (ink - paper) * coverage[..., None]).round().astype(np.uint8)
