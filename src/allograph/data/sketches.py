"""Recognises images from a few numbers.

Every image has a 64-bit hash. The 1,024 smallest hashes of a data set are a random sample of its distinct images that
depends only on them. Images of another data set with hashes below the greatest of the 1,024 can be compared: they are
in the first set exactly if their hash is in the sketch. If all images come from a data set of N, the expected share
that can be compared is 1,024 / N; for a data set of at most 1,024 images, all can.
"""

from __future__ import annotations

__all__ = ["SKETCH", "image_hashes", "share_of_comparable", "smallest"]

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from allograph.data.images import Images

SKETCH = 1024
"""Number of hashes to keep."""

_CHUNK = 1024


def image_hashes(images: Images) -> npt.NDArray[np.uint64]:
    """A hash (N,) of each image's pixels in eight bits: the same for bitmaps and for pictures of them."""
    hashes = np.empty(len(images), dtype=np.uint64)
    for start in range(0, len(images), _CHUNK):
        chunk = images.pixels(np.arange(start, min(start + _CHUNK, len(images))))
        for place, image in enumerate(chunk, start):
            hashes[place] = int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")
    return hashes


def smallest(hashes: npt.NDArray[np.uint64]) -> tuple[int, ...]:
    """The smallest distinct hashes, at most `SKETCH`, ascending."""
    return tuple(np.unique(hashes)[:SKETCH].tolist())


def share_of_comparable(hashes: npt.NDArray[np.uint64], sketch: Sequence[int]) -> float:
    """Of the hashes (N,) that the `sketch` would hold if they were in its data set, the share that it does hold.

    A full sketch says nothing about hashes above its greatest one; the share is 0 if no others are left.
    """
    kept = np.array(sorted(sketch), dtype=np.uint64)
    comparable = hashes if len(kept) < SKETCH else hashes[hashes <= kept[-1]]
    return float(np.isin(comparable, kept).mean()) if len(comparable) else 0.0
