"""Finding the ink in a picture: what is paper, what is ink, which is which, under any light."""

from __future__ import annotations

__all__ = ["Polarity", "Segmentation", "segment"]

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging.decoding import Decoded
from allograph.imaging.style import Colour

Polarity = Literal["auto", "dark", "light"]

_COARSE_SIDE = 160
"""Light and shade vary slowly: they are estimated on a copy this long, in pixels."""

_CONTRAST = 0.025
"""Ink departs from its paper by at least this much of the range from black to white..."""

_CONTRAST_TO_NOISE = 5.0
"""...and by this many standard deviations of the paper. Two halves of pure Gaussian noise lie 1.6 apart."""

_LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Segmentation:
    """Where the ink of a picture is, and what it looks like.

    - `strength`: float32 (h, w), about 1 in the middle of a stroke, about 0 on paper; the edge is at 0.5
    - `colour`, `paper`: red, green, blue, alpha, 0 to 255
    """

    strength: np.ndarray
    colour: Colour
    paper: Colour


def segment(source: Decoded, polarity: Polarity = "auto") -> Segmentation:
    """Separate ink from paper.

    1. The light on the paper is a quadratic surface, fitted to all pixels so that the minority, ink, has no say.
    2. Ink is what departs from it along the one direction in colour space in which the picture departs most; its sign
       tells dark ink from light.
    3. The surface is refined by what is paper for sure nearby (a shadow is no polynomial), and the strength is divided
       by that of the ink nearby, so that a stroke in the shade counts as much as one in the sun.

    A picture whose ink is the opaque part of a transparent sheet needs none of this: its strength is its alpha.
    Raises AllographError where nothing stands out from the paper.
    """
    colour = source.colour
    if source.alpha is not None:
        if source.alpha.max() < 0.02:
            raise AllographError(f"{source.name} shows no ink: it is transparent everywhere; draw the symbol on it")
        if source.alpha.min() < 0.5:
            if not _is_sticker(source):
                return _opaque_ink(source.colour, source.alpha)
            paper = np.median(colour[source.alpha > 0.9], axis=0)
            colour = colour * source.alpha[..., None] + paper * (1 - source.alpha[..., None])
    return _ink_on_paper(colour.astype(np.float32), polarity, source.name)


def _is_sticker(source: Decoded) -> bool:
    """Tell a drawing on a piece of paper that was cut out from one whose strokes alone are opaque."""
    assert source.alpha is not None
    solid = source.alpha > 0.5
    rows, columns = np.nonzero(solid.any(1))[0], np.nonzero(solid.any(0))[0]
    if len(rows) == 0:
        return False
    filled = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
    light = (source.colour @ _LUMINANCE)[source.alpha > 0.9]
    return bool(filled > 0.6 and light.size and np.percentile(light, 99.5) - np.percentile(light, 0.5) > 0.25)


def _opaque_ink(colour: np.ndarray, alpha: np.ndarray) -> Segmentation:
    full = np.percentile(alpha[alpha > 0.5 * alpha.max()], 75)
    strength = np.clip(alpha / full, 0, 1).astype(np.float32)
    ink = _to_bytes(np.median(colour[strength > 0.75], axis=0))
    return Segmentation(strength, (*ink, round(255 * float(full))), (*ink, 0))


def _ink_on_paper(colour: np.ndarray, polarity: Polarity, name: str) -> Segmentation:
    coarse = _resized(colour, _coarse_size(colour))
    paper, direction = _fit_paper(coarse, polarity)
    strength = (coarse - paper) @ direction
    found = _split(strength)
    for _ in range(2):
        if found is None:
            break
        paper = _refine_paper(coarse, paper, abs(strength) > 0.4 * found[0])
        strength = (coarse - paper) @ direction
        found = _split(strength)

    # Fine strokes are fainter in the coarse copy, or lost: the decision is taken on the full one.
    strength = (colour - _resized(paper, colour.shape[:2])) @ direction
    found = _split(strength)
    if found is None:
        remedy = "draw the symbol more strongly or crop the picture closer"
        if polarity != "auto":
            remedy = f"it was searched for {polarity} ink only; try the other"
        raise AllographError(f"{name} shows no ink that stands out from its paper; {remedy}")
    level, noise = found
    strength /= _level_nearby(strength, level, noise)
    if not (strength > 0.5).any():  # little ink beside much that is half as strong
        strength /= float(strength.max())
    # At least as strong as: a flat drawing's ink is all of one strength.
    strong = max(0.75, float(np.percentile(strength[strength > 0.5], 40)))
    core = strength >= min(strong, float(strength.max()))
    blank = strength < 0.25
    if not blank.any():
        blank = strength <= np.percentile(strength, 10)
    if (near := blank & _around(core)).any():
        blank = near
    ink, ground = (_to_bytes(np.median(colour[where], axis=0)) for where in (core, blank))
    return Segmentation(np.clip(strength, -1, 2).astype(np.float32), (*ink, 255), (*ground, 255))


