"""The contract of attention: where to look, decided by a hidden state; reading there, and writing there."""

from __future__ import annotations

__all__ = ["Attention"]

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """Places in an image, each given by ``numbers`` numbers; patches of ``patch`` x ``patch`` samples are read from and
    written to them. Reading and writing are linear in the image and in the patch. The layers of a patch are the
    channels of the image, of each window in turn where there are several (`allograph.attention.several`).

    Args:
        size: of the image, pixels a side.
        patch: side of what is read and written, samples.
        numbers: how many numbers say where.
    """

    def __init__(self, size: int, patch: int, numbers: int) -> None:
        super().__init__()
        self.size, self.patch, self.numbers = size, patch, numbers

    def forward(self, hidden: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch numbers"]:
        """Where, in at least float32: positions are too fine for bfloat16."""
        if not self.numbers:
            return hidden.new_zeros((*hidden.shape[:-1], 0), dtype=torch.promote_types(hidden.dtype, torch.float32))
        with torch.autocast(hidden.device.type, enabled=False):
            return self.place(self.unbounded(hidden))

    @abstractmethod
    def unbounded(self, hidden: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch free"]:
        """The linear map of the hidden state of which `place` makes numbers."""

    @abstractmethod
    def place(self, raw: Float[Tensor, "*batch free"]) -> Float[Tensor, "*batch numbers"]:
        """Where, of unbounded numbers."""

    @abstractmethod
    def read(
        self, image: Float[Tensor, "batch channel size size"], where: Float[Tensor, "batch numbers"]
    ) -> Float[Tensor, "batch layer patch patch"]:
        """The patch of each image at its place."""

    @abstractmethod
    def write(
        self, patch: Float[Tensor, "batch layer patch patch"], where: Float[Tensor, "batch numbers"]
    ) -> Float[Tensor, "batch channel size size"]:
        """Each patch at its place of an empty image."""

    @abstractmethod
    def outline(self, where: Float[Tensor, "*batch numbers"]) -> Float[Tensor, "*batch 2 3"]:
        """The window that a place covers, to be shown (see `allograph.attention.windows`)."""

    @abstractmethod
    def write_all(
        self, patches: Float[Tensor, "batch steps layer patch patch"], where: Float[Tensor, "batch steps numbers"]
    ) -> Float[Tensor, "batch channel size size"]:
        """The sum of what all steps write: ``sum_t write(patch_t, where_t)``."""

    def write_each(
        self, patches: Float[Tensor, "batch steps layer patch patch"], where: Float[Tensor, "batch steps numbers"]
    ) -> Float[Tensor, "batch steps channel size size"]:
        """What each step writes, on empty images of its own."""
        return self.write(patches.flatten(0, 1), where.flatten(0, 1)).unflatten(0, patches.shape[:2])
