"""Strokes as shapes: signed distance, centre line, stroke width, specks."""

from __future__ import annotations

__all__ = [
    "centre_line",
    "distance_to",
    "main_width",
    "prune",
    "remove_specks",
    "resample",
    "signed_distance",
    "stroke_width",
]

import numpy as np


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel's centre to the edge of `mask`, in pixels, positive inside; float32.

    The edge runs midway between the pixels inside and outside, hence the half pixel.
    """
    from scipy import ndimage

    if mask.all() or not mask.any():
        return np.full(mask.shape, max(mask.shape) * (1.0 if mask.any() else -1.0), np.float32)
    inside = np.asarray(ndimage.distance_transform_edt(mask), np.float32)
    outside = np.asarray(ndimage.distance_transform_edt(~mask), np.float32)
    return np.where(mask, inside - 0.5, 0.5 - outside)


def centre_line(mask: np.ndarray) -> np.ndarray:
    """Return the one pixel wide centre line of the strokes in `mask` (skeleton of Zhang and Suen 1984).

    Every connected part keeps at least one pixel.
    """
    from skimage.morphology import skeletonize

    return skeletonize(mask)


def prune(line: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Drop the spurs of a centre line: branches that lead from a junction into a corner of a thick stroke.

    `depth` is the strokes' signed distance. A branch that runs out at the edge, within one and a half times the
    junction's own distance to it, fills a corner; one that ends in the middle of its stroke, however short, was drawn.
    """
    points = {(int(y), int(x)) for y, x in np.argwhere(line)}
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]

    def neighbours(point: tuple[int, int]) -> list[tuple[int, int]]:
        return [p for dy, dx in around if (p := (point[0] + dy, point[1] + dx)) in points]

    doomed: set[tuple[int, int]] = set()
    for end in [p for p in points if len(neighbours(p)) == 1]:
        branch, here = [end], end
        while True:
            onward = [p for p in neighbours(here) if p not in branch[-3:]]
            if len(onward) != 1:
                break
            here = onward[0]
            branch.append(here)
        if not onward:
            continue  # a stroke of its own, end to end
        if depth[end] < 0.5 * depth[here] and np.hypot(here[0] - end[0], here[1] - end[1]) < 1.5 * depth[here]:
            doomed.update(branch[:-1])
    pruned = line.copy()
    for y, x in doomed:
        pruned[y, x] = False
    return pruned


def distance_to(line: np.ndarray) -> np.ndarray:
    """Return the distance of each pixel's centre to the nearest pixel of `line`, in pixels; float32, large if empty."""
    from scipy import ndimage

    if not line.any():
        return np.full(line.shape, sum(line.shape), np.float32)
    return np.asarray(ndimage.distance_transform_edt(~line), np.float32)


def stroke_width(mask: np.ndarray, line: np.ndarray | None = None) -> float:
    """Return the width of the strokes in `mask`, in pixels: twice the median distance from centre line to edge."""
    line = centre_line(mask) if line is None else line
    return 2 * float(np.median(signed_distance(mask)[line])) if line.any() else 0.0


def main_width(mask: np.ndarray) -> float:
    """Return the width of the pen that drew most of the ink in `mask`, in pixels, whatever dust lies around it.

    The median of `stroke_width`, each point of the centre line weighted by the square of its distance to the edge. A
    width out of proportion to the longest part is that of a filled shape: the pen, which drew the dots and thin strokes
    beside it, is taken to be an eighth of that part's length, but no less than three tenths of the width.
    """
    from scipy import ndimage

    half = np.sort(signed_distance(mask)[centre_line(mask)])
    if not len(half):
        return 0.0
    weight = np.cumsum(half**2)
    width = 2 * float(half[np.searchsorted(weight, weight[-1] / 2)])
    labels = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)), output=labels)
    longest = max(side.stop - side.start for box in ndimage.find_objects(labels) for side in box)
    return float(np.clip(longest / 8, 0.3 * width, width))


def remove_specks(mask: np.ndarray, strength: np.ndarray, width: float) -> np.ndarray:
    """Drop what no pen of stroke width `width` draws, and what lies along the picture's edge.

    A connected part goes if it is smaller than a fifth of a dot of that pen, never reaches three quarters of the ink's
    strength (a smudge), or is a strip within a few pixels of the rim, as scanners and cut paper leave them. The largest
    part always stays.
    """
    from scipy import ndimage

    labels = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)), output=labels)
    count = int(labels.max())
    if count <= 1:
        return mask
    index = np.arange(1, count + 1)
    area = ndimage.sum_labels(mask, labels, index)
    peak = ndimage.maximum(strength, labels, index)
    depth = max(2, round(0.015 * max(mask.shape)))
    rim = np.ones(mask.shape, bool)
    rim[depth:-depth, depth:-depth] = False
    along = ndimage.mean(rim, labels, index)
    keep = (area >= 0.2 * np.pi / 4 * width**2) & (peak >= 0.75) & (along < 0.9)
    keep[np.argmax(np.where(keep, area, 0) if keep.any() else area)] = True
    return np.concatenate([[False], keep])[labels]


def resample(array: np.ndarray, box: tuple[float, float, float], size: int, fill: float) -> np.ndarray:
    """Return the square `box` = (left, top, side) of `array`, in its pixels, as (size, size); float32.

    Linear interpolation where it is enlarged, area average where it is reduced; outside of the array lies `fill`.
    """
    from PIL import Image

    left, top, side = box
    height, width = array.shape
    # Pillow scales boxes with fractional corners, but only boxes inside of the picture: pad by whole pixels first.
    before_x, before_y = max(0, int(np.ceil(-left)) + 1), max(0, int(np.ceil(-top)) + 1)
    after_x, after_y = (max(0, int(np.ceil(s + side - n)) + 1) for s, n in ((left, width), (top, height)))
    padded = np.pad(array.astype(np.float32), ((before_y, after_y), (before_x, after_x)), constant_values=fill)
    x, y = left + before_x, top + before_y
    # A small region keeps the cost independent of the size of the picture.
    x0, y0 = max(0, int(x) - 4), max(0, int(y) - 4)
    region = padded[y0 : int(np.ceil(y + side)) + 4, x0 : int(np.ceil(x + side)) + 4]
    x, y = x - x0, y - y0
    image = Image.fromarray(np.ascontiguousarray(region))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=(x, y, x + side, y + side)))
