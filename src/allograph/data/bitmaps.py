"""Many black and white images in little memory."""

from __future__ import annotations

__all__ = ["PackedBitmaps"]

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class PackedBitmaps:
    """N square images of one bit a pixel, eight pixels a byte.

    bits (N, ceil(side * side / 8)) uint8: each row holds one image, row by row, ink = 1, most significant bit first,
    the last byte filled with zeros (numpy.packbits). Omniglot's 32,460 images take 45 MB instead of 358 MB.
    """

    bits: npt.NDArray[np.uint8]
    side: int

    def __post_init__(self) -> None:
        width = (self.side**2 + 7) // 8
        if self.bits.ndim != 2 or self.bits.shape[1] != width or self.bits.dtype != np.uint8:
            raise ValueError(
                f"images of side {self.side} need uint8 rows of {width} bytes, not {self.bits.dtype} {self.bits.shape}"
            )

    @classmethod
    def pack(cls, images: npt.ArrayLike) -> PackedBitmaps:
        """Pack images (N, side, side); whatever is not zero is ink."""
        array = np.asarray(images)
        if array.ndim != 3 or array.shape[1] != array.shape[2]:
            raise ValueError(f"expected images of shape (N, side, side), not {array.shape}")
        return cls(np.packbits(array.reshape(len(array), array.shape[1] ** 2) != 0, axis=1), array.shape[1])

    def __len__(self) -> int:
        return len(self.bits)

    def unpack(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The images at `indices` (n,) as uint8 (n, side, side) of zeros and ones."""
        rows = self.bits[np.asarray(indices, dtype=np.intp)]
        pixels = np.unpackbits(rows, axis=1, count=self.side**2)
        return pixels.reshape(len(rows), self.side, self.side)

    def select(self, indices: npt.ArrayLike) -> PackedBitmaps:
        """Only the images at `indices` (n,), in that order, still packed."""
        return PackedBitmaps(self.bits[np.asarray(indices, dtype=np.intp)], self.side)
