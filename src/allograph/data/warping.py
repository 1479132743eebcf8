"""Bitmaps through affine windows, with a pen of another width."""

from __future__ import annotations

__all__ = ["centres", "change_pen", "fineness_of", "sampling_grid", "warp"]

import math

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from allograph.data.resizing import Reduction, ink, neighbourhood_maximum, pooled, sampled_places

Array = npt.NDArray[np.floating]

# Bitmaps in work at a time: what a processor's own memory holds, and no page is asked of the system for each batch.
_AT_ONCE = 16


def warp(
    bitmaps: npt.NDArray[np.uint8],
    windows: npt.NDArray[np.floating],
    size: int,
    pen_change: npt.NDArray[np.floating] | float = 0.0,
    *,
    reduction: Reduction = "average",
) -> Float[Tensor, "n 1 size size"]:
    """Bitmaps (n, side, side) seen through affine windows (n, 2, 3), `size` pixels square, ink = 1 on 0.

    A window maps coordinates (x right, y down, both in [-1, 1]) of the result to such coordinates of the bitmap. It is
    sampled as finely as the bitmap, the pen made `pen_change` (n) pixels of 105 wider, then averaged and made ink or
    not as all drawings are (`allograph.data.resizing.ink`). With another `reduction` it is seen at the bitmap's own
    size, and made smaller from there.
    """
    n, side, _ = bitmaps.shape
    fineness = fineness_of(side, size)
    fine = size * fineness if reduction == "average" else side
    change = np.broadcast_to(pen_change, n) * fine / 105
    looks = torch.from_numpy(np.asarray(windows, dtype=np.float32))
    drawings = torch.empty(n, 1, size, size)
    for first in range(0, n, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        source = torch.from_numpy(np.ascontiguousarray(bitmaps[part])).float().unsqueeze(1)
        if reduction == "sample":
            drawings[part] = _picked(source, looks[part], size, change[part])
            continue
        pixels = change_pen(_seen(source, looks[part], centres(fine)), change[part])
        if reduction == "average":
            drawings[part] = ink(functional.avg_pool2d(pixels, fineness))
        else:
            drawings[part] = pooled((pixels >= 0.5).float(), size)
    return drawings


def _picked(source: Tensor, windows: Tensor, size: int, change: Array) -> Float[Tensor, "n 1 size size"]:
    """Single pixels of what is seen at the bitmap's own size: only these and their neighbours, whom the pen asks for,
    are looked at."""
    side = source.shape[-1]
    around = (np.arange(-1, 2)[:, None] + sampled_places(side, size)).clip(0, side - 1)
    pixels = _seen(source, windows, centres(side)[around.reshape(-1)]).view(-1, 3, size, 3, size)
    amount, sign = _pen(change)
    middle = pixels[:, 1, :, 1]
    if amount.any():
        signed = pixels * sign[..., None]
        rows = torch.maximum(torch.maximum(signed[:, 0], signed[:, 1]), signed[:, 2])
        grown = torch.maximum(torch.maximum(rows[:, :, 0], rows[:, :, 1]), rows[:, :, 2]) * sign[:, 0]
        middle = torch.lerp(middle, grown, amount[:, 0])
    return (middle >= 0.5).to(source.dtype).unsqueeze(1)


def _seen(source: Tensor, windows: Tensor, places: Tensor) -> Float[Tensor, "n 1 places places"]:
    """The bitmaps through their windows at all pairs of these places of an axis."""
    grid = sampling_grid(windows, places)
    return functional.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def fineness_of(side: int, size: int) -> int:
    """Into how many parts each pixel is divided so that a bitmap or picture is sampled as finely as it is stored."""
    return max(1, math.ceil(0.95 * side / size))


def change_pen(pixels: Float[Tensor, "n 1 h w"], change: npt.NDArray[np.floating]) -> Float[Tensor, "n 1 h w"]:
    """Strokes `change` (n) pixels wider, or narrower where negative, by at most two and a half pixels.

    The greatest of the 3 x 3 neighbours moves both edges out by 1 to sqrt(2) pixels, by 4 / pi on average over all
    directions, the smallest moves them in. What lies between is a mixture, which the average that follows turns into an
    edge at the place between.
    """
    amount, sign = _pen(change)
    if not amount.any():
        return pixels
    return torch.lerp(pixels, neighbourhood_maximum(pixels * sign) * sign, amount)


def _pen(change: npt.NDArray[np.floating]) -> tuple[Float[Tensor, "n 1 1 1"], Float[Tensor, "n 1 1 1"]]:
    """How much of the neighbours' greatest is mixed in, and the sign that makes one pass of both directions: shrinking
    ink is growing paper."""
    amount = torch.from_numpy(np.clip(change / 2 * (np.pi / 4), -1, 1).astype(np.float32))[:, None, None, None]
    return amount.abs(), torch.where(amount < 0, -1.0, 1.0)


def centres(size: int) -> Float[Tensor, " size"]:
    """The centres of an axis's pixels in [-1, 1]."""
    return (2 * torch.arange(size) + 1) / size - 1


def sampling_grid(
    windows: Float[Tensor, "n 2 3"], centres: Float[Tensor, " places"]
) -> Float[Tensor, "n places places 2"]:
    """Where a window looks from all pairs of places of an axis: affine_grid with align_corners=False where these are
    the centres of pixels, four times as fast on a CPU."""
    across = windows[:, None, :, 0] * centres[None, :, None]
    down = windows[:, None, :, 1] * centres[None, :, None] + windows[:, None, :, 2]
    return across[:, None, :, :] + down[:, :, None, :]
