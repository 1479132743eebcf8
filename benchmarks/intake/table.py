"""Means over the pictures of a condition."""

from __future__ import annotations

__all__ = ["best_of", "row", "total"]

from collections.abc import Sequence

import numpy as np
from benchmarks.intake.measures import Measured


def row(done: Sequence[Measured]) -> dict[str, float]:
    """The mean overlap; shares of polarity right, refused, wrong and silent, parts and width kept; times."""
    known = [one.polarity for one in done if one.polarity is not None]
    return {
        "iou": _round(np.mean([one.iou for one in done])),
        "polarity": _round(np.mean(known)) if known else 1.0,
        "refused": _round(np.mean([one.refused is not None for one in done])),
        "wrong, silent": _round(np.mean([one.silent for one in done])),
        "warned": _round(np.mean([one.warned for one in done])),
        "parts": _round(np.mean([one.parts for one in done])),
        "width": _round(np.mean([one.width for one in done])),
        "mean second": _round(np.mean([one.seconds for one in done])),
        "worst second": _round(max(one.seconds for one in done)),
    }


total = row


def best_of(ours: Sequence[Measured], theirs: Sequence[Measured]) -> float:
    """The mean overlap if the truth said which of two ways to take for each picture."""
    return _round(np.mean([max(a.iou, b.iou) for a, b in zip(ours, theirs, strict=True)]))


def _round(value: float | np.floating) -> float:
    return round(float(value), 4)
