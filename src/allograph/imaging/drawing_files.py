"""Drawings as files of lines: SVG outlines, SVG strokes for plotters, JSON and InkML."""

from __future__ import annotations

__all__ = ["ENDINGS", "DrawingFormat", "encode", "ending_of"]

import json
import re
from typing import Literal, get_args
from xml.sax.saxutils import quoteattr

import numpy as np

from allograph.errors import AllographError
from allograph.imaging.curves import fit_open
from allograph.imaging.outline import outline_svg
from allograph.imaging.strokes import Stroke, strokes_of
from allograph.imaging.style import RenderStyle
from allograph.imaging.symbols import SymbolStyle
from allograph.runtime.files import png

DrawingFormat = Literal["png", "svg", "svg-strokes", "json", "inkml"]
"""`svg`: filled outlines; `svg-strokes`: centre lines, a path a stroke; `json`, `inkml`: the same as points."""

_ENDINGS: dict[DrawingFormat, str] = {"svg-strokes": ".strokes.svg"}

_TOLERANCE = 0.08
"""Largest distance of a path from a stroke's points, as a share of the pen's width."""


def ending_of(kind: DrawingFormat) -> str:
    """The endings of such files; those of strokes differ from those of outlines."""
    return _ENDINGS.get(kind, f".{kind}")


ENDINGS = "|".join(re.escape(ending_of(kind)) for kind in get_args(DrawingFormat))
"""All of them, as a regular expression."""


def encode(kind: DrawingFormat, values: np.ndarray, style: RenderStyle, size: int | None = None) -> bytes:
    """The drawing with the values (C, S, S), which `RenderStyle.render` takes, as a file of this kind.

    Coordinates are pixels of the picture that `render` would make. Strokes stand in the order of drawing.

    Raises:
        AllographError: the drawing is not ink on paper, so it has no lines.
    """
    if kind == "png":
        return png(style.render(values, size), runs=True)
    if not isinstance(style, SymbolStyle):
        raise AllographError(f"this model draws pictures, which have no lines; leave out --format {kind}")
    if kind == "svg":
        return outline_svg(values, style, size).encode()
    zoom = 1.0 if size is None else size / max(style.width, style.height)
    extent = max(1, round(style.width * zoom)), max(1, round(style.height * zoom))
    strokes = strokes_of(values, style, size)
    if kind == "svg-strokes":
        return _svg(strokes, extent, style).encode()
    return (_json(strokes, extent) if kind == "json" else _inkml(strokes, extent)).encode()


def _svg(strokes: list[Stroke], extent: tuple[int, int], style: SymbolStyle) -> str:
    width, height = extent
    red, green, blue, _ = style.ink
    paths = "".join(
        f"<path d='{_path(stroke)}' stroke-width='{float(np.median(stroke.widths)):.2f}'/>\n" for stroke in strokes
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>\n"
        f"<g fill='none' stroke='#{red:02x}{green:02x}{blue:02x}' stroke-linecap='round' stroke-linejoin='round'>\n"
        f"{paths}</g>\n</svg>\n"
    )


def _path(stroke: Stroke) -> str:
    points = stroke.points
    if len(points) == 1:  # a dot: the shortest of lines, which a round pen makes one
        return f"M{_pair(points[0])}l0.01,0"
    curves = fit_open(points, _TOLERANCE * float(np.median(stroke.widths)))
    pieces = "".join(f"C{_pair(c[1])} {_pair(c[2])} {_pair(c[3])}" for c in curves)
    return f"M{_pair(points[0])}{pieces}{'Z' if stroke.closed else ''}"


def _json(strokes: list[Stroke], extent: tuple[int, int]) -> str:
    document = {
        "width": extent[0],
        "height": extent[1],
        "strokes": [
            {
                "points": np.round(stroke.points, 2).tolist(),
                "widths": np.round(stroke.widths, 2).tolist(),
                "closed": stroke.closed,
            }
            for stroke in strokes
        ],
    }
    return json.dumps(document, separators=(",", ":")) + "\n"


def _inkml(strokes: list[Stroke], extent: tuple[int, int]) -> str:
    """Traces of X, Y and the width of the tip, W."""
    channels = "".join(f"<channel name={quoteattr(name)} type='decimal' units='px'/>" for name in ("X", "Y", "W"))
    traces = "".join(
        "<trace>"
        + ", ".join(f"{x:.2f} {y:.2f} {w:.2f}" for (x, y), w in zip(stroke.points, stroke.widths, strict=True))
        + "</trace>\n"
        for stroke in strokes
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n<ink xmlns='http://www.w3.org/2003/InkML'>\n"
        f"<traceFormat>{channels}</traceFormat>\n<annotation type='width'>{extent[0]}</annotation>\n"
        f"<annotation type='height'>{extent[1]}</annotation>\n{traces}</ink>\n"
    )


def _pair(point: np.ndarray) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"
