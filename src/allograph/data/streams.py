"""Random numbers by purpose: counter-based generators, each belonging to a seed, a purpose and a number."""

from __future__ import annotations

__all__ = ["Purpose", "random_stream"]

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """The purpose of a stream of random numbers: each has its own Philox key, so that none can repeat another."""

    ORDER = 0
    BATCH = 1
    FIXED = 2
    BINARISATION = 3
    LAYOUT = 4
    VARIANTS = 5


def random_stream(seed: int, purpose: Purpose, number: int) -> np.random.Generator:
    """A generator that depends only on (seed, purpose, number)."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed lies in 0 to 2^64 - 1; {seed} does not")
    key = np.array([seed, purpose], dtype=np.uint64)  # a list with a large seed would go through floating point
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, number, 0]))
