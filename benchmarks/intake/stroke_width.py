"""The stroke width transform, to be measured beside ours: from edge to edge along the gradient.

Epshtein, Ofek and Wexler, *Detecting Text in Natural Scenes with Stroke Width Transform* (CVPR 2010).
"""

from __future__ import annotations

__all__ = ["swt_mask", "swt_width", "transform"]

import numpy as np
from scipy import ndimage
from skimage.feature import canny

_WIDEST = 1 / 4
"""The widest stroke, as a share of the longer side."""

_OPPOSITE = np.cos(np.pi / 6)
"""A ray ends at an edge whose gradient is opposite to its own, to 30 degrees."""

_EVEN = 0.5
"""A component is a stroke if the spread of its widths is at most this share of their mean."""


def transform(grey: np.ndarray) -> np.ndarray:
    """The width in pixels of the stroke that each pixel of dark ink is on, (h, w); 0 where no ray passed.

    From every edge pixel a ray goes against the gradient, into the dark, to the next edge. If that faces the first, all
    pixels between have the ray's length, or a shorter ray's; a second pass caps each ray at its median, so that corners
    do not widen.
    """
    edges = canny(grey, sigma=1.0)
    smooth = ndimage.gaussian_filter(grey, 1.0)
    gradient = np.stack([ndimage.sobel(smooth, axis) for axis in (0, 1)], axis=-1)
    direction = -gradient / np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-9)
    starts = np.argwhere(edges)
    heading = direction[edges]
    reach = np.arange(1, max(3, round(_WIDEST * max(grey.shape))) + 1)
    along = np.rint(starts[:, None] + reach[None, :, None] * heading[:, None]).astype(int)
    outside = ((along < 0) | (along >= grey.shape)).any(-1)
    rows, columns = (along[..., axis].clip(0, grey.shape[axis] - 1) for axis in (0, 1))
    moved = (along != starts[:, None]).any(-1)
    hit = (edges[rows, columns] & moved) | outside
    last = hit.argmax(1)
    ray = np.arange(len(starts))
    end = rows[ray, last], columns[ray, last]
    faces = (direction[end] * heading).sum(-1) <= -_OPPOSITE
    kept = hit.any(1) & ~outside[ray, last] & faces
    width = np.full(grey.shape, np.inf)
    inside = kept[:, None] & (reach - 1 <= last[:, None])
    for values in (np.broadcast_to(reach[last][:, None] + 1.0, inside.shape), None):  # from edge pixel to edge pixel
        if values is None:  # the second pass: each ray's median, of what the first left
            values = np.where(inside, width[rows, columns], np.nan)
            values[~kept] = 0
            values = np.broadcast_to(np.nanmedian(values, axis=1)[:, None], inside.shape)
        np.minimum.at(width, (rows[inside], columns[inside]), values[inside])
    width[~np.isfinite(width)] = 0
    return width


def swt_mask(grey: np.ndarray) -> np.ndarray:
    """The pixels on strokes of nearly even width: components of the transform, joined where widths differ less than
    threefold in the paper, here by touching alone."""
    width = transform(grey)
    labels, count = ndimage.label(width > 0, np.ones((3, 3)))
    if not count:
        return width > 0
    index = np.arange(1, count + 1)
    mean, spread = (measure(width, labels, index) for measure in (ndimage.mean, ndimage.standard_deviation))
    even = np.concatenate([[False], np.asarray(spread) <= _EVEN * np.asarray(mean)])
    return even[labels]


def swt_width(grey: np.ndarray, mask: np.ndarray) -> float:
    """The median width of the ink, in pixels; 0 where no ray passed."""
    widths = transform(grey)[mask]
    return float(np.median(widths[widths > 0])) if (widths > 0).any() else 0.0
