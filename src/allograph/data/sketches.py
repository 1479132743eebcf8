"""Recognising images again, from a few numbers.

Every image has a 64-bit hash. The 1,024 smallest hashes of a data set are a random sample of its distinct images that
depends on nothing but them: of another data set, those with hashes below the greatest of the 1,024 can be compared, and
are in the first one exactly when their hash is among them. Of images that are all from a data set of N, the expected
number that can be compared is 1,024 / N of theirs; of a data set of at most 1,024 images, all.
"""

from __future__ import annotations

__all__ = ["SKETCH", "image_hashes", "share_of_comparable", "smallest"]

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from allograph.data.images import Images

SKETCH = 1024
"""How many hashes are kept."""

_CHUNK = 1024


def image_hashes(images: Images) -> npt.NDArray[np.uint64]:
    """One hash (N,) for each image, of its pixels in eight bits: the same for bitmaps and for pictures of them."""
    hashes = np.empty(len(images), dtype=np.uint64)
    for start in range(0, len(images), _CHUNK):
        chunk = images.pixels(np.arange(start, min(start + _CHUNK, len(images))))
        for place, image in enumerate(chunk, start):
            hashes[place] = int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest(), "little")
    return hashes


def smallest(hashes: npt.NDArray[np.uint64]) -> tuple[int, ...]:
    """The at most `SKETCH` smallest distinct hashes, ascending."""
    return tuple(np.unique(hashes)[:SKETCH].tolist())


def share_of_comparable(hashes: npt.NDArray[np.uint64], sketch: Sequence[int]) -> float:
    """Of the hashes (N,) that would be in the `sketch` if they were in its data set, the share that are in it.

    A full sketch says nothing of hashes above its greatest one; 0 where that leaves none.
    """
    kept = np.array(sorted(sketch), dtype=np.uint64)
    comparable = hashes if len(kept) < SKETCH else hashes[hashes <= kept[-1]]
    return float(np.isin(comparable, kept).mean()) if len(comparable) else 0.0
