"""The traced outline of a drawing: smooth closed curves around its ink, and the SVG file that they make."""

from __future__ import annotations

__all__ = ["outline", "outline_svg"]

import numpy as np

from allograph.imaging.render import StrokeField, placed, stroke_field
from allograph.imaging.style import WHOLE, Square, StrokeStyle

_SPACING = 0.8
"""Distance between two points of a curve, in model pixels: a third of the pen's width."""

_FEWEST = 6
"""Points of a curve, for the smallest of dots."""


def outline(field: StrokeField, square: Square = WHOLE, side: int = 0) -> str:
    """SVG path data of the edge of the ink, in model pixels, (0, 0) the upper left corner of the model's image.

    `field` is what `stroke_field` makes. If the image is a `square` of another one, in shares of its `side`, that one's
    upper left corner is (0, 0), and its pixels are the unit. Each edge is a closed uniform quadratic B-spline near its
    zero line; holes are edges of their own, so the path is filled by the even-odd rule.
    """
    from skimage.measure import find_contours

    closed = np.pad(field.values, 1, constant_values=-1.0)  # ink that runs out of the field ends at its rim
    curves = []
    for contour in find_contours(closed, 0.0):
        points = (contour[:-1, ::-1] - 1 + 0.5) / field.fineness + (field.left, field.top)  # of pixel centres, x, y
        if len(points) >= 3:
            curves.append(_curve(_evenly(points) * square[2] + side * np.array(square[:2])))
    return "".join(curves)


def outline_svg(image: np.ndarray, style: StrokeStyle, size: int | None = None) -> str:
    """An SVG document of the drawing with logits (1, S, S): what `RenderStyle.render` draws, as an outline."""
    zoom = 1.0 if size is None else size / max(style.width, style.height)
    width, height = (max(1, round(side * zoom)) for side in (style.width, style.height))
    field = stroke_field(image[0], style)
    left, top, scale = placed(field, image.shape[-1], style, zoom, (width, height))
    paper = "" if style.paper[3] == 0 else f"<rect width='{width}' height='{height}' {_fill(style.paper)}/>"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>"
        f"{paper}<path transform='matrix({scale:.5g} 0 0 {scale:.5g} {left:.3f} {top:.3f})' fill-rule='evenodd' "
        f"{_fill(style.ink)} d='{outline(field)}'/></svg>\n"
    )


def _fill(colour: tuple[int, int, int, int]) -> str:
    red, green, blue, alpha = colour
    opacity = "" if alpha == 255 else f" fill-opacity='{alpha / 255:.3f}'"
    return f"fill='#{red:02x}{green:02x}{blue:02x}'{opacity}"


def _evenly(points: np.ndarray) -> np.ndarray:
    """Points (m, 2) on the closed polygon through `points`, as far from each other along it."""
    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    count = max(_FEWEST, round(along[-1] / _SPACING))
    wanted = np.arange(count) * along[-1] / count
    return np.stack([np.interp(wanted, along, closed[:, axis]) for axis in (0, 1)], -1)


def _curve(points: np.ndarray) -> str:
    """The closed spline through `points`.

    In the middle of its pieces, a spline with control points c has the values c + D²c / 8, D²c the second difference.
    So with c = p - D²p / 8 it passes through p, except for terms of the fourth order.
    """
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    control = points + (2 * points - before - after) / 8
    ends = (control + np.roll(control, -1, axis=0)) / 2
    pieces = (f"Q{_number(c)} {_number(e)}" for c, e in zip(control, ends, strict=True))
    return f"M{_number(ends[-1])}{''.join(pieces)}Z"


def _number(point: np.ndarray) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"
