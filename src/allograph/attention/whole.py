"""No attention: reads and writes the whole image."""

from __future__ import annotations

__all__ = ["WholeImage"]

from typing import final

from torch import Tensor

from allograph.attention.base import Attention
from allograph.attention.windows import identity_window


@final
class WholeImage(Attention):
    """``read(x) = x`` and ``write(patch) = patch``: a patch is the image, and a place has no numbers."""

    def __init__(self, size: int) -> None:
        super().__init__(size, size, 0)

    def unbounded(self, hidden: Tensor) -> Tensor:
        return hidden[..., :0]

    def place(self, raw: Tensor) -> Tensor:
        return raw

    def read(self, image: Tensor, where: Tensor) -> Tensor:
        return image.to(where.dtype)

    def write(self, patch: Tensor, where: Tensor) -> Tensor:
        return patch.to(where.dtype)

    def write_all(self, patches: Tensor, where: Tensor) -> Tensor:
        return self.write_each(patches, where).sum(dim=1)

    def outline(self, where: Tensor) -> Tensor:
        return identity_window(*where.shape[:-1], device=where.device, dtype=where.dtype)
