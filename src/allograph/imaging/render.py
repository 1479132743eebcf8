"""From the model's logits back to a person's picture: smooth strokes of the right width, colour, size and place."""

from __future__ import annotations

__all__ = ["FINENESS", "StrokeField", "ink_coverage", "placed", "render", "stroke_field"]

import math
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging.homotopy import counts, residue
from allograph.imaging.masks import components
from allograph.imaging.pen import drawn_with_pen
from allograph.imaging.shapes import distance_transform, ink_box, signed_distance, smoothed
from allograph.imaging.style import Colour, StrokeStyle

FINENESS = 8
"""Strokes are smoothed on a raster with this many points per model pixel, across and down..."""

_LEAST_FINENESS = 4
"""...or fewer where the picture is small, but no fewer than this."""

_AROUND = 2.5
"""Model pixels kept around the ink beside half a stroke's width, so that blurs hardly feel the raster's rim."""

_SMOOTHING = 1.2
"""Standard deviation, in model pixels, of the wide blur, which takes the staircase off the edges."""

_LESS_SMOOTHING = 0.4
"""The same of the narrow blur, which leaves corners, ends and the slits between strokes where they are."""

_MOST_SHAVED = 0.2
"""The wide blur takes away no more than this many model pixels of what the narrow one leaves. It adds nothing, lest it
close slits."""

_WIDE_PIXEL = 0.5
"""Pixels of the picture that a model pixel is wide, below which coverage is a mean over each pixel."""

_UNSURE = 0.25
"""Gaps and holes whose pixels are ink with a higher probability may close, and joints likewise open."""

_NARROW = 0.25
"""Gaps and holes that are less than twice as wide, in model pixels, count as closed: they hardly show."""

_GAP, _GAP_OF_PEN = 1.2, 0.45
"""Gaps and holes that would close are so many model pixels wide, or such a share of the pen's width, at least."""


def render(logits: np.ndarray, style: StrokeStyle, size: int | None = None) -> Image.Image:
    """Return the drawing with logits (S, S) of ink as a picture like the exemplar's.

    It has the exemplar's pixel size (or `size` for its longer side), ink, paper, stroke width, scale and place. Edges
    are smooth at any size: they are the zero line of a distance field, antialiased over one pixel of the result. What
    would reach over the picture's rim is moved, and if it must be reduced, to lie inside.
    """
    longer = max(style.width, style.height)
    if size is not None and size < 1:
        raise AllographError(f"a drawing cannot be {size} pixels long; give a size of at least 1")
    zoom = 1.0 if size is None else size / longer
    width, height = (max(1, round(side * zoom)) for side in (style.width, style.height))
    field = stroke_field(logits, style, _fineness(zoom * style.frame[2] / logits.shape[0]))
    left, top, scale = placed(field, logits.shape[0], style, zoom, (width, height))
    coverage = ink_coverage(field, (left, top), scale, (width, height))
    levels = _levels(style.paper, style.ink, style.has_alpha)
    return Image.fromarray(levels.take((coverage * 255).round().astype(np.uint8), 0))


@lru_cache
def _levels(paper: Colour, ink: Colour, has_alpha: bool) -> np.ndarray:
    """Return the colours from paper to ink in 256 steps, uint8 (256, 3), with alpha (256, 4).

    The paper of a transparent sheet has the ink's own red, green and blue, so mixing leaves no fringe.
    """
    colours = np.array([paper, ink], np.float32)[:, : 4 if has_alpha else 3]
    table = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    return (colours[0] * (1 - table) + colours[1] * table).round().astype(np.uint8)


@dataclass(frozen=True)
class StrokeField:
    """The signed distance to the edge of the ink, in model pixels, positive inside, on a raster around the ink.

    - `values`: float32 (h, w)
    - `fineness`: points per model pixel, across and down
    - `left`, `top`: of the raster, in model pixels from the upper left corner of the model's image
    """

    values: np.ndarray
    fineness: int
    left: int
    top: int


