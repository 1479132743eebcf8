"""Brings stored bitmaps to a model's size: first how much of each pixel is ink, then ink or not.

Averaging alone leaves grey fog, and picking single pixels tears thin strokes. So a pixel is ink if its area average is
at least one half. That keeps the amount of ink and tears nothing if a stroke is wider than about 1.3 pixels of the new
image. Below that the threshold falls with the stroke's width.

Measured on every second drawing of Omniglot (16,230), whose pen is 5 pixels wide and whose ink covers 0.0806 of the
105 x 105 image. Torn: more connected parts (8 neighbours) than before. Merged: fewer, as gaps close. Vanished: parts
whose place holds no ink, all of them stray single pixels two pixels away from a stroke, with which they merge.

    size  threshold    ink   torn  merged  vanished
      20       0.38  0.0989     1     813        35
      28       0.50  0.0804     7     391         7
      40       0.50  0.0806     8     299         8
      52       0.50  0.0814     9     221         7
      64       0.50  0.0806    11     114         5
"""

from __future__ import annotations

__all__ = [
    "PEN_WIDTH",
    "Reduction",
    "coverage",
    "ink",
    "ink_threshold",
    "neighbourhood_maximum",
    "pooled",
    "sampled",
    "sampled_places",
]

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from allograph.imaging.area_average import area_average

Reduction = Literal["average", "sample", "maximum"]
"""How a bitmap is made smaller: by averaging, then ink or not (`ink`); by picking single pixels (`sampled`); by the
maximum of blocks of pixels (`pooled`). Figures on images of one kind do not compare with figures on another."""

PEN_WIDTH = 5.0
"""The width of the pen in pixels of a 105 x 105 drawing, the same in all of Omniglot."""

_SOURCE_SIDE = 105


def sampled_places(side: int, size: int) -> npt.NDArray[np.int64]:
    """Which pixels of a row of `side` are picked to make it `size` long: floor(i side / size), i = 0 to size - 1.

    Picking tears thin strokes, but it is how others made the 28 x 28 data sets of published figures.
    """
    return np.arange(size) * side // size


def sampled(bitmaps: npt.NDArray[np.uint8], size: int) -> Float[Tensor, "n 1 size size"]:
    """Bitmaps (n, side, side) made smaller by picking single pixels; unchanged at their own size."""
    place = sampled_places(bitmaps.shape[-1], size)
    return torch.from_numpy(bitmaps[:, place[:, None], place]).float().unsqueeze(1)


def pooled(bitmaps: Float[Tensor, "n 1 side side"], size: int) -> Float[Tensor, "n 1 size size"]:
    """The maximum of blocks of k x k pixels, k = floor(side / size); rows and columns that fill no block are left out.

    For 105 x 105 pixels at size 52 the blocks are 2 x 2 (Rezende et al., 2016, section 5.2).
    """
    block = bitmaps.shape[-1] // size
    return functional.max_pool2d(bitmaps[..., : block * size, : block * size], block)


def coverage(bitmaps: npt.NDArray[np.uint8], size: int) -> Float[Tensor, "n 1 size size"]:
    """How much of each pixel is ink, 0 to 1: the area average of bitmaps (n, side, side)."""
    return area_average(bitmaps, size).unsqueeze(1)


def ink(covered: Float[Tensor, "n 1 size size"]) -> Float[Tensor, "n 1 size size"]:
    """Ink (1) or not (0) from the covered share of every pixel, such that no stroke tears and none vanishes.

    A pixel is ink if its coverage reaches `ink_threshold(size)`, or if it is the most covered of a 3 x 3 neighbourhood
    without any ink: so even the smallest dot between four pixels leaves one of them.
    """
    threshold = ink_threshold(covered.shape[-1])
    most = neighbourhood_maximum(covered)
    lost = (most < threshold) & (covered == most) & (covered > 0)
    return ((covered >= threshold) | lost).to(covered.dtype)


def ink_threshold(size: int) -> float:
    """The smallest coverage of an ink pixel: min(1/2, 0.4 w), where w is the pen's width in pixels at this size.

    A straight stroke of width w < 2 between two rows of pixels covers each by only w / 2, diagonals a little less;
    hence 0.4.
    """
    return min(0.5, 0.4 * PEN_WIDTH * size / _SOURCE_SIDE)


def neighbourhood_maximum(pixels: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
    """The greatest of the 3 x 3 pixels around every pixel.

    Rows first, then columns: on a CPU twice as fast as max_pool2d.
    """
    rows = pixels.clone()
    torch.maximum(rows[..., 1:, :], pixels[..., :-1, :], out=rows[..., 1:, :])
    torch.maximum(rows[..., :-1, :], pixels[..., 1:, :], out=rows[..., :-1, :])
    columns = rows.clone()
    torch.maximum(columns[..., 1:], rows[..., :-1], out=columns[..., 1:])
    torch.maximum(columns[..., :-1], rows[..., 1:], out=columns[..., :-1])
    return columns
