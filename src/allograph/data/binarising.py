"""Binarises grey images, as for most published figures on MNIST.

- "none": grey stays grey.
- "threshold": 1 from 128 of 255 on.
- "dynamic": 1 with the grey level as its probability, independently for every pixel (Salakhutdinov, Murray, "On the
  quantitative analysis of deep belief networks", ICML 2008). In training it is drawn again whenever an image is shown;
  for validation and test once, so that every model is measured on the same images.
"""

from __future__ import annotations

__all__ = ["Binarisation", "binarised", "binarised_once"]

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from allograph.data.streams import Purpose, random_stream
from allograph.runtime.distributed import Share

Binarisation = Literal["none", "threshold", "dynamic"]


def binarised(
    images: Float[Tensor, "*batch c s s"], how: Binarisation, random: np.random.Generator, share: Share | None = None
) -> Float[Tensor, "*batch c s s"]:
    """Images from 0 to 1 binarised; "dynamic" takes its numbers from `random`. If the images are the `share` of more,
    the result is that share of the result for all."""
    if how == "none":
        return images
    if how == "threshold":
        return (images >= 0.5).to(images.dtype)
    rows, count = share or Share.whole(len(images))
    chance = torch.from_numpy(random.random((count, *images.shape[1:]), dtype=np.float32)[rows])
    return (chance < images).to(images.dtype)


def binarised_once(
    images: Float[Tensor, "*batch c s s"], how: Binarisation, seed: int, indices: npt.NDArray[np.integer]
) -> Float[Tensor, "*batch c s s"]:
    """The same, but the numbers for an image depend only on `seed` and its index (*batch) in its data set."""
    if how != "dynamic":
        return binarised(images, how, random_stream(seed, Purpose.BINARISATION, 0))
    single = images.reshape(-1, *images.shape[-3:])
    parts = [
        binarised(image, how, random_stream(seed, Purpose.BINARISATION, index))
        for image, index in zip(single, indices.reshape(-1).tolist(), strict=True)
    ]
    return torch.stack(parts).reshape(images.shape) if parts else images
