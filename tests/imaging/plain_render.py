"""Rendering as its definition says: exact distances on eight points a model pixel, all over the model's image."""

from __future__ import annotations

__all__ = ["plain_coverage"]

import math

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.morphology import skeletonize

from allograph.imaging.render import placed, stroke_field
from allograph.imaging.shapes import prune
from allograph.imaging.symbols import SymbolStyle

FINE, MARGIN = 8, 5


def plain_coverage(logits: np.ndarray, style: SymbolStyle) -> np.ndarray:
    """How much of each pixel of the picture is ink, (height, width) in [0, 1]."""
    size = style.width, style.height
    field = plain_field(logits, style)
    left, top, scale = placed(stroke_field(logits, style), len(logits), style, 1.0, size)
    step = FINE / scale
    matrix = (step, 0.0, step * (MARGIN * scale - left), 0.0, step, step * (MARGIN * scale - top))
    lifted = Image.fromarray(np.maximum(field + 3, 0).astype(np.float32))
    seen = lifted.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.clip((np.asarray(seen) - 3) * scale + 0.5, 0, 1)


def plain_field(logits: np.ndarray, style: SymbolStyle) -> np.ndarray:
    """The signed distance to the edge of the ink, in model pixels; see `stroke_field` for what all this is."""
    ink = np.pad(1 / (1 + np.exp(-np.asarray(logits, np.float32))), MARGIN)
    fine = Image.fromarray(ink).resize((ink.shape[1] * FINE, ink.shape[0] * FINE), Image.Resampling.BICUBIC)
    drawn = np.asarray(fine) > 0.5
    inside, outside = (ndimage.distance_transform_edt(mask).astype(np.float32) for mask in (drawn, ~drawn))
    edge = np.where(drawn, inside - 0.5, 0.5 - outside) / FINE
    much, little = (ndimage.gaussian_filter(edge, spread * FINE) for spread in (1.2, 0.4))
    field = np.minimum(little, np.maximum(much, little - 0.2))
    labels = ndimage.label(drawn, np.ones((3, 3)))[0]
    owner = labels[tuple(ndimage.distance_transform_edt(~drawn, return_distances=False, return_indices=True))]
    for part, area in enumerate(np.bincount(labels.ravel())[1:], 1):
        field[owner == part] -= np.sort(field[owner == part])[-area]
    line = prune(skeletonize(field > 0), field * FINE)
    wanted = style.stroke_width
    _lengthen(
        line,
        drawn,
        FINE * (style.pen_width - min(wanted, style.pen_width) * (1 - math.pi / 4)) / 2,
        round(FINE * style.pen_width),
    )
    to_line = ndimage.distance_transform_edt(~line).astype(np.float32)
    s, half = 0.5, wanted / 2
    slope = math.erf(half / (s * math.sqrt(2)))
    level = s * math.sqrt(2 / math.pi) * math.exp(-half * half / (2 * s * s)) + half * slope
    stroke = (level - np.maximum(ndimage.gaussian_filter(to_line, s * FINE), to_line - 0.5) / FINE) / slope
    dots = ndimage.label(line, np.ones((3, 3)))[0]
    short = line & (np.bincount(dots.ravel()) <= 2 * FINE)[dots]
    if (line & ~short).any():
        stroke -= min(max((_mean_width(stroke, line & ~short) - wanted) / 2, 0), 0.15)
    if short.any():
        stroke = np.maximum(stroke, half - ndimage.distance_transform_edt(~short) / FINE)
    lost = style.pen_width - wanted
    return np.maximum(stroke, field - lost / 2 - 0.4 - 0.8 * max(0.0, lost))


def _lengthen(line: np.ndarray, drawn: np.ndarray, before: float, reach: int) -> None:
    """Draw the centre line on, from each free end, until `before` pixels from where the ink ends on that straight."""
    padded = np.pad(line, 1)
    free = [(y, x) for y, x in np.argwhere(line) if padded[y : y + 3, x : x + 3].sum() == 2]
    further = []
    for y, x in free:
        points = [(v, u) for v, u in np.argwhere(line) if max(abs(v - y), abs(u - x)) <= reach]
        down, across = np.array([y, x]) - np.mean(points, axis=0)
        length = math.hypot(down, across)
        if length < 1:
            continue
        steps = [(round(y + k * down / length), round(x + k * across / length)) for k in range(1, 2 * reach)]
        steps = [at for at in steps if 0 <= at[0] < line.shape[0] and 0 <= at[1] < line.shape[1]]
        if not all(drawn[at] for at in steps):
            first = next(k for k, at in enumerate(steps) if not drawn[at])
            further += steps[: max(0, round(first - before))]
    for at in further:
        line[at] = True


def _mean_width(field: np.ndarray, line: np.ndarray) -> float:
    """The mean width of the ink at the points of the line, in model pixels, without those 1.3 times the middle one."""
    ink = np.clip(FINE * field + 0.5, 0, 1)

    def cut(row: np.ndarray, place: int) -> float:
        total = 0.0
        for side in (row[place:], row[:place][::-1]):
            total += side[: int(np.argmax(np.append(side, 0) == 0))].sum()
        return total

    points = [(y, x) for y, x in np.argwhere(line) if field[y, x] > 0]
    widths = sorted(1 / math.hypot(1 / cut(ink[y], x), 1 / cut(ink[:, x], y)) for y, x in points)
    middle = widths[(len(widths) - 1) // 2]
    return float(np.mean([w for w in widths if middle / 1.3 <= w <= middle * 1.3])) / FINE
