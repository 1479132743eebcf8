"""One reading of a picture: this sheet, this paper, this tone of ink; what ink it finds."""

from __future__ import annotations

__all__ = ["Contrast", "Reading", "as_grain_demands", "contrast", "read"]

from dataclasses import dataclass

import numpy as np

from allograph.imaging.paper import resized
from allograph.imaging.rules import without_dots, without_holes, without_rules
from allograph.imaging.shapes import despeckle, smoothed
from allograph.imaging.widths import main_width

_CONTRAST = 0.02
"""Ink departs from its paper by at least this much of the range from black to white..."""

_CONTRAST_TO_NOISE = 5.0
"""...and by this many standard deviations of the paper. Two halves of pure Gaussian noise lie 1.6 apart."""

_HAIRLINE = 1.5
"""In pixels: so narrow a stroke is strong where it runs along the rows and weak where it crosses them."""

_GRAIN, _AWAY = 0.04, 0.1
"""Where ink or paper vary by so much of their distance, all is smoothed in full. They are looked at where smoothing
takes them no further from what they are; elsewhere are edges."""

_ENOUGH = 4096
"""So many of the paper's pixels, evenly spaced in ascending order, tell its standard deviation."""

_COARSE_SIDE = 96
"""The ink's level varies as slowly as the light does."""


@dataclass(frozen=True)
class Reading:
    """What ink a reading finds.

    - `strength`: float32 (h, w), about 1 in the middle of a stroke, about 0 on paper; the edge is at 0.5
    - `mask`: the ink, without rules, dots, holes and specks
    - `raw`: the ink with them
    - `level`, `noise`: of the ink, and of the paper, in units of the range from black to white
    - `rules`: number of rules that were taken away
    """

    strength: np.ndarray
    mask: np.ndarray
    raw: np.ndarray
    level: float
    noise: float
    rules: int


@dataclass(frozen=True)
class Contrast:
    """What stands out from the paper: `strength` as in a `Reading`, before anything printed is taken away."""

    strength: np.ndarray
    level: float
    noise: float


def contrast(departed: np.ndarray, sheet: np.ndarray, *, strong: bool = False) -> Contrast | None:
    """What stands out on a sheet (h, w), by the `departure` from its paper; None where nothing does.

    With `strong`, what stands out is of two kinds, and the stronger alone is ink: pen beside a stamp or a shadow.
    """
    split = _split(departed[sheet]) if sheet.any() else None
    if split is None:
        return None
    level, paper, noise = split
    if strong:
        weak = _two_kinds(departed[sheet], level, paper)
        if weak is None or main_width(departed > 0.5 * (level + paper)) < _HAIRLINE:
            return None
        paper, level = weak
    strength = np.where(sheet, departed - paper, 0).astype(np.float32)
    level -= paper
    strength = strength / (level if strong else _level_nearby(strength, level, noise))
    if not (strength > 0.5).any():  # little ink beside much that is half as strong
        strength = strength / max(float(strength.max()), 1e-6)
    return Contrast(strength, level, noise)


def read(seen: Contrast, sheet: np.ndarray, *, ruled: bool = True, crisp: bool = False) -> Reading | None:
    """The ink in what stands out, without rules if the sheet may be `ruled`, dots, holes and specks; None if that is
    all. If it may be `crisp`, edges are only smoothed as far as there is grain."""
    strength, rules = without_rules(seen.strength, sheet) if ruled else (seen.strength, 0)
    if rules:  # the rules had a say in how strong ink is
        again = _split(strength[sheet])
        if again is None:
            return None
        strength = strength / again[0]
    if not (strength > 0.5).any():
        return None
    raw = strength > 0.5
    # The grain of paper and sensor is finer than any stroke; how fine, the strokes themselves tell.
    width = main_width(raw)
    smooth = smoothed(strength, 0.15 * width)
    strength = as_grain_demands(strength, smooth, raw) if crisp else smooth
    mask = strength > 0.5
    if not mask.any():
        strength = strength / max(float(strength.max()), 1e-6)
        mask = strength > 0.5
    mask = without_dots(mask)
    mask = despeckle(mask, smooth, width, sheet)  # of creases, smooth remains are weak
    mask = without_holes(mask)
    if not mask.any():
        return None
    strength = np.clip(strength, -1, 2).astype(np.float32)
    return Reading(strength, mask, raw, seen.level, seen.noise, rules)


