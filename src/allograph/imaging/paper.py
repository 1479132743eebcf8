"""What a picture would be without its ink: the paper under any light, and how far each pixel departs from it."""

from __future__ import annotations

__all__ = ["LUMINANCE", "MODELS", "TONES", "Model", "Tone", "departure", "resized"]

from typing import Literal

import numpy as np
from PIL import Image

from allograph.imaging.masks import dilated, eroded

Tone = Literal["dark", "light"]
TONES: tuple[Tone, ...] = ("dark", "light")

Model = Literal["surface", "near", "flat"]

MODELS: tuple[Model, ...] = ("surface", "near", "flat")
"""How the paper is known: a surface fitted to the sheet, what lies near each stroke, or the brightest of all."""

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)

_FIT_SIDE = 64
"""Light and shade vary slowly: the surface is fitted to a copy this long, in pixels..."""

_REFINE_SIDE = 96
"""...and refined on one of this length."""

_REACH = 0.1
"""Strokes up to this wide, as a share of the picture's longer side, are told from shadows."""

_CLOSING_SIDE = 512
"""A closing is made on a copy of about this length, in pixels, of the least of each block: so the edge of a shadow
stays where it is, for the paper is nowhere less than the picture."""

_GREY = 0.02
"""Added to what a departure is divided by: in the deepest shade nothing counts in full."""


def departure(colour: np.ndarray, sheet: np.ndarray, model: Model, tone: Tone) -> np.ndarray:
    """How far each pixel of `colour` (h, w, 3), of which `sheet` (h, w) counts, departs from its paper: float32 (h, w),
    in units of the range from black to white, positive towards ink of this tone, 0 beyond the sheet.

    "surface": the paper is a quadratic surface, fitted such that ink has no say, then refined by what is paper for sure
    nearby; ink is what departs along the one direction in colour space in which the sheet departs most. "near": the
    morphological closing of each channel (the opening, for light ink) with a square wider than the strokes, which
    follows shadows however hard; the departure is relative to it: ink in the shade counts as much as in the sun.
    "flat": the brightest (the darkest, for light ink) of the sheet; what is darker still than shadows is ink.
    """
    if model == "surface":
        strength = _from_surface(colour, sheet, tone)
    elif model == "near":
        strength = _relative(colour, sheet, tone)
    else:
        values = colour if tone == "dark" else 1 - colour
        paper = np.percentile(values[sheet], 97, axis=0) if sheet.any() else np.ones(3)
        strength = (paper - values) @ LUMINANCE
    return np.where(sheet, strength, 0).astype(np.float32)


def _relative(colour: np.ndarray, sheet: np.ndarray, tone: Tone) -> np.ndarray:
    from scipy import ndimage

    values = colour if tone == "dark" else 1 - colour
    block = max(1, round(max(sheet.shape) / _CLOSING_SIDE))
    small_sheet = _least(sheet, block)
    size = 2 * round(_REACH * max(small_sheet.shape) / 2) + 1
    departed = np.zeros(sheet.shape, np.float32)
    grey = float(np.abs(values - values[..., 1:2])[::3, ::3].max()) < 0.012
    for c in (1,) if grey else range(3):
        plane = np.ascontiguousarray(values[..., c])
        weight = 1.0 if grey else LUMINANCE[c]
        ground = np.min(plane, initial=1.0, where=sheet)
        known = np.where(sheet, ndimage.gaussian_filter(plane, 0.7), ground)
        paper = np.where(small_sheet, ndimage.maximum_filter(_least(known, block), size), 1.0)
        paper = ndimage.minimum_filter(paper, size).repeat(block, 0).repeat(block, 1)
        paper = np.maximum(paper[: known.shape[0], : known.shape[1]], known)
        if tone == "dark":
            departed += weight * (paper - plane) / (paper + _GREY)
        else:  # light ink does not grow lighter with the light on its paper
            departed += weight * (paper - plane)
    return departed


def _least(values: np.ndarray, block: int) -> np.ndarray:
    """The least of each block of `block` x `block` values; the blocks at the far edges reach beyond them."""
    if block == 1:
        return values
    height, width = values.shape
    padded = np.pad(values, ((0, -height % block), (0, -width % block)), mode="edge")
    rows = np.minimum.reduce([padded[i::block] for i in range(block)])
    return np.minimum.reduce([rows[:, i::block] for i in range(block)])