def stroke_field(logits: np.ndarray, style: StrokeStyle, fineness: int = FINENESS) -> StrokeField:
    """Return the signed distance to the edge of the ink, of logits (S, S), sampled `fineness` times per model pixel.

    The edge is where the probability of ink, interpolated with cubics, is 1/2, smoothed. The exemplar's pen goes along
    the centre lines of what that edge holds, and evenly, as pens do; where more was drawn than a stroke, the edge
    itself is moved by what the pen gains or loses. Distances are right near the edge; far from it, too small.
    """
    ink = 1 / (1 + np.exp(-np.clip(np.asarray(logits, np.float32), -30, 30)))
    around = math.ceil(style.stroke_width / 2 + _AROUND)
    ink, left, top = _cut_out(ink, around)
    fine = Image.fromarray(ink).resize((ink.shape[1] * fineness, ink.shape[0] * fineness), Image.Resampling.BICUBIC)
    drawn = np.asarray(fine) > 0.5
    if not drawn.any():
        return StrokeField(np.full(drawn.shape, -_AROUND, np.float32), fineness, left, top)
    reach = (around - 1) * fineness
    edge = signed_distance(drawn, reach) / fineness
    narrow = smoothed(edge, _LESS_SMOOTHING * fineness)
    held = _with_areas_of(drawn, _smooth(edge, narrow, fineness))
    field = drawn_with_pen(held, drawn, style, fineness, reach)
    if any(counts(ink > 0.5) != counts(field > level) for level in (0, -_NARROW)):
        held = _as_connected(ink, held, narrow, style.pen_width, style.pen_width)
        field = drawn_with_pen(held, drawn, style, fineness, reach)
        field = _as_connected(ink, field, narrow, style.pen_width, style.stroke_width)
    return StrokeField(field, fineness, left, top)


def _smooth(edge: np.ndarray, narrow: np.ndarray, fineness: int) -> np.ndarray:
    """The distance `edge` widely blurred, but for corners, ends and slits, which stay as in the `narrow` blur."""
    wide = smoothed(edge, _SMOOTHING * fineness)
    return np.clip(wide, narrow - _MOST_SHAVED, narrow)


def _as_connected(ink: np.ndarray, field: np.ndarray, edge: np.ndarray, pen: float, stroke: float) -> np.ndarray:
    """The field with gaps, holes and joints where the model's pixels (`ink`, probabilities) surely have them.

    There the ink ends where it does in `edge`, the field with little smoothed, or earlier; what joins is as wide as the
    `stroke` of the field. `pen` is the width of the model's.
    """
    fineness = len(field) // len(ink)
    ink = ink.repeat(fineness, 0).repeat(fineness, 1)
    drawn = ink > 0.5
    depth = signed_distance(drawn)
    apart = residue(drawn, field > -_NARROW, depth) & ~drawn
    labels, number = components(apart | residue(drawn, field > 0, depth))
    unsure = np.bincount(labels.ravel(), np.abs(ink - drawn).ravel() > _UNSURE, number + 1) > 0
    left = (labels > 0) & ~unsure[labels]
    if (joint := left & drawn).any():
        field = np.maximum(field, stroke / 2 - distance_transform(joint) / fineness)
    if (gap := left & ~drawn).any():
        away = distance_transform(gap, 3 * fineness) / fineness
        least = max(_GAP, _GAP_OF_PEN * pen)
        opened = np.minimum(edge, away - least / 2)
        field = np.where(away < least + 0.3, np.minimum(field, opened), field)
    return field


def _cut_out(ink: np.ndarray, around: int) -> tuple[np.ndarray, int, int]:
    """Return the probabilities of ink with `around` pixels on each side of what may be drawn, and their left and top.

    Cubics between pixels rise above the largest of them by no more than a quarter.
    """
    held = ink_box(ink > 0.35)
    if not held[0].stop:
        return np.zeros((1, 1), np.float32), 0, 0
    (top, bottom), (left, right) = ((span.start - around, span.stop + around) for span in held)
    height, width = ink.shape
    sides = [(max(0, -top), max(0, bottom - height)), (max(0, -left), max(0, right - width))]
    return np.pad(ink[max(0, top) : bottom, max(0, left) : right], sides), left, top


def _fineness(scale: float) -> int:
    """Return the points per model pixel for a picture in which that is `scale` pixels wide: finer ones do not show.

    An even number: the middle of a model pixel lies between them, so that dots are drawn alike wherever they are.
    """
    return min(FINENESS, max(_LEAST_FINENESS, 2 * round(0.75 * scale)))


