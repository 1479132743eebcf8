"""How wide strokes are."""

from __future__ import annotations

__all__ = ["half_widths", "main_width", "stroke_width", "usual_width", "widths_across"]

import numpy as np

from allograph.imaging.masks import components
from allograph.imaging.shapes import ink_box, skeleton

_LARGE, _WIDE = 512, 8.0
"""In pixels: a symbol longer than this is large, and strokes with twice this half-width are wide."""

_ALIKE = 1.3
"""Widths that differ from the median by no more than this factor are those of single strokes, not of crossings."""


def stroke_width(mask: np.ndarray) -> float:
    """Return the width of the strokes in `mask`, in pixels.

    The `usual_width` of `widths_across` or, if it is more, as in dots, twice the median distance from centre line to
    edge. Wide strokes of a large symbol are measured on every other pixel.
    """
    if mask.all() or not mask.any():
        return float(mask.all()) * max(mask.shape)
    box = ink_box(mask, 1)
    mask = mask[box]
    if max(mask.shape) > _LARGE and (width := 2 * stroke_width(mask[::2, ::2])) >= 2 * _WIDE:
        return width
    line = skeleton(mask)
    return max(usual_width(widths_across(mask, line)), 2 * float(np.median(half_widths(mask, line))))


def usual_width(widths: np.ndarray) -> float:
    """Return the mean of the `widths` near their lower median."""
    middle = np.quantile(widths, 0.5, method="lower")
    return float(widths[(widths >= middle / _ALIKE) & (widths <= middle * _ALIKE)].mean())


def widths_across(ink: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return the width, in pixels, (n,) of the strokes in `ink` (h, w), shares of pixels, at the n points of `line`.

    A row cuts a straight stroke of width w, which runs at an angle a to it, in a piece of length h = w / sin a, a
    column in one of length v = w / cos a, so w = h v / sqrt(h² + v²): right on average along strokes much
    longer than wide. The distance from centre line to edge, from pixel to pixel, is up to a third too small where they
    slant.
    """
    across, down = _lengths_in_rows(ink, line)[line], _lengths_in_rows(ink.T, line.T).T[line]
    return across * down / np.hypot(across, down)


def _lengths_in_rows(ink: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The length of the piece of a row, without a gap in its ink, in which each point of `line` lies; else 0."""
    padded, points = (np.pad(one, [(0, 0), (1, 1)]) for one in (ink, line))
    rims = np.flatnonzero(np.diff(padded.ravel() > 0))  # before the first and at the last pixel of each piece
    sums = np.cumsum(padded, dtype=np.float64)
    last = np.searchsorted(rims, np.flatnonzero(points))
    lengths = np.zeros(padded.shape)
    lengths[points] = sums[rims[last]] - sums[rims[last - 1]]
    return lengths[:, 1:-1]


def half_widths(mask: np.ndarray, line: np.ndarray | None = None) -> np.ndarray:
    """The distance to the edge of each point of the centre line, the one found or `line`.

    Wide strokes of a large symbol are measured on every other pixel.
    """
    from scipy import ndimage

    if mask.all() or not mask.any():
        return np.full(int(mask.all()), float(max(mask.shape)))
    box = ink_box(mask, 1)
    mask = mask[box]
    if line is None and max(mask.shape) > _LARGE:
        half = 2 * half_widths(mask[::2, ::2]) + 0.5  # there, half a pixel was twice as much
        if half.size and np.median(half) >= _WIDE:
            return half
    line = skeleton(mask) if line is None else line[box]
    # Where ink reaches the rim, there is no edge: the distance is that to the nearest paper.
    return np.asarray(ndimage.distance_transform_edt(mask), np.float32)[line] - 0.5


def main_width(mask: np.ndarray) -> float:
    """Return the width of the pen that drew most of the ink in `mask`, in pixels, whatever dust lies around it.

    Twice the median distance from centre line to edge, each point weighted by the square of that distance. A width out
    of proportion to the longest part is that of a filled shape: the pen, which drew the dots and thin strokes beside
    it, is taken to be an eighth of that part's length, but no less than three tenths of the width.
    """
    from scipy import ndimage

    half = np.sort(half_widths(mask))
    if not len(half):
        return 0.0
    weight = np.cumsum(half**2)
    width = 2 * float(half[np.searchsorted(weight, weight[-1] / 2)])
    labels, _ = components(mask)
    longest = max(side.stop - side.start for box in ndimage.find_objects(labels) for side in box)
    return float(np.clip(longest / 8, 0.3 * width, width))