def _from_surface(colour: np.ndarray, sheet: np.ndarray, tone: Tone) -> np.ndarray:
    size = _coarse(colour.shape, _REFINE_SIDE)
    coarse, solid = resized(colour, size), resized(sheet.astype(np.float32), size) > 0.99
    if solid.sum() < 16:
        solid = resized(sheet.astype(np.float32), size) > 0.5
    paper, direction = _fit(coarse, solid, tone)
    for _ in range(2):
        strength = (coarse - paper) @ direction
        peak = float(strength[solid].max(initial=0.0))
        paper = _refined(coarse, paper, solid & (abs(strength) <= 0.25 * peak))
    along = direction.astype(np.float32)
    return colour @ along - resized(paper @ along, colour.shape[:2])


def _fit(colour: np.ndarray, solid: np.ndarray, tone: Tone) -> tuple[np.ndarray, np.ndarray]:
    """Fit the light on the paper and the unit direction in colour space that leads from paper to ink.

    Iteratively reweighted least squares with the weight 1 / (distance + e): the surface of least absolute distance,
    which an ink of less than half the weight cannot draw to itself. The rim weighs as much as the middle, for a symbol
    that fills the picture still leaves paper at the rim; and what is on the ink's side of the surface weighs less.
    """
    size = _coarse(colour.shape, _FIT_SIDE)
    small, within = resized(colour, size), resized(solid.astype(np.float32), size) > 0.5
    height, width = size
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)[within]
    pixels = small[within].astype(np.float64)
    if len(pixels) < 12:
        paper = np.median(colour.reshape(-1, 3), axis=0)
        return np.broadcast_to(paper, colour.shape), LUMINANCE / np.linalg.norm(LUMINANCE)
    rim = _rim(within)[within]
    prior = np.where(rim, 0.5 / max(rim.sum(), 1), 0.5 / max((~rim).sum(), 1))
    wanted = -1.0 if tone == "dark" else 1.0
    fitted = np.broadcast_to(_weighted_median(pixels, prior), pixels.shape)
    solution = np.zeros((6, 3))
    for _ in range(10):
        rest = pixels - fitted
        weight = prior / (np.linalg.norm(rest, axis=1) + 0.01)
        weight = np.where(wanted * (rest @ LUMINANCE) > 0, 0.3, 1.0) * weight
        weighted = basis.T * weight
        solution = np.linalg.lstsq(weighted @ basis, weighted @ pixels, rcond=None)[0]
        fitted = basis @ solution
    rest = pixels - fitted
    rest = rest[wanted * (rest @ LUMINANCE) > 0]
    direction = np.linalg.eigh(rest.T @ rest)[1][:, -1] if len(rest) else LUMINANCE.astype(np.float64)
    direction = direction / np.linalg.norm(direction)
    direction = direction * (1.0 if wanted * (direction @ LUMINANCE) >= 0 else -1.0)
    height, width = colour.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    full = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1) @ solution
    return full.astype(np.float32), direction


def _rim(within: np.ndarray) -> np.ndarray:
    """The outer twentieth of a sheet on each side."""
    return within & ~eroded(within, max(1, round(0.05 * min(within.shape))))


def _weighted_median(pixels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    order = np.argsort(pixels, axis=0)
    total = np.cumsum(weight[order], axis=0)
    return np.array([pixels[order[np.searchsorted(total[:, c], 0.5 * total[-1, c]), c], c] for c in range(3)])


def _refined(colour: np.ndarray, paper: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """Correct `paper` by the mean of what lies around and is no ink; far from any such pixel it stays as it is."""
    from scipy import ndimage

    spread = 0.05 * max(colour.shape[:2])
    sure = (~dilated(~blank, 2)).astype(np.float32)
    near = ndimage.gaussian_filter(sure, spread, mode="nearest") + 0.02
    rest = ((colour - paper) * sure[..., None]).astype(np.float32)
    return paper + ndimage.gaussian_filter(rest, (spread, spread, 0), mode="nearest") / near[..., None]


def _coarse(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def resized(array: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Scale (h, w) or (h, w, c) to `size`, (rows, columns): area average downwards, linear upwards."""
    if array.shape[:2] == tuple(size):
        return array
    planes = array[..., None] if array.ndim == 2 else array
    scaled = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[..., c], np.float32)).resize(
                (size[1], size[0]), Image.Resampling.BILINEAR
            )
        )
        for c in range(planes.shape[-1])
    ]
    return scaled[0] if array.ndim == 2 else np.stack(scaled, -1)