def _with_areas_of(drawn: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Move the edge in the blurred distance `field` such that each connected part of `drawn` keeps its area.

    A blur takes from the outside of every bend: a little from a stroke, all from a dot. The field gains around each
    part, among the points nearer to it than to others, what makes as many of them positive as there were.
    """
    from scipy import ndimage

    labels, box = np.zeros(drawn.shape, np.int32), ink_box(drawn)
    inside = np.zeros(drawn[box].shape, np.int32)  # its rows lie one after the other, as `label` wants them
    if ndimage.label(drawn[box], np.ones((3, 3)), output=inside) == 1:
        return field - _largest(field, int(drawn.sum()))
    labels[box] = inside
    nearest = np.asarray(ndimage.distance_transform_edt(~drawn, return_distances=False, return_indices=True))
    owner = labels[tuple(nearest)]
    areas = np.bincount(labels.ravel())
    gain = np.zeros(len(areas), np.float32)
    for part in range(1, len(areas)):
        values = field[owner == part]
        gain[part] = -_largest(values, int(areas[part]))
    return field + gain[owner]


def _largest(values: np.ndarray, count: int) -> float:
    """Return the smallest of the `count` largest values; of distances, which are sought among those near the edge."""
    near = values[values > -1]
    if len(near) < count:
        near = values.ravel()
    return np.partition(near, -count)[-count]


def ink_coverage(field: StrokeField, corner: tuple[float, float], scale: float, size: tuple[int, int]) -> np.ndarray:
    """Return how much of each pixel is ink, float32 (height, width) in [0, 1], of a picture of `size` (width, height).

    `corner` is where the model's image has its upper left corner, in pixels of the picture, `scale` how many of them a
    model pixel is wide. The field is read between its points by cubics; where pixels are much wider than the model's,
    each is the mean of many: a distance says nothing about the far parts of a wide pixel.
    """
    if scale < _WIDE_PIXEL:
        return _mean_coverage(field, corner, scale, size)
    height, width = size[1], size[0]
    coverage = np.zeros((height, width), np.float32)
    step = scale / field.fineness
    rows, down = _taps(corner[1] + field.top * scale, step, field.values.shape[0], height)
    columns, across = _taps(corner[0] + field.left * scale, step, field.values.shape[1], width)
    tall = reduce(np.add, (field.values[index] * weight[:, None] for index, weight in down))
    part = reduce(np.add, (tall[:, index] * weight for index, weight in across))
    coverage[rows, columns] = np.clip(part * scale + 0.5, 0, 1)
    return coverage


def _mean_coverage(field: StrokeField, corner: tuple[float, float], scale: float, size: tuple[int, int]) -> np.ndarray:
    """`ink_coverage` for wide pixels: on a finer raster around the ink, averaged."""
    fine = math.ceil(1 / scale)
    first = [math.floor(at + start * scale) for at, start in zip(corner, (field.left, field.top), strict=True)]
    count = [math.ceil(points * scale / field.fineness) + 2 for points in field.values.shape[::-1]]
    inner = tuple((at - start) * fine for at, start in zip(corner, first, strict=True))
    part = ink_coverage(field, (inner[0], inner[1]), scale * fine, (count[0] * fine, count[1] * fine))
    part = part.reshape(count[1], fine, count[0], fine).mean((1, 3))
    coverage = np.zeros((size[1], size[0]), np.float32)
    left, top = max(0, first[0]), max(0, first[1])
    right, bottom = min(size[0], first[0] + count[0]), min(size[1], first[1] + count[1])
    if left < right and top < bottom:
        coverage[top:bottom, left:right] = part[top - first[1] : bottom - first[1], left - first[0] : right - first[0]]
    return coverage


def _taps(start: float, step: float, points: int, limit: int) -> tuple[slice, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the pixels, of `limit`, that lie on a row of `points` from `start` on, each `step` pixels wide, and for
    each tap of a cubic (a = -1/2, as Pillow's) which point each of these pixels takes and how much of it."""
    first, last = max(0, math.ceil(start - 0.5)), min(limit, math.floor(start + points * step + 0.5))
    place = (np.arange(first, max(first, last)) + 0.5 - start) / step - 0.5
    before = np.floor(place)
    t = (place - before).astype(np.float32)
    u = 1 - t
    weights = (-t * u * u / 2, 1 - t * t * (5 - 3 * t) / 2, 1 - u * u * (5 - 3 * u) / 2, -u * t * t / 2)
    taps = [(np.clip(before.astype(int) + k, 0, points - 1), weight) for k, weight in enumerate(weights, -1)]
    return slice(first, max(first, last)), taps


def placed(
    field: StrokeField, side: int, style: StrokeStyle, zoom: float, size: tuple[int, int]
) -> tuple[float, float, float]:
    """Return the left and top of the model's image in the picture and the pixels per model pixel, all ink inside."""
    left, top, frame = (zoom * v for v in style.frame)
    scale = frame / side
    inside = field.values > 0
    if not inside.any():
        return left, top, scale
    spans = [np.flatnonzero(inside.any(axis)) for axis in (0, 1)]
    first, last = (
        [start + (s[end] - end) / field.fineness for s, start in zip(spans, (field.left, field.top), strict=True)]
        for end in (0, -1)
    )
    rim = min(1.0, 0.05 * min(size))
    for span, limit in zip(np.subtract(last, first), size, strict=True):
        scale = min(scale, (limit - 2 * rim) / max(span, 1e-6))
    corner = []
    for start, low, high, limit in zip((left, top), first, last, size, strict=True):
        start += (frame / side - scale) * (low + high) / 2  # reduced about its own middle
        start += max(0.0, rim - (start + low * scale)) - max(0.0, start + high * scale - (limit - rim))
        corner.append(float(start))
    return corner[0], corner[1], scale
