"""From the model's logits back to a person's picture: smooth strokes of the right width, colour, size and place."""

from __future__ import annotations

__all__ = ["FINENESS", "MARGIN", "ink_coverage", "placed", "render", "stroke_field"]

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging.shapes import centre_line, distance_to, prune, signed_distance

if TYPE_CHECKING:
    from allograph.imaging.symbols import SymbolAppearance

FINENESS = 8
"""Strokes are smoothed on a raster with this many points per model pixel, across and down."""

MARGIN = 5
"""Model pixels kept around the model's image, so that strokes can grow beyond its rim."""

_SMOOTHING = 0.9
"""Standard deviation, in model pixels, of the blur that takes the staircase off the edges."""

_FINE_SMOOTHING = 0.5
"""The same for centre lines, which are smoother."""

_DOT = 2.0
"""Centre lines no longer than this, in model pixels, are not blurred: dots would fade."""

_LEAST_SHAVED = 0.4
"""What lies outside of the pen's stroke along the centre line is drawn too if it is this many model pixels deep..."""

_SHAVED = 0.8
"""...and deeper by this fraction of what the strokes lose in width, lest unevenness show beside thin strokes."""


def render(logits: np.ndarray, appearance: SymbolAppearance, size: int | None = None) -> Image.Image:
    """Return the drawing with logits (S, S) of ink as a picture like the exemplar's.

    It has the exemplar's pixel size (or `size` for its longer side), ink, paper, stroke width, scale and place. Edges
    are smooth at any size: they are the zero line of a distance field, antialiased over one pixel of the result. What
    would reach over the picture's rim is moved, and if it must be reduced, to lie inside.
    """
    longer = max(appearance.width, appearance.height)
    if size is not None and size < 1:
        raise AllographError(f"a drawing cannot be {size} pixels long; give a size of at least 1")
    zoom = 1.0 if size is None else size / longer
    width, height = (max(1, round(side * zoom)) for side in (appearance.width, appearance.height))
    field = stroke_field(logits, appearance)
    left, top, scale = placed(field, logits.shape[0], appearance, zoom, (width, height))
    coverage = ink_coverage(field, (left, top), scale, (width, height))
    colours = np.array([appearance.paper, appearance.ink], np.float32)
    if not appearance.has_alpha:
        colours = colours[:, :3]
    # The paper of a transparent sheet has the ink's own red, green and blue, so mixing leaves no fringe.
    table = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    levels = (colours[0] * (1 - table) + colours[1] * table).round().astype(np.uint8)
    return Image.fromarray(levels[(coverage * 255).round().astype(np.uint8)])


def stroke_field(logits: np.ndarray, appearance: SymbolAppearance) -> np.ndarray:
    """Return the signed distance to the edge of the ink, in model pixels, positive inside.

    Sampled `FINENESS` times per model pixel over the model's image and `MARGIN` pixels around it. The edge is where
    the probability of ink, interpolated with cubics, is 1/2, smoothed. The exemplar's pen goes along the centre lines
    of what that edge holds, and evenly, as pens do; where more was drawn than a stroke, the edge itself is moved by
    what the pen gains or loses.
    """
    from scipy import ndimage

    ink = 1 / (1 + np.exp(-np.clip(np.asarray(logits, np.float32), -30, 30)))
    ink = np.pad(ink, MARGIN)
    fine = Image.fromarray(ink).resize((ink.shape[1] * FINENESS, ink.shape[0] * FINENESS), Image.Resampling.BICUBIC)
    drawn = np.asarray(fine) > 0.5
    field = signed_distance(drawn) / FINENESS
    if not drawn.any():
        return field
    field = _with_areas_of(drawn, ndimage.gaussian_filter(field, _SMOOTHING * FINENESS))
    wanted, pen = appearance.stroke_width, appearance.pen_width
    line = prune(centre_line(field > 0), field * FINENESS)
    away = ndimage.gaussian_filter(distance_to(line) / FINENESS, _FINE_SMOOTHING * FINENESS)
    # Blurred with s, the distance |x| from a line is s sqrt(2/pi) exp(-x²/2s²) + x erf(x / s sqrt 2): corrected here,
    # so that the edge lies half a width from the line with slope one, however thin the stroke.
    s, half = _FINE_SMOOTHING, wanted / 2
    slope = math.erf(half / (s * math.sqrt(2)))
    level = s * math.sqrt(2 / math.pi) * math.exp(-half * half / (2 * s * s)) + half * slope
    stroke = np.maximum((level - away) / slope, half - distance_to(_short(line, _DOT * FINENESS)) / FINENESS)
    # Where strokes run together, as in the tip of a V, and in filled shapes, a centre line is less than was drawn: what
    # is left by shaving the edge fills it.
    shaved = _LEAST_SHAVED + _SHAVED * max(0.0, pen - wanted)
    return np.maximum(stroke, field + (wanted - pen) / 2 - shaved)


