"""Shapes that keep their topology: parts that stay apart, holes and gaps that stay open."""

from __future__ import annotations

__all__ = ["counts", "residue", "without_specks"]

from functools import cache

import numpy as np

from allograph.imaging.masks import components

SPECK = 1 / 8
"""Squares of the pen's width: smaller parts are specks, smaller holes are pinholes between the edges of strokes."""


def counts(mask: np.ndarray) -> tuple[int, int]:
    """The parts of the ink, bool (h, w), also over corners of pixels, and of the paper around and in it."""
    return components(mask)[1], components(np.pad(~mask, 1, constant_values=True), diagonal=False)[1]


def without_specks(mask: np.ndarray, least: float) -> np.ndarray:
    """Ink, bool (h, w), without its parts and its holes of less than `least` pixels."""
    for ink in (True, False):
        labels, _ = components(np.pad(mask == ink, 1, constant_values=not ink), diagonal=ink)
        small = np.bincount(labels.ravel()) < least
        small[0] = False
        mask = np.where(small[labels[1:-1, 1:-1]], not ink, mask)
    return mask


def residue(mask: np.ndarray, target: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Where the shape nearest to `target` that has the topology of `mask` differs from it; all bool (h, w).

    Pixels of `mask` that differ from `target` are turned, those nearest to its edge first (`depth`: its signed
    distance), as long as they are simple: as long as that joins, parts, opens and closes nothing (Kong and Rosenfeld,
    Digital Topology, 1989). What stays is one pixel wide: a gap, a bridge, the middle of a hole.
    """
    width = mask.shape[1] + 2
    around = (1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1)
    ink = bytearray(np.pad(mask, 1).tobytes())
    y, x = np.nonzero(mask != target)
    order = np.argsort(np.abs(depth[y, x]), kind="stable")
    waiting = ((y + 1) * width + x + 1)[order].tolist()
    simple = _simple()
    while True:
        left = []
        for here in waiting:
            code = 0
            for step in around:
                code += code + ink[here + step]
            if simple[code]:
                ink[here] = not ink[here]
            else:
                left.append(here)
        if len(left) == len(waiting):
            break
        waiting = left
    found = np.zeros(mask.shape, bool)
    for here in waiting:
        found[here // width - 1, here % width - 1] = True
    return found


@cache
def _simple() -> list[bool]:
    """Of each set of ink among eight neighbours, the first as the highest bit: whether the pixel between them is
    simple, that is, whether one connected part of the paper touches it (Yokoi's number is 1)."""
    found = []
    for code in range(256):
        paper = [1 - (code >> (7 - k) & 1) for k in range(8)]
        found.append(sum(paper[k] - paper[k] * paper[k + 1] * paper[(k + 2) % 8] for k in (0, 2, 4, 6)) == 1)
    return found
