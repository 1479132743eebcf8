"""The images of a data set: many square images of one size, and how a model sees them."""

from __future__ import annotations

__all__ = ["Images"]

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor


class Images(Protocol):
    """N square images, the interface of `PackedBitmaps`, `Pictures` and `TwoDigits`.

    side: in pixels, as stored. channels, C: 1 (grey or ink) or 3 (red, green, blue). binary: whether all pixels are 0
    or 1, so that nothing is left to binarise. only_size: the only size at which the images may be shown, if any other
    would make them another data set; otherwise None.
    """

    @property
    def side(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def binary(self) -> bool: ...

    @property
    def only_size(self) -> int | None: ...

    def __len__(self) -> int: ...

    def select(self, indices: npt.ArrayLike) -> Images:
        """Only the images at `indices` (n,), in that order, stored in the same way."""
        ...

    def pixels(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The images at `indices` (n,) as stored, uint8 (n, C, side, side) from 0 to 255 (binary ones: 0 or 255)."""
        ...

    def drawings(self, indices: npt.ArrayLike, size: int) -> Float[Tensor, "n channels size size"]:
        """The images at `indices` (n,) as a model of images of `size` pixels sees them, 0 to 1."""
        ...

    def content(self) -> Iterator[bytes]:
        """All content of the images, for a fingerprint: equal for equal images in the same storage, on any machine."""
        ...
