"""Multi-MNIST: two digits at random places on a larger canvas, drawn on demand.

As in Gregor et al., "DRAW: a recurrent neural network for image generation", ICML 2015, section 4.3, who add
overlapping digits on 60 x 60 pixels; here the brighter pixel wins. Nobody published the pictures themselves, so figures
compare only within this set. A model sees them at any size, averaged ("multi-mnist"), or only at 64 x 64 pixels
("multi-mnist-64"), the size of Rezende et al., "One-shot generalization in deep generative models", ICML 2016, table 2.
"""

from __future__ import annotations

__all__ = ["TwoDigits", "load_multi_mnist"]

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from allograph.data.concepts import ConceptDataset
from allograph.data.mnist import load_mnist
from allograph.data.splits import Splits
from allograph.data.streams import Purpose, random_stream
from allograph.imaging.area_average import grey

_SIDE = 64
# Validation and test images are the same for every seed.
_HELD_OUT_SEEDS = (2**64 - 1, 2**64 - 2)


@dataclass(frozen=True, eq=False)
class TwoDigits:
    """N pictures of two of M digits each; only the digits and their places are stored.

    digits uint8 (M, s, s). chosen (N, 2): the chosen digits. corner (N, 2, 2): the upper left corner (row, column) of
    each, 0 to side - s. only_size: as in `allograph.data.images.Images`.
    """

    digits: npt.NDArray[np.uint8]
    chosen: npt.NDArray[np.int64]
    corner: npt.NDArray[np.int64]
    side: int
    only_size: int | None = None

    @classmethod
    def random(cls, digits: npt.NDArray[np.uint8], count: int, seed: int, side: int = _SIDE) -> TwoDigits:
        """`count` pictures of digits (M, s, s); picture i depends only on the digits, `seed` and i."""
        numbers = random_stream(seed, Purpose.LAYOUT, 0).random((count, 6))
        chosen = (numbers[:, :2] * len(digits)).astype(np.int64)
        corner = (numbers[:, 2:] * (side - digits.shape[-1] + 1)).astype(np.int64)
        return cls(digits, chosen, corner.reshape(count, 2, 2), side)

    @property
    def channels(self) -> int:
        return 1

    @property
    def binary(self) -> bool:
        return False

    def __len__(self) -> int:
        return len(self.chosen)

    def select(self, indices: npt.ArrayLike) -> TwoDigits:
        rows = np.asarray(indices, dtype=np.intp)
        return replace(self, chosen=self.chosen[rows], corner=self.corner[rows])

    def pixels(self, indices: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        rows = np.asarray(indices, dtype=np.intp)
        canvas = np.zeros((len(rows), 1, self.side, self.side), dtype=np.uint8)
        size = self.digits.shape[-1]
        # Slice by slice: several times as fast as indexing all of them at once.
        for picture, digits, corners in zip(canvas[:, 0], self.chosen[rows], self.corner[rows].tolist(), strict=True):
            for digit, (down, across) in zip(digits, corners, strict=True):
                place = picture[down : down + size, across : across + size]
                np.maximum(place, self.digits[digit], out=place)
        return canvas

    def drawings(self, indices: npt.ArrayLike, size: int) -> Float[Tensor, "n 1 size size"]:
        return grey(self.pixels(indices), size)

    def content(self) -> Iterator[bytes]:
        yield f"two digits on {self.side}".encode()
        yield np.ascontiguousarray(self.digits).tobytes()
        for places in (self.chosen, self.corner):
            yield places.astype("<i8").tobytes()
        if self.only_size is not None:
            yield f"only at {self.only_size}".encode()


def load_multi_mnist(data_dir: str | Path | None = None, seed: int = 0, name: str = "multi-mnist") -> Splits:
    """50,000 training, 10,000 validation and 10,000 test pictures, 64 x 64 pixels, made of digits from the same part of
    MNIST.

    The training pictures depend on `seed`; the others are always the same. The concept of a picture is its two digits,
    in any order. `name`: "multi-mnist" or "multi-mnist-64".

    Raises AllographError as `load_mnist` does.
    """
    mnist = load_mnist(data_dir)
    validation_seed, test_seed = _HELD_OUT_SEEDS
    return Splits(
        _pictures(name, mnist.train, seed),
        _pictures(name, mnist.validation, validation_seed),
        _pictures(name, mnist.test, test_seed),
        images="grey",
    )


def _pictures(name: str, mnist: ConceptDataset, seed: int) -> ConceptDataset:
    digits = mnist.images.pixels(np.arange(len(mnist)))[:, 0]
    images = TwoDigits.random(digits, len(mnist), seed)
    if name == "multi-mnist-64":
        images = replace(images, only_size=_SIDE)
    low, high = np.sort(mnist.concept[images.chosen], axis=1).T
    pairs = [(first, second) for first in range(10) for second in range(first, 10)]
    number = np.zeros((10, 10), dtype=np.int64)
    number[tuple(np.transpose(pairs))] = np.arange(len(pairs))
    return ConceptDataset(
        name=name,
        images=images,
        concept=number[low, high],
        drawer=np.arange(len(images)),
        concept_names=tuple(f"{first} and {second}" for first, second in pairs),
        family_names=("digits",),
        family=np.zeros(len(pairs), dtype=np.int64),
    )
