"""The paper under lines of text: its colour and rules, and what a scanner adds."""

from __future__ import annotations

__all__ = ["PageImage", "as_picture", "laid_out"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from allograph.typography.hand import Line, Placed, Style

_LEADING = 0.22
"""Additional white between two lines, as a share of the em."""


@dataclass(frozen=True)
class LineOnPage:
    """A line's place on its page: its box, its symbols' boxes and its baseline, pixels of the page."""

    text: str
    box: tuple[float, float, float, float]
    baseline: tuple[tuple[float, float], ...]
    symbols: tuple[Placed, ...]


@dataclass(frozen=True)
class PageImage:
    """A page of lines: its picture and where everything is."""

    picture: Image.Image
    lines: tuple[LineOnPage, ...]


def as_picture(line: Line, style: Style, random: np.random.Generator, *, binary: bool = False) -> Image.Image:
    """A line alone, on paper; ``binary``: black and white."""
    if binary:
        return Image.fromarray((line.coverage < 0.5).astype(np.uint8) * 255).convert("1")
    return _on_paper([(line, 0, 0)], (line.coverage.shape[1], line.coverage.shape[0]), style, random)


def laid_out(lines: Sequence[Line], style: Style, random: np.random.Generator) -> PageImage:
    """Lines below each other on one page, flush left with some unevenness."""
    em = style.size
    margin = em
    width = max(line.coverage.shape[1] for line in lines) + 2 * margin
    top, places = float(margin), []
    for line in lines:
        left = margin + (random.uniform(0, 0.4) * em * style.variation)
        places.append((line, round(min(left, width - line.coverage.shape[1])), round(top)))
        top += line.coverage.shape[0] + _LEADING * em
    picture = _on_paper(places, (width, round(top) + margin), style, random)
    return PageImage(picture, tuple(_moved(line, left, top) for line, left, top in places))


def _moved(line: Line, left: int, top: int) -> LineOnPage:
    height, width = line.coverage.shape
    symbols = tuple(
        Placed(one.symbol, (one.box[0] + left, one.box[1] + top, one.box[2] + left, one.box[3] + top), one.start)
        for one in line.symbols
    )
    baseline = tuple((x + left, y + top) for x, y in line.baseline)
    return LineOnPage(line.text, (left, top, left + width, top + height), baseline, symbols)


def _on_paper(
    places: Sequence[tuple[Line, int, int]], size: tuple[int, int], style: Style, random: np.random.Generator
) -> Image.Image:
    levels = _sheet(size, style, random)
    if style.rules:
        for line, left, top in places:
            _rule(levels, line, left, top)
    fading = _grain(size, style.size / 2, random) * 0.25 * style.noise
    for line, left, top in places:
        height, width = line.coverage.shape
        part = slice(top, top + height), slice(left, left + width)
        strength = line.coverage * np.clip(1 - fading[part] - 0.1 * style.noise, 0, 1)
        levels[part] += (np.array(line.hand.ink, np.float32) - levels[part]) * strength[..., None]
    if style.noise:
        levels = ndimage.gaussian_filter(levels, (0.6 * style.noise, 0.6 * style.noise, 0))
        levels += random.normal(0, 10 * style.noise, (size[1], size[0], 1)).astype(np.float32)
    picture = Image.fromarray(levels.clip(0, 255).round().astype(np.uint8))
    return picture if style.paper != "white" else picture.convert("L")


def _sheet(size: tuple[int, int], style: Style, random: np.random.Generator) -> np.ndarray:
    """Float32 (h, w, 3)."""
    levels = np.full((size[1], size[0], 3), 255.0, np.float32)
    if style.paper == "white":
        return levels
    colour = np.array([232, 218, 188]) + random.normal(0, 8, 3)
    stains = _grain(size, 4 * style.size, random)[..., None] * np.array([9.0, 12.0, 18.0])
    fibres = _grain(size, 2, random)[..., None] * 4.0
    return (colour - stains - fibres).astype(np.float32)


def _grain(size: tuple[int, int], scale: float, random: np.random.Generator) -> np.ndarray:
    """Noise (h, w) of standard deviation about 1 that varies over this many pixels."""
    small = random.normal(0, 1, (max(2, round(size[1] / scale) + 2), max(2, round(size[0] / scale) + 2)))
    return np.asarray(Image.fromarray(small.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))


def _rule(levels: np.ndarray, line: Line, left: int, top: int) -> None:
    """A faint straight rule where the baseline runs on average, across the page."""
    y = top + round(float(np.mean([point[1] for point in line.baseline])))
    thickness = max(1, round(line.hand.scale * 16))
    if y + thickness < len(levels):
        levels[y : y + thickness] *= np.array([0.80, 0.86, 0.92], np.float32)