def _short(line: np.ndarray, length: float) -> np.ndarray:
    """Return the parts of a centre line with no more than `length` pixels."""
    from scipy import ndimage

    labels = np.zeros(line.shape, np.int32)
    ndimage.label(line, np.ones((3, 3)), output=labels)
    count = np.bincount(labels.ravel())
    return line & (count <= length)[labels]


def _with_areas_of(drawn: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Move the edge in the blurred distance `field` such that each connected part of `drawn` keeps its area.

    A blur takes from the outside of every bend: a little from a stroke, all from a dot. The field gains around each
    part, among the points nearer to it than to others, what makes as many of them positive as there were.
    """
    from scipy import ndimage

    labels = np.zeros(drawn.shape, np.int32)
    ndimage.label(drawn, np.ones((3, 3)), output=labels)
    nearest = np.asarray(ndimage.distance_transform_edt(~drawn, return_distances=False, return_indices=True))
    owner = labels[tuple(nearest)]
    areas = np.bincount(labels.ravel())
    gain = np.zeros(len(areas), np.float32)
    for part in range(1, len(areas)):
        values = field[owner == part]
        gain[part] = -np.partition(values, -areas[part])[-areas[part]]
    return field + gain[owner]


def ink_coverage(field: np.ndarray, corner: tuple[float, float], scale: float, size: tuple[int, int]) -> np.ndarray:
    """Return how much of each pixel is ink, float32 (height, width) in [0, 1], of a picture of `size` (width, height).

    `corner` is where the model's image has its upper left corner, in pixels of the picture, `scale` how many of them a
    model pixel is wide.
    """
    width, height = size
    coverage = np.zeros((height, width), np.float32)
    step = FINENESS / scale  # of the field per pixel of the picture
    start = [c - MARGIN * scale for c in corner]
    x0, y0 = (max(0, math.floor(s)) for s in start)
    x1, y1 = (min(limit, math.ceil(s + n / step)) for s, n, limit in zip(start, field.shape[::-1], size, strict=True))
    if x1 <= x0 or y1 <= y0:
        return coverage
    depth = 3.0  # model pixels outside of all ink; Pillow fills with zero beyond the field
    lifted = Image.fromarray(np.maximum(field + depth, 0).astype(np.float32))
    # Pillow maps pixel centres: x_field = step * (x + 1/2) + offset.
    matrix = (step, 0.0, step * (x0 - start[0]), 0.0, step, step * (y0 - start[1]))
    part = lifted.transform((x1 - x0, y1 - y0), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    coverage[y0:y1, x0:x1] = np.clip((np.asarray(part) - depth) * scale + 0.5, 0, 1)
    return coverage


def placed(
    field: np.ndarray, side: int, appearance: SymbolAppearance, zoom: float, size: tuple[int, int]
) -> tuple[float, float, float]:
    """Return the left and top of the model's image in the picture and the pixels per model pixel, all ink inside."""
    left, top, frame = (zoom * v for v in appearance.frame)
    scale = frame / side
    inside = field > 0
    if not inside.any():
        return left, top, scale
    spans = [np.nonzero(inside.any(axis))[0] for axis in (0, 1)]
    first, last = ([s[end] / FINENESS - MARGIN for s in spans] for end in (0, -1))
    rim = min(1.0, 0.05 * min(size))
    for span, limit in zip(np.subtract(last, first), size, strict=True):
        scale = min(scale, (limit - 2 * rim) / max(span, 1e-6))
    corner = []
    for start, low, high, limit in zip((left, top), first, last, size, strict=True):
        start += (frame / side - scale) * (low + high) / 2  # reduced about its own middle
        start += max(0.0, rim - (start + low * scale)) - max(0.0, start + high * scale - (limit - rim))
        corner.append(float(start))
    return corner[0], corner[1], scale
