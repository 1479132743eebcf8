"""The exemplar's pen, drawn along the centre lines of what a model drew."""

from __future__ import annotations

__all__ = ["drawn_with_pen"]

import math

import numpy as np

from allograph.imaging.shapes import distance_transform, ink_box, prune, skeleton, smoothed
from allograph.imaging.style import StrokeStyle
from allograph.imaging.widths import usual_width, widths_across

_SMOOTHING = 0.5
"""Standard deviation, in model pixels, of the blur of the distance from the centre line."""

_STEPS = 0.15
"""The steps of a slanting line come nearer to the points beside it than a straight line would, so that its stroke is up
to this much too wide on either side, in model pixels."""

_DOT = 2.0
"""Centre lines no longer than this, in model pixels, are not blurred: dots would fade."""

_LEAST_SHAVED = 0.4
"""What lies outside of the pen's stroke along the centre line is drawn too if it is this many model pixels deep..."""

_SHAVED = 0.8
"""...and deeper by this fraction of what the strokes lose in width, lest unevenness show beside thin strokes."""


def drawn_with_pen(field: np.ndarray, drawn: np.ndarray, style: StrokeStyle, fineness: int, reach: int) -> np.ndarray:
    """Return the signed distance to the edge of the ink as the exemplar's pen draws it, float32 (h, w).

    `field` is that distance as the model's pen drew it. Both are in model pixels, sampled `fineness` times in each,
    positive inside, and exact within `reach` samples of the edge. The pen goes as far as the ink that was `drawn`, bool
    (h, w), which the smooth field does not reach.
    """
    wanted, pen = style.stroke_width, style.pen_width
    line = prune(skeleton(field > 0), field * fineness)
    # A round end covers less than a square one: drawn a little farther, it covers as much.
    round_off = (1 - math.pi / 4) * min(wanted, pen)
    _lengthen(line, drawn, fineness * (pen - round_off) / 2, round(fineness * pen))
    exact = distance_transform(line, reach) / fineness
    # Between two strokes the distance is largest: the blur would lower it there, and so close the slit. To take off the
    # steps of a line, half a point is enough.
    away = np.maximum(smoothed(exact, _SMOOTHING * fineness), exact - 0.5 / fineness)
    # Blurred with s, the distance |x| from a line is s sqrt(2/pi) exp(-x²/2s²) + x erf(x / s sqrt 2): corrected here,
    # so that the edge lies half a width from the line with slope one, however thin the stroke.
    s, half = _SMOOTHING, wanted / 2
    slope = math.erf(half / (s * math.sqrt(2)))
    level = s * math.sqrt(2 / math.pi) * math.exp(-half * half / (2 * s * s)) + half * slope
    stroke = (level - away) / slope
    short = _short(line, _DOT * fineness)
    if (long := line & ~short & (stroke > 0)).any():
        width = usual_width(widths_across(np.clip(fineness * stroke + 0.5, 0, 1), long)) / fineness
        stroke += np.clip((wanted - width) / 2, -_STEPS, 0)
    if short.any():
        stroke = np.maximum(stroke, half - distance_transform(short, reach) / fineness)
    # Where strokes run together, as in the tip of a V, and in filled shapes, a centre line is less than was drawn: what
    # is left by shaving the edge fills it.
    shaved = _LEAST_SHAVED + _SHAVED * max(0.0, pen - wanted)
    return np.maximum(stroke, field + (wanted - pen) / 2 - shaved)


def _lengthen(line: np.ndarray, drawn: np.ndarray, before: float, reach: int) -> None:
    """Let a centre line go straight on from its free ends until it is `before` pixels from where the drawn ink ends.

    An end's direction is that from the middle of the line within `reach` pixels of it. The line stays as it is where no
    ink ends within twice that distance.
    """
    from scipy import ndimage

    neighbours = ndimage.convolve(line.view(np.uint8), np.ones((3, 3), np.uint8), mode="constant")
    more = [np.zeros((0, 2), int)]
    for end in np.argwhere(line & (neighbours == 2)):
        first = np.maximum(end - reach, 0)
        near = np.argwhere(line[first[0] : end[0] + reach + 1, first[1] : end[1] + reach + 1]) + first
        course = end - near.mean(0)
        if (length := math.hypot(*course)) < 1:
            continue
        ahead = np.rint(end + np.arange(1, 2 * reach)[:, None] * course / length).astype(int)
        ahead = ahead[((ahead >= 0) & (ahead < line.shape)).all(1)]
        inside = drawn[tuple(ahead.T)]
        if not inside.all():
            more.append(ahead[: max(0, round(inside.argmin() - before))])
    line[tuple(np.concatenate(more).T)] = True


def _short(line: np.ndarray, length: float) -> np.ndarray:
    """Return the parts of a centre line with no more than `length` pixels."""
    from scipy import ndimage

    short, box = line.copy(), ink_box(line)
    labels = np.zeros(line[box].shape, np.int32)
    ndimage.label(line[box], np.ones((3, 3)), output=labels)
    parts = labels[line[box]]
    short[line] = (np.bincount(parts) <= length)[parts]
    return short