def _fit_paper(colour: np.ndarray, polarity: Polarity) -> tuple[np.ndarray, np.ndarray]:
    """Fit the light on the paper and the unit direction in colour space that leads from paper to ink.

    Iteratively reweighted least squares with the weight 1 / (distance + e): the surface of least absolute distance,
    which an ink of less than half the weight cannot draw to itself. The picture's rim weighs as much as its middle, for
    a symbol that fills the picture still leaves paper at the rim.
    """
    height, width = colour.shape[:2]
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    pixels = colour.reshape(-1, 3).astype(np.float64)
    rim = np.maximum(abs(x), abs(y)).ravel() > 0.9
    prior = np.where(rim, 0.5 / rim.sum(), 0.5 / max((~rim).sum(), 1))
    wanted = {"dark": -1.0, "light": 1.0, "auto": 0.0}[polarity]
    fitted = np.broadcast_to(_weighted_median(pixels, prior), pixels.shape)
    for _ in range(12):
        rest = pixels - fitted
        weight = prior / (np.linalg.norm(rest, axis=1) + 0.01)
        if wanted:  # where the ink is said to be dark, what is darker than the surface is less likely paper
            weight = np.where(wanted * (rest @ _LUMINANCE) > 0, 0.3, 1.0) * weight
        root = np.sqrt(weight)[:, None]
        fitted = basis @ np.linalg.lstsq(basis * root, pixels * root, rcond=None)[0]
    rest = pixels - fitted

    if wanted:
        rest = rest[wanted * (rest @ _LUMINANCE) > 0]
    direction = np.linalg.eigh(rest.T @ rest)[1][:, -1] if len(rest) else _LUMINANCE / np.linalg.norm(_LUMINANCE)
    # Ink is rare and far from its paper: left to itself, the direction's long tail is its side.
    sign = wanted * (direction @ _LUMINANCE) if wanted else ((rest @ direction) ** 3).sum()
    return fitted.reshape(colour.shape), direction * (1.0 if sign >= 0 else -1.0)


def _weighted_median(pixels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    order = np.argsort(pixels, axis=0)
    total = np.cumsum(weight[order], axis=0)
    return np.array([pixels[order[np.searchsorted(total[:, c], 0.5 * total[-1, c]), c], c] for c in range(3)])


def _split(strength: np.ndarray) -> tuple[float, float] | None:
    """Return the level of the ink and the standard deviation of the paper, or None where there is no ink.

    The threshold is the mean of the two classes' means (Ridler and Calvard 1978), sought from above: with little ink in
    a large picture, thresholds that weigh both classes, Otsu's among them, cut the paper in two.
    """
    level = float(strength.max())
    threshold = 0.5 * level
    for _ in range(50):
        above = strength > threshold
        if not above.any() or above.all():
            return None
        level = float(strength[above].mean())
        paper = float(np.median(strength[~above]))
        following = 0.5 * (level + paper)
        if abs(following - threshold) < 1e-5:
            break
        threshold = following
    blank = strength[strength <= threshold]
    noise = 1.4826 * float(np.median(abs(blank - np.median(blank))))
    if level < max(_CONTRAST, _CONTRAST_TO_NOISE * noise) or (strength > threshold).mean() > 0.9:
        return None
    return level, noise


def _refine_paper(colour: np.ndarray, paper: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Correct `paper` by the mean of what lies around and is no ink; far from any such pixel it stays as it is.

    `ink` holds what is much darker or much lighter than paper: the other kind of ink, or glare, is no paper either.
    """
    from scipy import ndimage

    spread = 0.05 * max(colour.shape[:2])
    blank = np.logical_not(ndimage.binary_dilation(ink, iterations=2)).astype(np.float64)
    near = ndimage.gaussian_filter(blank, spread, mode="nearest") + 0.02
    rest = (colour - paper) * blank[..., None]
    return paper + ndimage.gaussian_filter(rest, (spread, spread, 0), mode="nearest") / near[..., None]


def _level_nearby(strength: np.ndarray, level: float, noise: float) -> np.ndarray:
    """Return the level of the ink around each pixel; far from all ink it is the picture's."""
    from scipy import ndimage

    # A stroke in deep shade has perhaps a third of the contrast of one in the sun, and noise must stay noise.
    ink = (strength > max(0.35 * level, 4 * noise)).astype(np.float32)
    size = _coarse_size(strength)
    weight, amount = (np.asarray(_resized(v, size)) for v in (ink, ink * strength))
    spread = 0.08 * max(size)
    weight = ndimage.gaussian_filter(weight, spread, mode="nearest")
    amount = ndimage.gaussian_filter(amount, spread, mode="nearest")
    # The picture's level counts like ink on a thousandth of the neighbourhood.
    nearby = (amount + 1e-3 * level) / (weight + 1e-3)
    return _resized(nearby, strength.shape)


def _around(mask: np.ndarray) -> np.ndarray:
    """Return the box around `mask`, a fifth larger on each side: the light may differ elsewhere in the picture."""
    near = np.zeros_like(mask)
    spans = []
    for axis in (1, 0):
        held = np.nonzero(mask.any(axis))[0]
        reach = (held[-1] - held[0]) // 5 + 2
        spans.append(slice(max(0, held[0] - reach), held[-1] + reach + 1))
    near[tuple(spans)] = True
    return near


def _coarse_size(array: np.ndarray) -> tuple[int, int]:
    factor = min(1.0, _COARSE_SIDE / max(array.shape[:2]))
    return max(1, round(array.shape[0] * factor)), max(1, round(array.shape[1] * factor))


def _resized(array: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
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


def _to_bytes(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(v)) for v in np.clip(colour, 0, 1))
    return red, green, blue
