"""Pictures made smaller, or larger, by exact area averages."""

from __future__ import annotations

__all__ = ["area_average", "grey"]

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor


def area_average(images: npt.NDArray[np.uint8], size: int) -> Float[Tensor, "*batch size size"]:
    """The exact area average of images (*batch, height, width) at any new size.

    A X B^T, where row i of A and of B holds the share of every source pixel in target pixel i.
    """
    down, across = _shares(images.shape[-2], size), _shares(images.shape[-1], size)
    return down @ torch.from_numpy(np.ascontiguousarray(images)).float() @ across.T


def grey(pixels: npt.NDArray[np.uint8], size: int) -> Float[Tensor, "n channels size size"]:
    """Pictures (n, C, side, side) at any size, 0 to 1: area averages, rounded to whole steps of 1/255.

    So a value is always one of the 256 that a likelihood of grey levels knows; at the stored size, the stored one.
    """
    if pixels.shape[-1] == size:
        return torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(255)
    return area_average(pixels, size).round_().div_(255)


@cache
def _shares(source: int, target: int) -> Tensor:
    """The (target, source) matrix of overlaps between the pixels of two divisions of one interval; rows sum to 1."""
    edges = np.linspace(0, source, target + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)
    overlap = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return torch.from_numpy((overlap * target / source).astype(np.float32))
