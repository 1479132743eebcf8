"""Variants of an exemplar, since nobody draws a symbol twice with the same size and slant."""

from __future__ import annotations

__all__ = ["variants_of"]

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from allograph.data import Augmentation, ConceptDataset, PackedBitmaps
from allograph.data.streams import Purpose, random_stream
from allograph.errors import AllographError

VARIATION = Augmentation(
    new_concepts=0.0,
    drawing_turn=8.0,
    drawing_shear=0.1,
    drawing_stretch=1.1,
    drawing_scale=1.12,
    drawing_shift=0.08,
    pen=0.0,
)
"""How far variants of an exemplar are changed."""


def variants_of(
    dataset: ConceptDataset, indices: npt.NDArray[np.int64], size: int, count: int, *, seed: int = 0
) -> Float[Tensor, "drawings count channels size size"]:
    """Each drawing and small changes of it, which depend only on (seed, its index); the first is the drawing itself.

    Raises:
        AllographError: the drawings are pictures, not ink.
    """
    plain, images = dataset.drawings(indices, size)[:, None], dataset.images
    if count == 1:
        return plain
    if not isinstance(images, PackedBitmaps):
        raise AllographError("only drawings in ink have variants: use 1")
    bitmaps = images.unpack(indices).reshape(-1, 1, images.side, images.side)
    changed = [
        VARIATION(
            bitmap[None].repeat(count - 1, axis=1),
            size,
            random_stream(seed, Purpose.VARIANTS, int(index)),
            reduction=images.reduction,
        )
        for bitmap, index in zip(bitmaps, indices, strict=True)
    ]
    return torch.cat([plain, torch.cat(changed)], dim=1)
