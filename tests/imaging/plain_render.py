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
    field = ndimage.gaussian_filter(np.where(drawn, inside - 0.5, 0.5 - outside) / FINE, 0.9 * FINE)
    labels = ndimage.label(drawn, np.ones((3, 3)))[0]
    owner = labels[tuple(ndimage.distance_transform_edt(~drawn, return_distances=False, return_indices=True))]
    for part, area in enumerate(np.bincount(labels.ravel())[1:], 1):
        field[owner == part] -= np.sort(field[owner == part])[-area]
    line = prune(skeletonize(field > 0), field * FINE)
    to_line = ndimage.distance_transform_edt(~line).astype(np.float32)
    s, half = 0.5, style.stroke_width / 2
    slope = math.erf(half / (s * math.sqrt(2)))
    level = s * math.sqrt(2 / math.pi) * math.exp(-half * half / (2 * s * s)) + half * slope
    stroke = (level - ndimage.gaussian_filter(to_line / FINE, s * FINE)) / slope
    dots = ndimage.label(line, np.ones((3, 3)))[0]
    short = line & (np.bincount(dots.ravel()) <= 2 * FINE)[dots]
    if short.any():
        stroke = np.maximum(stroke, half - ndimage.distance_transform_edt(~short) / FINE)
    lost = style.pen_width - style.stroke_width
    return np.maximum(stroke, field - lost / 2 - 0.4 - 0.8 * max(0.0, lost))
