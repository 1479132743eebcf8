"""Many grey or colour images with eight bits for each pixel and channel."""

from __future__ import annotations

__all__ = ["Pictures"]

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from allograph.imaging.area_average import grey


@dataclass(frozen=True, eq=False)
class Pictures:
    """N square pictures, values uint8 (N, C, side, side), C = 1 (grey) or 3 (red, green, blue).

    A model sees them at any size, or only at `only_size`, by the area average, in steps of 1/255
    (`allograph.imaging.area_average.grey`).
    """

    values: npt.NDArray[np.uint8]
    only_size: int | None = None

    def __post_init__(self) -> None:
        shape = self.values.shape
        if self.values.dtype != np.uint8 or len(shape) != 4 or shape[1] not in (1, 3) or shape[2] != shape[3]:
            raise ValueError(f"pictures are uint8 (N, 1 or 3, side, side), not {self.values.dtype} {shape}")

    @property
    def side(self) -> int:
        return self.values.shape[-1]

    @property
    def channels(self) -> int:
        return self.values.shape[1]

    @property
    def binary(self) -> bool:
        return False

    def __len__(self) -> int:
        return len(self.values)

    def select(self, indices: npt.ArrayLike) -> Pictures:
        return Pictures(self.pixels(indices), self.only_size)

    def pixels(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        return self.values[np.asarray(indices, dtype=np.intp)]

    def drawings(self, indices: npt.ArrayLike, size: int) -> Float[Tensor, "n channels size size"]:
        return grey(self.pixels(indices), size)

    def content(self) -> Iterator[bytes]:
        yield f"eight bits, {self.channels} channels".encode()
        yield np.ascontiguousarray(self.values).tobytes()
        if self.only_size is not None:
            yield f"only at {self.only_size}".encode()
