"""Print that is not ink: rules, squares and rows of dots; and punched holes."""

from __future__ import annotations

__all__ = ["without_dots", "without_holes", "without_rules"]

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from allograph.imaging.masks import components

_SLANTS = np.tan(np.radians(np.arange(-3, 3.01, 0.5)))
"""Largest slant of rules."""

_COVERED = 0.62
"""A rule is ink over this share of its row of the sheet."""

_THICKEST = 0.022
"""It is no thicker than this share of the picture's longer side."""

_PRESENT = 0.12
"""Faint rules count from this share of the ink's strength."""

_FEWEST = 3
"""This many rules make ruled paper..."""

_LONE = 0.93
"""...or a single one that covers so much of its row."""

_DOTS = 16
"""This many equal dots, over the whole sheet, belong to the paper."""


def without_rules(strength: np.ndarray, sheet: np.ndarray) -> tuple[np.ndarray, int]:
    """The strength (h, w), about 1 in the middle of a stroke, without the rules across and down, and their number.

    Rules are the rows of the sheet, at some slant, that are mostly darker than their surroundings above and below
    (directional morphology). A stroke that crosses a rule stays: there is ink on both sides of the rule, or it is much
    stronger than the rule elsewhere.
    """
    turned, turned_sheet = np.ascontiguousarray(strength.T), np.ascontiguousarray(sheet.T)
    across, down = _rules(strength, turned, sheet), _rules(turned, strength, turned_sheet)
    if across is None and down is None:
        return strength, 0
    # Where rules cross, one is no stroke that crosses the other: it is not there when the other is taken away.
    without_down = strength if down is None else _blanked(turned, down).T
    without_across = turned if across is None else _blanked(strength, across).T
    cleaned = strength if across is None else _erased(strength, without_down, sheet, across)
    if down is not None:
        cleaned = np.ascontiguousarray(_erased(cleaned.T, without_across, turned_sheet, down).T)
    return cleaned, sum(len(one.spans) for one in (across, down) if one)


@dataclass(frozen=True)
class _Rules:
    """Horizontal rules: their first and last row in the middle of the picture, and the shift of each column in rows."""

    spans: list[tuple[int, int]]
    shift: np.ndarray

    def places(self, top: int, bottom: int, height: int) -> np.ndarray:
        """The rows (k, w) of a strip along the rules."""
        return (np.arange(top, bottom)[:, None] + self.shift).clip(0, height - 1)


