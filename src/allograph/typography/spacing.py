"""White space: side bearings that give every symbol the same amount, and kerning for pairs with more or less.

A symbol is described by the reach of its ink in bands across the line. White is measured between a band's ink and the
symbol's side, up to a limit, because nobody notices the white in a deep bay.
"""

from __future__ import annotations

__all__ = ["Profile", "bearings", "kern", "profile_of"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allograph.imaging.curves import resampled
from allograph.typography.metrics import CAP_HEIGHT, X_HEIGHT

_BANDS = np.arange(-260.0, 960.0, 20.0)
_STEP = 8.0
"""Units between two points of an edge; small enough that no band is missed."""

_DEEP = 110.0
"""White deeper than this is not counted, units."""

_WHITE = 62.0
"""Mean white that each side of a symbol gets."""

_LEAST = 14.0
_CLOSEST = 45.0
"""Smallest distance of two symbols, units."""

_LEAST_KERN = 12
_MOST_KERN = 140


@dataclass(frozen=True)
class Profile:
    """How far the ink reaches in each band, to the left and to the right; NaN without ink."""

    left: np.ndarray
    right: np.ndarray


def profile_of(edges: Sequence[np.ndarray]) -> Profile:
    """The profile of edges in units, y up from the baseline."""
    left = np.full(len(_BANDS) - 1, np.nan)
    right = left.copy()
    points = np.concatenate([resampled(np.concatenate([edge, edge[:1]]), _STEP) for edge in edges])
    band = np.digitize(points[:, 1], _BANDS) - 1
    for number in np.unique(band[(band >= 0) & (band < len(left))]):
        xs = points[band == number, 0]
        left[number], right[number] = xs.min(), xs.max()
    return Profile(left, right)


def bearings(profile: Profile) -> tuple[float, float]:
    """White to leave on the left and on the right of the ink's box."""
    return _bearing(profile.left - np.nanmin(profile.left)), _bearing(np.nanmax(profile.right) - profile.right)


def kern(first: Profile, second: Profile, gap: float) -> int:
    """What to add to the space between two symbols whose boxes stand ``gap`` apart, units.

    Both are taken without their bearings. Small values become 0.
    """
    right, left = np.nanmax(first.right) - first.right, second.left - np.nanmin(second.left)
    used = _used(first.right, second.left)
    between = np.where(np.isnan(right), _DEEP, right) + np.where(np.isnan(left), _DEEP, left)
    white = np.minimum(between[used] + gap, 2 * _DEEP + gap).mean()
    wanted = 2 * _WHITE + 0.35 * (white - 2 * _WHITE)  # what remains after kerning keeps a part of the difference
    change = float(np.clip(wanted - white, -_MOST_KERN, _MOST_KERN))
    near = _nearest(right, left) + gap
    change = max(change, min(0.0, _CLOSEST - near))
    return round(change) if abs(change) >= _LEAST_KERN else 0


def _bearing(depth: np.ndarray) -> float:
    letters = (_BANDS[:-1] >= 0) & (_BANDS[:-1] < CAP_HEIGHT) & ~np.isnan(depth)
    seen = depth[letters] if letters.any() else depth[~np.isnan(depth)]
    return float(max(_LEAST, _WHITE - 0.5 * np.minimum(seen, _DEEP).mean()))


def _used(*sides: np.ndarray) -> np.ndarray:
    """The bands of either symbol, and always those of the x-height."""
    used = (_BANDS[:-1] >= 0) & (_BANDS[:-1] < X_HEIGHT)
    for side in sides:
        used = used | ~np.isnan(side)
    return used


def _nearest(right: np.ndarray, left: np.ndarray) -> float:
    """The least white between the boxes and the ink, in the same band or a neighbouring one."""
    best = np.inf
    for shift in (-2, -1, 0, 1, 2):
        both = right + np.roll(left, shift)
        if not np.isnan(both).all():
            best = min(best, float(np.nanmin(both)))
    return best if np.isfinite(best) else 2 * _DEEP
