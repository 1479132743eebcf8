"""Morphology of masks, arrays of bool: what scipy.ndimage does."""

from __future__ import annotations

__all__ = ["components", "dilated", "eroded", "filled", "opened"]

import numpy as np


def dilated(mask: np.ndarray, steps: int = 1) -> np.ndarray:
    """The mask grown by this many steps across and down: scipy's binary_dilation, several times as fast."""
    for _ in range(steps):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        grown[:, 1:] |= mask[:, :-1]
        grown[:, :-1] |= mask[:, 1:]
        mask = grown
    return mask


def eroded(mask: np.ndarray, steps: int = 1) -> np.ndarray:
    """The mask without everything within this many steps of its edge; there is nothing beyond the picture."""
    return ~dilated(np.pad(~mask, 1, constant_values=True), steps)[1:-1, 1:-1]


def opened(mask: np.ndarray, steps: int = 1) -> np.ndarray:
    """The mask without everything thinner than twice this many steps."""
    return dilated(eroded(mask, steps), steps)


def filled(mask: np.ndarray) -> np.ndarray:
    """The mask with its holes."""
    from scipy import ndimage

    return np.asarray(ndimage.binary_fill_holes(mask), bool)


def components(mask: np.ndarray, *, diagonal: bool = True) -> tuple[np.ndarray, int]:
    """The number of the connected part that each pixel belongs to, from 1, 0 outside; and how many parts there are."""
    from scipy import ndimage

    labels = np.zeros(mask.shape, np.int32)
    structure = np.ones((3,) * mask.ndim) if diagonal else None
    count = ndimage.label(mask, structure, output=labels)
    assert isinstance(count, int)
    return labels, count
