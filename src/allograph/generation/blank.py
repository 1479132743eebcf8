"""Drawings without ink, or of a lone speck: which they are, and the noise of those made in their place."""

from __future__ import annotations

__all__ = ["ATTEMPTS", "are_blank"]

import math
from collections.abc import Sequence

import numpy as np

ATTEMPTS = 16
"""Times that a blank drawing is made again. Of a dot's drawings about one in four is blank."""

_LEAST = 1.2
"""A drawing has at least the ink of so many dots of the model's pen..."""

_SHARE = 0.25
"""...or this share of the exemplars' mean ink, where that is less: a dot's drawing may be a small dot."""

_PEN = 5 / 105
"""The pen's width, as a share of the image's side, of Omniglot's drawings."""


def are_blank(values: np.ndarray, exemplars: Sequence[np.ndarray]) -> np.ndarray:
    """Which of n drawings, logits of ink (n, C, S, S), show next to nothing, after exemplars (C, S, S) of 0 and 1."""
    dot = math.pi / 4 * max(_PEN * values.shape[-1], 1.3) ** 2
    least = _LEAST * dot
    if exemplars:
        least = min(least, _SHARE * float(np.mean([(one > 0.5).sum() for one in exemplars])))
    return (values > 0).sum((1, 2, 3)) < max(least, 1.0)
