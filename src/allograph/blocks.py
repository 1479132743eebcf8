"""What a writer makes at once: a block of drawings, and the noise that belongs to each."""

from __future__ import annotations

__all__ = ["BLOCK", "Block", "noise_for"]

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float

BLOCK = 16
"""Drawings that the model makes at once."""


@dataclass(frozen=True)
class Block:
    """Up to `BLOCK` drawings after one exemplar or none, as NumPy arrays over its n drawings, of C x S x S pixels.

    Values are what `Appearance.render` takes: logits of ink for symbols, intensities from 0 to 1 for pictures.

    Attributes:
        canvases: the canvas after each of T steps, (n, T, C, S, S); after the last alone (T = 1) without history.
        write_windows: where each step wrote, (n, T, 2, 3), window to image coordinates; (n, 0, 2, 3) without windows.
        read_windows: where each step read the exemplar, likewise.
        seconds: time that the model took for the whole block.
    """

    canvases: Float[np.ndarray, "n T C S S"]
    write_windows: Float[np.ndarray, "n written 2 3"]
    read_windows: Float[np.ndarray, "n looked 2 3"]
    seconds: float

    @property
    def drawings(self) -> Float[np.ndarray, "n C S S"]:
        """The finished drawings."""
        return self.canvases[:, -1]


def noise_for(shape: tuple[int, int], keys: Iterable[tuple[object, ...]]) -> Float[torch.Tensor, "keys steps latent"]:
    """The standard normal numbers of one drawing for each key, of this shape: a hash of the key is their seed."""
    import torch

    def one(key: tuple[object, ...]) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little") >> 1
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    return torch.stack([one(key) for key in keys])
