"""The standard normal numbers of drawings, from a counter-based generator that is the same in every language.

A drawing's numbers follow from a text that names it: the first eight bytes of the text's SHA-256 are the key of
Philox 4x32-10, and block i = 0, 1, ... of its stream is Philox of the counter (i, 0, 0, 0): four numbers x of 32 bits,
u = (x + 1/2) / 2^32. Each pair of these gives two normal numbers (Box and Muller, 1958), computed in float64:

    sqrt(-2 ln u_1) cos(2 pi u_2),   sqrt(-2 ln u_1) sin(2 pi u_2)

The studio in the browser makes the same numbers (`studio/page/browser/noise.js`); tests hold both to the same vectors.

Source: Salmon, Moraes, Dror, Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011.
"""

from __future__ import annotations

__all__ = ["normal", "philox", "text_of"]

import hashlib
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt32

_ROUNDS = 10
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(key: tuple[int, int], counters: UInt32[np.ndarray, "n 4"]) -> UInt32[np.ndarray, "n 4"]:
    """Philox 4x32-10 of each counter."""
    a, b, c, d = (column.astype(np.uint64) for column in counters.T)
    first, second = key
    for _ in range(_ROUNDS):
        low, high = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, c = (high >> _HALF) ^ b ^ np.uint64(first), (low >> _HALF) ^ d ^ np.uint64(second)
        b, d = high & _LOW, low & _LOW
        first, second = ((part + step) & 0xFFFFFFFF for part, step in zip((first, second), _STEPS, strict=True))
    return np.stack([a, b, c, d], axis=1).astype(np.uint32)


def text_of(parts: Iterable[object]) -> str:
    """The text that names a drawing: its parts, one on each line."""
    return "\n".join(str(part) for part in parts)


def normal(text: str, count: int) -> Float[np.ndarray, " count"]:
    """The first ``count`` standard normal numbers of a text's stream, float32."""
    digest = hashlib.sha256(text.encode()).digest()
    key = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
    counters = np.zeros((-(-count // 4), 4), np.uint32)
    counters[:, 0] = np.arange(len(counters))
    uniform = (philox(key, counters).astype(np.float64) + 0.5) / 2.0**32
    radius, angle = np.sqrt(-2 * np.log(uniform[:, ::2])), 2 * np.pi * uniform[:, 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(-1)[:count].astype(np.float32)
