"""Smooth outlines with few points: cubic Bézier curves through a traced edge, with its corners.

A closed line of points is cut at its corners. Within a piece, each cubic reaches as far as it stays within the
tolerance, so there are few; where two meet, they share the line's tangent. A cubic is found by least squares with chord
lengths as parameters, improved by Newton's method (P. J. Schneider, An Algorithm for Automatically Fitting Digitized
Curves, Graphics Gems, 1990).
"""

from __future__ import annotations

__all__ = ["Curve", "fit_closed", "fit_open", "resampled"]

import numpy as np
from scipy import ndimage

Curve = np.ndarray
"""A cubic's control points, (4, 2)."""

_CORNER = np.radians(62)
"""An edge that turns by more within a short way has a corner there."""

_ROUNDS = 4
_NEAR = 16.0
"""Newton's method is tried if the squared error of a cubic is at most this many times the square of the tolerance."""


def fit_closed(points: np.ndarray, tolerance: float, reach: float) -> list[Curve]:
    """The closed line through points (n, 2) as cubics, each starting where the previous one ends.

    Args:
        tolerance: how far the cubics may be from the points.
        reach: the distance along the edge on both sides in which a turn makes a corner; less than a pen's radius, or
            the round ends of strokes would get corners.
    """
    spacing = reach / 5
    points = resampled(np.concatenate([points, points[:1]]), spacing)[:-1]
    if len(points) < 8:
        return []
    corners = _corners(points, 5)
    smooth = not corners
    if smooth:
        corners = [int(points[:, 1].argmin())]
    curves: list[Curve] = []
    for first, last in zip(corners, [*corners[1:], corners[0] + len(points)], strict=True):
        if smooth:  # beyond its ends the piece goes on, so it has the same tangent there
            around = points[np.arange(first - 3, last + 4) % len(points)]
            curves += _fit(around[3:-3], _tangents(around)[3:-3], tolerance)
        else:
            curves += fit_open(points[np.arange(first, last + 1) % len(points)], tolerance)
    return curves


def fit_open(points: np.ndarray, tolerance: float) -> list[Curve]:
    """A line through evenly spaced points (n, 2), n > 1, as cubics."""
    return _fit(points, _tangents(points), tolerance)


def resampled(points: np.ndarray, spacing: float) -> np.ndarray:
    """Evenly spaced points on the line through ``points``, about this far apart, including both ends."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(1, round(along[-1] / spacing))
    wanted = np.linspace(0, along[-1], count + 1)
    return np.stack([np.interp(wanted, along, points[:, axis]) for axis in (0, 1)], -1)


def _corners(points: np.ndarray, reach: int) -> list[int]:
    """The places where the closed line turns sharply, each the sharpest nearby."""
    points = ndimage.gaussian_filter1d(points, 0.2 * reach, axis=0, mode="wrap")
    before, after = points - np.roll(points, reach, 0), np.roll(points, -reach, 0) - points
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn = np.abs(np.arctan2(cross, (before * after).sum(1)))
    found = []
    for place in np.flatnonzero(turn > _CORNER):
        nearby = turn[np.arange(place - reach, place + reach + 1) % len(points)]
        if turn[place] == nearby.max() and not (found and place - found[-1] <= reach):
            found.append(int(place))
    return found


def _tangents(points: np.ndarray) -> np.ndarray:
    """Unit tangents of an open line at its points, each from the points up to two steps away."""
    last = len(points) - 1
    places = np.arange(len(points))
    ahead, back = np.minimum(places + 2, last), np.maximum(places - 2, 0)
    steps = points[ahead] - points[back]
    return steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-12)


def _fit(points: np.ndarray, tangents: np.ndarray, tolerance: float) -> list[Curve]:
    """Cubics from the first point to the last, each as long as it may be."""
    curves: list[Curve] = []
    first, last = 0, len(points) - 1
    while first < last:
        end, curve = first + 1, _one(points, tangents, first, first + 1, tolerance)
        assert curve is not None  # two points are always met
        step = max(4, (last - first) // 4)
        while end < last and step:
            longer = _one(points, tangents, first, min(end + step, last), tolerance)
            if longer is None:
                step //= 2
            else:
                end, curve = min(end + step, last), longer
        curves.append(curve)
        first = end
    return curves


def _one(points: np.ndarray, tangents: np.ndarray, first: int, last: int, tolerance: float) -> Curve | None:
    """One cubic from a point to another, or None if no cubic is near enough to those between."""
    points, start, end = points[first : last + 1], tangents[first], -tangents[last]
    if len(points) < 3:
        third = float(np.linalg.norm(points[-1] - points[0])) / 3
        return np.array([points[0], points[0] + third * start, points[-1] + third * end, points[-1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    t = along / along[-1]
    for _ in range(_ROUNDS):
        curve = _least_squares(points, t, start, end)
        error = float(((_at(curve, t) - points) ** 2).sum(1).max())
        if error < tolerance**2:
            return curve
        if error > _NEAR * tolerance**2:
            break
        t = _newton(curve, points, t)
    return None


def _least_squares(points: np.ndarray, t: np.ndarray, start: np.ndarray, end: np.ndarray) -> Curve:
    """The cubic with these tangents at its ends that is nearest to the points at the parameters t."""
    b0, b1, b2, b3 = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    rest = points - np.outer(b0 + b1, points[0]) - np.outer(b2 + b3, points[-1])
    a = np.stack([np.outer(b1, start).ravel(), np.outer(b2, end).ravel()], -1)
    lengths, *_ = np.linalg.lstsq(a, rest.ravel(), rcond=None)
    chord = float(np.linalg.norm(points[-1] - points[0]))
    least = 1e-3 * max(chord, 1e-9)
    arc = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if (lengths < least).any() or (lengths > 2 * arc).any():
        lengths = np.array([arc / 3, arc / 3])
    return np.array([points[0], points[0] + lengths[0] * start, points[-1] + lengths[1] * end, points[-1]])


def _at(curve: Curve, t: np.ndarray) -> np.ndarray:
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], -1)
    return weights @ curve


def _newton(curve: Curve, points: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Parameters at which the cubic is nearer to the points, still in order."""
    slope, bow = 3 * np.diff(curve, axis=0), 6 * np.diff(curve, n=2, axis=0)
    first = np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], -1) @ slope
    second = np.stack([1 - t, t], -1) @ bow
    off = _at(curve, t) - points
    below = (first**2).sum(1) + (off * second).sum(1)
    step = np.where(np.abs(below) > 1e-9, (off * first).sum(1) / np.where(below == 0, 1, below), 0)
    return np.maximum.accumulate(np.clip(t - step, 0, 1))
