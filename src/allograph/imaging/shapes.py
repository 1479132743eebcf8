"""Strokes as shapes: signed distance, centre line, specks."""

from __future__ import annotations

__all__ = [
    "despeckle",
    "distance_transform",
    "prune",
    "resample",
    "signed_distance",
    "skeleton",
    "smoothed",
]

import math

import numpy as np

from allograph.imaging.masks import components


def signed_distance(mask: np.ndarray, reach: int | None = None) -> np.ndarray:
    """Return the distance of each pixel's centre to the edge of `mask`, in pixels, positive inside; float32.

    The edge runs midway between the pixels inside and outside, hence the half pixel. `reach` limits the distances
    outside, see `distance_transform`; inside, all distances are exact.
    """
    if mask.all() or not mask.any():
        return np.full(mask.shape, max(mask.shape) * (1.0 if mask.any() else -1.0), np.float32)
    box = ink_box(mask, 1)
    paper = ~mask[box]
    if reach is None:
        inside = distance_transform(paper)
    else:
        deep = max(1, reach // 2)
        while (inside := distance_transform(paper, deep)).max() == deep:
            deep = 2 * deep
    distance = 0.5 - distance_transform(mask, reach)
    np.copyto(distance[box], inside - 0.5, where=mask[box])
    return distance


def skeleton(mask: np.ndarray) -> np.ndarray:
    """Return the one pixel wide centre line of the strokes in `mask` (skeleton of Zhang and Suen 1984).

    Every connected part keeps at least one pixel.
    """
    from skimage.morphology import skeletonize

    line, box = np.zeros(mask.shape, bool), ink_box(mask)
    line[box] = skeletonize(mask[box])
    return line


def ink_box(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """Return the rows and the columns between the first and the last that `mask` touches, and `margin` more."""
    spans = []
    for axis in (1, 0):
        held = np.flatnonzero(mask.any(axis))
        first, last = (int(held[0]), int(held[-1])) if len(held) else (0, -1)
        spans.append(slice(max(0, first - margin), last + 1 + margin))
    return spans[0], spans[1]


def prune(line: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Drop the spurs of a centre line: branches that lead from a junction into a corner of a thick stroke.

    `depth` is the strokes' signed distance. A branch that runs out at the edge, within one and a half times the
    junction's own distance to it, fills a corner; one that ends in the middle of its stroke, however short, was drawn.
    """
    pruned, box = line.copy(), ink_box(line)
    line, depth = line[box], depth[box]
    deepest = float(depth[line].max(initial=0.0))
    ends = np.argwhere(line & (_neighbours(line) == 1) & (depth < 0.5 * deepest))
    width, on = line.shape[1] + 2, np.pad(line, 1).tobytes()  # the rim spares asking what lies beyond
    around = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    doomed: set[int] = set()
    for y, x in ends.tolist():
        here = (y + 1) * width + x + 1
        branch = [here]
        while len(branch) < 4 * deepest:  # a longer way round is no corner's
            onward = [p for step in around if on[p := here + step] and p not in branch[-3:]]
            if len(onward) != 1:
                break
            here = onward[0]
            branch.append(here)
        else:
            continue
        if not onward:
            continue  # a stroke of its own, end to end
        down, across = here // width - 1, here % width - 1
        if depth[y, x] < 0.5 * depth[down, across] and math.hypot(down - y, across - x) < 1.5 * depth[down, across]:
            doomed.update(branch[:-1])
    for point in doomed:
        pruned[box][point // width - 1, point % width - 1] = False
    return pruned


def _neighbours(mask: np.ndarray) -> np.ndarray:
    """How many of the eight pixels around each are in `mask`."""
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    down = padded[:-2] + padded[1:-1] + padded[2:]
    return down[:, :-2] + down[:, 1:-1] + down[:, 2:] - mask


def distance_transform(line: np.ndarray, reach: int | None = None) -> np.ndarray:
    """Return the distance of each pixel's centre to the nearest pixel of `line`, in pixels; float32, large if empty.

    With a short `reach`, which limits the distances, it takes a fraction of the time.
    """
    from scipy import ndimage

    if not line.any():
        return np.full(line.shape, sum(line.shape) if reach is None else reach, np.float32)
    if reach is not None:
        return np.sqrt(_squared_within(line, reach), dtype=np.float32)
    return np.asarray(ndimage.distance_transform_edt(~line), np.float32)


def _squared_within(mask: np.ndarray, reach: int) -> np.ndarray:
    """The squares of `distance_transform`: the distance within each row, then the least d_x² + d_y² of each column.

    Both are sought by moving the whole raster, one long row of small numbers, and taking what is less. What moves over
    a rim is lost in the columns added at the right.
    """
    height, width = mask.shape
    narrow, wide = (np.uint8, np.int16) if reach <= 120 else (np.int32, np.int32)  # must hold 2 reach; 2 reach²
    across = np.full((height, width + reach), reach, narrow)
    across[:, :width][mask] = 0
    across = across.ravel()
    step = 1
    while step < min(reach, across.size):  # every distance is a sum of powers of two
        np.minimum(across[step:], across[:-step] + narrow(step), out=across[step:])
        np.minimum(across[:-step], across[step:] + narrow(step), out=across[:-step])
        step *= 2
    across = across.astype(wide) ** 2
    squared = across.copy()
    for step in range(1, min(reach, height)):
        moved, by = across + wide(step * step), step * (width + reach)
        np.minimum(squared[by:], moved[:-by], out=squared[by:])
        np.minimum(squared[:-by], moved[by:], out=squared[:-by])
    return squared.reshape(height, width + reach)[:, :width]


def smoothed(field: np.ndarray, spread: float) -> np.ndarray:
    """Return float32 `field` blurred by a Gaussian with this standard deviation, in pixels.

    A wide one needs no fine raster: means of 2 x 2 pixels, which blur by 1/4 in variance, are blurred half as wide and
    enlarged by cubics.
    """
    from PIL import Image
    from scipy import ndimage

    if spread < 3:
        return ndimage.gaussian_filter(field, spread)
    height, width = field.shape
    even = np.pad(field, ((0, height % 2), (0, width % 2)), mode="edge")
    coarse = (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4
    coarse = Image.fromarray(smoothed(coarse, math.sqrt(spread**2 - 0.25) / 2))
    return np.asarray(coarse.resize(even.shape[::-1], Image.Resampling.BICUBIC))[:height, :width]


def despeckle(mask: np.ndarray, strength: np.ndarray, width: float, sheet: np.ndarray | None = None) -> np.ndarray:
    """Drop what no pen of stroke width `width` draws, and what lies along the edge of the sheet (h, w), else picture.

    A connected part goes if it is smaller than a fifth of a dot of that pen, never reaches three quarters of the ink's
    strength (a smudge), or is a strip within a few pixels of the rim, as scanners and cut paper leave them. The largest
    part always stays.
    """
    from scipy import ndimage

    labels, count = components(mask)
    if count <= 1:
        return mask
    ink = labels[mask]
    area = np.bincount(ink)[1:]
    peak = np.asarray(ndimage.maximum(strength[mask], ink, np.arange(1, count + 1)))
    depth = max(2, round(0.015 * max(mask.shape)))
    within = np.pad(np.ones(mask.shape, bool) if sheet is None else sheet, depth)
    rim = ~np.asarray(ndimage.minimum_filter(within, 2 * depth + 1), bool)[depth:-depth, depth:-depth]
    along = np.bincount(ink, rim[mask])[1:] / area
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
