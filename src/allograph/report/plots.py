"""Plots of figures with their standard errors, drawn with Pillow: points, lines and a legend on light paper."""

from __future__ import annotations

__all__ = ["INK", "Mark", "Plot", "Series", "font", "render_plot", "ticks"]

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

INK = (38, 38, 40)
"""The colour of text."""

_FAINT, _GRID = (110, 110, 114), (226, 226, 228)
_COLOURS = ((13, 126, 132), (200, 80, 30), (70, 70, 74), (120, 84, 168), (46, 110, 190), (150, 130, 20), (190, 50, 110))
_FINE = 2
"""Pixels of the result for each unit of length, so that it prints well."""
_OVER = 2
"""Pixels drawn for each of the result's, so that edges are smooth."""
_LEFT, _TOP, _BOTTOM, _LEGEND = 78, 46, 60, 250
_LETTERS = 30
"""Of a name in the legend, in a line."""


@dataclass(frozen=True)
class Mark:
    """A point with standard errors, drawn as bars of one error either way."""

    x: float
    y: float
    x_error: float = 0.0
    y_error: float = 0.0


@dataclass(frozen=True)
class Series:
    """Marks of one name and colour (a number, from 0); ``joined`` by a line in their order."""

    name: str
    marks: Sequence[Mark]
    colour: int = 0
    shape: Literal["dot", "ring", "square", "diamond", "cross"] = "dot"
    joined: bool = False


@dataclass(frozen=True)
class Plot:
    """One picture; ``names`` stand under x = 0, 1, 2 ... where those are no numbers; a value in ``include`` is always
    within the range of y, in ``include_x`` of x; ``whole_x``: x counts, so no tick lies between two numbers."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    names: Sequence[str] = ()
    include: Sequence[float] = ()
    include_x: Sequence[float] = ()
    whole_x: bool = False
    size: tuple[int, int] = (860, 440)


def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The letters of all pictures, which come with Pillow."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def ticks(low: float, high: float, count: int = 6, least: float = 0.0) -> list[float]:
    """Round numbers, steps of 1, 2 or 5 times a power of ten and at least ``least`` apart, that span ``low`` to
    ``high``; around a single number, a tenth of it or 1 to either side."""
    if high - low < 1e-6 * max(1.0, abs(high)):
        around = max(1.0, abs(high) / 10)
        low, high = low - around, high + around
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / count))
    step = max(least, next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= count))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def render_plot(plot: Plot) -> Image.Image:
    """The plot as a picture, `_FINE` pixels for each unit of its size."""
    from PIL import Image, ImageDraw

    unit = _FINE * _OVER
    width, height = plot.size
    page = Image.new("RGB", (width * unit, height * unit), "white")
    draw = ImageDraw.Draw(page)
    marks = [mark for series in plot.series for mark in series.marks]
    ys = [mark.y + side * mark.y_error for mark in marks for side in (-1, 1)] + [*plot.include]
    across = [mark.x + side * mark.x_error for mark in marks for side in (-1, 1)] + [*plot.include_x]
    y_ticks = ticks(*_range(ys))
    x_ticks = (
        list(map(float, range(len(plot.names)))) if plot.names else ticks(*_range(across), least=float(plot.whole_x))
    )
    x_low, x_high = (-0.5, len(plot.names) - 0.5) if plot.names else (x_ticks[0], x_ticks[-1])
    right, bottom = width - _LEGEND, height - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        down = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return (
            (_LEFT + (x - x_low) / (x_high - x_low) * (right - _LEFT)) * unit,
            (bottom - down * (bottom - _TOP)) * unit,
        )

    def text(x: float, y: float, words: str, anchor: str, size: float = 13, colour: tuple[int, int, int] = INK) -> None:
        draw.text((x * unit, y * unit), words, colour, font(size * unit), anchor)

    text(_LEFT, 20, plot.title, "lm", 16)
    for value in y_ticks:
        _, y = place(x_low, value)
        draw.line((_LEFT * unit, y, right * unit, y), _GRID, unit)
        text(_LEFT - 8, y / unit, _number(value, y_ticks), "rm", colour=_FAINT)
    for number, value in enumerate(x_ticks):
        x, _ = place(value, y_ticks[0])
        words = plot.names[number] if plot.names else _number(value, x_ticks)
        text(x / unit, bottom + 9, words, "ma", colour=_FAINT)
    draw.line((_LEFT * unit, bottom * unit, right * unit, bottom * unit), _FAINT, unit)
    text((_LEFT + right) / 2, height - 16, plot.x_label, "mm")
    sideways = Image.new("L", (round((bottom - _TOP) * unit), 20 * unit), 0)
    ImageDraw.Draw(sideways).text((sideways.width / 2, sideways.height / 2), plot.y_label, 255, font(13 * unit), "mm")
    page.paste(INK, (8 * unit, _TOP * unit), sideways.rotate(90, expand=True))
    y = _TOP + 10
    for series in plot.series:
        _draw_series(draw, series, place, unit)
        _shape(draw, ((right + 24) * unit, y * unit), series, unit)
        for words in textwrap.wrap(series.name, _LETTERS):
            text(right + 36, y, words, "lm")
            y += 16
        y += 6
    return page.resize((width * _FINE, height * _FINE), Image.Resampling.LANCZOS)


def _range(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    return min(finite), max(finite)


def _number(value: float, among: Sequence[float]) -> str:
    step = among[1] - among[0] if len(among) > 1 else 1.0
    return f"{value + 0.0:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def _draw_series(
    draw: ImageDraw.ImageDraw, series: Series, place: Callable[[float, float], tuple[float, float]], unit: int
) -> None:
    colour = _colour(series)
    if series.joined and len(series.marks) > 1:
        draw.line([place(mark.x, mark.y) for mark in series.marks], colour, 2 * unit, joint="curve")
    for mark in series.marks:
        for dx, dy in ((mark.x_error, 0.0), (0.0, mark.y_error)):
            if dx or dy:
                draw.line([place(mark.x - dx, mark.y - dy), place(mark.x + dx, mark.y + dy)], colour, round(1.5 * unit))
        _shape(draw, place(mark.x, mark.y), series, unit)


def _shape(draw: ImageDraw.ImageDraw, at: tuple[float, float], series: Series, unit: int) -> None:
    x, y = at
    r = 5 * unit
    colour = _colour(series)
    match series.shape:
        case "dot":
            draw.ellipse((x - r, y - r, x + r, y + r), colour)
        case "ring":
            draw.ellipse((x - r, y - r, x + r, y + r), "white", colour, 2 * unit)
        case "square":
            draw.rectangle((x - r, y - r, x + r, y + r), colour)
        case "diamond":
            r = round(1.3 * r)
            draw.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour)
        case "cross":
            draw.line((x - r, y - r, x + r, y + r), colour, 2 * unit)
            draw.line((x - r, y + r, x + r, y - r), colour, 2 * unit)


def _colour(series: Series) -> tuple[int, int, int]:
    return _COLOURS[series.colour % len(_COLOURS)]