def _rules(strength: np.ndarray, turned: np.ndarray, sheet: np.ndarray) -> _Rules | None:
    from scipy import ndimage

    height, width = strength.shape
    thickest = max(3, round(_THICKEST * max(height, width)))
    if height < 5 * thickest or width < 24:
        return None
    # What is thin across the rule: the departure from the opening along the column, faster along the `turned` rows.
    thin = strength - ndimage.grey_opening(turned, size=(1, 2 * thickest + 1)).T
    present = (thin > _PRESENT) & sheet
    columns = np.arange(width)
    few = columns[:: max(1, width // 120)]
    shifts = [np.round(slant * (few - width / 2)).astype(int) for slant in _SLANTS]
    scores = [float((cover[cover > 0.9 * _COVERED] ** 2).sum()) for cover in _covers(present, sheet, few, shifts)]
    if not max(scores):
        return None
    shift = np.round(_SLANTS[int(np.argmax(scores))] * (columns - width / 2)).astype(int)
    (cover,) = _covers(present, sheet, columns, [shift])
    labels, count = components(cover > _COVERED)
    found = [span[0] for span in ndimage.find_objects(labels)]
    spans = [span for span in found if span.stop - span.start <= thickest]
    if len(spans) < _FEWEST and not (spans and max(cover[s].max() for s in spans) > _LONE and len(spans) == count):
        return None
    # What the blur of the picture leaves at a rule's edges goes with it.
    rows = [(max(0, span.start - 1), min(height, span.stop + 1)) for span in spans]
    return _Rules(rows, shift)


def _blanked(strength: np.ndarray, rules: _Rules) -> np.ndarray:
    """The strength with the rules erased."""
    blank, columns = strength.copy(), np.arange(strength.shape[1])
    for top, bottom in rules.spans:
        blank[rules.places(top, bottom, len(strength)), columns] = 0
    return blank


def _erased(strength: np.ndarray, evidence: np.ndarray, sheet: np.ndarray, rules: _Rules) -> np.ndarray:
    """The strength without the rules, but with the strokes that cross them, which `evidence` shows."""
    from scipy import ndimage

    cleaned, columns, height = strength.copy(), np.arange(strength.shape[1]), len(strength)
    for top, bottom in rules.spans:
        reach = bottom - top + 1
        places = rules.places(top, bottom, height)
        strip, held = strength[places, columns], sheet[places, columns]
        level = float(np.median(strip.max(0)[held.any(0)])) if held.any() else 0.0
        beyond = [
            evidence[rules.places(a, b, height), columns].max(0)
            for a, b in ((top - reach, top - 1), (bottom + 1, bottom + reach))
        ]
        # A slanting stroke leaves the rule a little further along than it met it.
        above, below = (ndimage.maximum_filter1d(side, 3 + 2 * (reach // 2)) > 0.45 for side in beyond)
        stroke = above & below
        if level < 0.62:
            stroke |= strip.max(0) > max(0.5, level + 0.3)
        stroke = np.asarray(ndimage.binary_opening(stroke, np.ones(3)), bool) | (
            above & below & (np.minimum(*beyond) > 0.45)
        )
        cleaned[places, columns] = np.where(stroke, strip, np.minimum(strip, 0.0))
    return cleaned


def _covers(
    present: np.ndarray, sheet: np.ndarray, columns: np.ndarray, shifts: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Which share of each row is thin ink, over the columns that lie on the sheet; for rows of each of these slants."""
    hits, totals = (_sums(mask[:, columns], shifts) for mask in (present, sheet))
    return [
        np.where(total > 0.4 * len(columns), hit / np.maximum(total, 1), 0)
        for hit, total in zip(hits, totals, strict=True)
    ]


def _sums(mask: np.ndarray, shifts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """How many pixels of a mask (h, w) lie in each row, where rows are off by a shift (w,) in each column.

    Columns of one shift lie side by side: a difference of running sums counts them at once.
    """
    height, reach = len(mask), max(int(abs(shift).max()) for shift in shifts)
    steps = [[0, *(np.flatnonzero(np.diff(shift)) + 1).tolist()] for shift in shifts]
    starts = sorted(set().union(*steps))
    counts = np.add.reduceat(mask, starts, axis=1, dtype=np.int32)
    running = np.pad(np.cumsum(counts, axis=1), ((reach, reach), (1, 0)))
    sums = []
    for shift, step in zip(shifts, steps, strict=True):
        total = np.zeros(height, np.int32)
        places = [*np.searchsorted(starts, step).tolist(), len(starts)]
        for column, (first, last) in zip(step, pairwise(places), strict=True):
            rows = slice(reach + shift[column], reach + shift[column] + height)
            total += running[rows, last] - running[rows, first]
        sums.append(total)
    return sums


def without_dots(mask: np.ndarray) -> np.ndarray:
    """The mask without the dots of dotted paper: many small, equal parts all over the picture."""
    from scipy import ndimage

    labels, _ = components(mask)
    area = np.bincount(labels.ravel())[1:]
    if len(area) < _DOTS:
        return mask
    typical = float(np.median(area))
    alike = (area < 2.5 * typical) & (area > 0.3 * typical)
    boxes = ndimage.find_objects(labels)
    small = np.array([max(s.stop - s.start for s in box) < 0.03 * max(mask.shape) + 3 for box in boxes])
    dots = alike & small
    if dots.sum() < _DOTS or dots.all():
        return mask
    centres = np.array([[(s.start + s.stop) / 2 for s in box] for box, dot in zip(boxes, dots, strict=True) if dot])
    spread = np.ptp(centres, axis=0) / mask.shape
    if spread.min() < 0.5:
        return mask
    return np.concatenate([[False], ~dots])[labels]


def without_holes(mask: np.ndarray) -> np.ndarray:
    """The mask without punched holes: two to four equal discs in a line close to an edge."""
    from scipy import ndimage

    labels, _ = components(mask)
    boxes = ndimage.find_objects(labels)
    if len(boxes) < 3:
        return mask
    area = np.bincount(labels.ravel())[1:]
    discs: list[tuple[int, float, float, float]] = []
    for number, box in enumerate(boxes, 1):
        tall, wide = (s.stop - s.start for s in box)
        round_ = 0.8 < tall / wide < 1.25 and area[number - 1] > 0.7 * tall * wide
        if round_ and 0.02 * min(mask.shape) < tall < 0.12 * max(mask.shape):
            discs.append((number, (box[0].start + box[0].stop) / 2, (box[1].start + box[1].stop) / 2, tall))
    doomed: list[int] = []
    for axis, length in ((2, mask.shape[1]), (1, mask.shape[0])):
        for near in (lambda at, n=length: at < 0.14 * n, lambda at, n=length: at > 0.86 * n):
            row = [disc for disc in discs if near(disc[axis])]
            if 2 <= len(row) <= 4:
                places, sides = [disc[axis] for disc in row], [disc[3] for disc in row]
                along = np.ptp([disc[3 - axis] for disc in row])
                alike = max(sides) < 1.25 * min(sides) and np.ptp(places) < 0.5 * max(sides)
                if alike and along > 5 * max(sides):
                    doomed += [disc[0] for disc in row]
    if not doomed or len(doomed) == len(boxes):
        return mask
    keep = np.ones(len(boxes) + 1, bool)
    keep[[0, *doomed]] = False
    return keep[labels]