def as_grain_demands(strength: np.ndarray, smooth: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Something between the ink's strength and the same `smooth`: the less grain there is away from its edges, the less
    smooth, so that narrow gaps of clean pictures stay open."""
    away = np.abs(smooth - ink) < _AWAY
    grain = float(np.sqrt(np.mean((strength - smooth)[away] ** 2))) if away.any() else _GRAIN
    return smooth + (strength - smooth) * max(0.0, 1 - grain / _GRAIN)


def _split(strength: np.ndarray) -> tuple[float, float, float] | None:
    """Return the levels of the ink and of the paper and the paper's standard deviation, or None without ink.

    The threshold is the mean of the two classes' means (Ridler and Calvard 1978), sought from above: with little ink in
    a large picture, thresholds that weigh both classes, Otsu's among them, cut the paper in two.
    """
    values = np.sort(strength)
    level, paper, count = float(values[-1]), 0.0, len(values)
    if level <= 0:
        return None
    threshold = 0.5 * level
    for _ in range(50):
        below = int(np.searchsorted(values, threshold, "right"))
        if below in (0, count):
            return None
        level = float(values[below:].mean(dtype=np.float64))
        paper = _median(values[:below])
        following = 0.5 * (level + paper)
        if abs(following - threshold) < 1e-5:
            break
        threshold = following
    blank = values[: np.searchsorted(values, threshold, "right")]
    spread = blank[:: max(1, len(blank) // _ENOUGH)]
    noise = 1.4826 * float(np.median(abs(spread - _median(blank))))
    if level - paper < max(_CONTRAST, _CONTRAST_TO_NOISE * noise) or len(blank) < 0.1 * count:
        return None
    return level, paper, noise


def _median(ascending: np.ndarray) -> float:
    """The median of numbers in ascending order."""
    middle = len(ascending) // 2
    return 0.5 * float(ascending[middle] + ascending[-1 - middle])


def _two_kinds(strength: np.ndarray, level: float, paper: float) -> tuple[float, float] | None:
    """The levels of the weaker and the stronger of two kinds of ink-like pixels; None if there is only one kind."""
    out = np.sort(strength[strength > 0.5 * (level + paper) - 0.15 * (level - paper)])
    threshold = _median(out)
    low = high = threshold
    for _ in range(30):
        below = int(np.searchsorted(out, threshold, "right"))
        if below in (0, len(out)):
            return None
        low, high = _median(out[:below]), _median(out[below:])
        following = 0.5 * (low + high)
        if abs(following - threshold) < 1e-4:
            break
        threshold = following
    share = float((out > threshold).mean())
    spread = float(np.median(abs(out[out <= threshold] - low))) + float(np.median(abs(out[out > threshold] - high)))
    if high - low < 0.2 * (high - paper) or high - low < 2.5 * spread or not 0.03 < share < 0.97:
        return None
    return low, high


def _level_nearby(strength: np.ndarray, level: float, noise: float) -> np.ndarray:
    """Return the level of the ink around each pixel; far from all ink it is the picture's."""
    from scipy import ndimage

    # A stroke in deep shade has perhaps a third of the contrast of one in the sun, and noise must stay noise.
    ink = (strength > max(0.35 * level, 4 * noise)).astype(np.float32)
    factor = min(1.0, _COARSE_SIDE / max(strength.shape))
    size = max(1, round(strength.shape[0] * factor)), max(1, round(strength.shape[1] * factor))
    weight, amount = (np.asarray(resized(v, size)) for v in (ink, ink * strength))
    spread = 0.08 * max(size)
    weight = ndimage.gaussian_filter(weight, spread, mode="nearest")
    amount = ndimage.gaussian_filter(amount, spread, mode="nearest")
    # The picture's level counts like ink on a thousandth of the neighbourhood.
    nearby = (amount + 1e-3 * level) / (weight + 1e-3)
    return resized(nearby, strength.shape)
