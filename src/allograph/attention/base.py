"""The interface of attention: a hidden state decides where to read and write."""

from __future__ import annotations

__all__ = ["Attention"]

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """Reads patches of ``patch`` x ``patch`` samples from places in an image, and writes them there. Each place is
    given by ``numbers`` numbers. Reading is linear in the image, writing in the patch. The layers of a patch are the
    channels of the image, repeated for each of several windows (`allograph.attention.several`).

    Args:
        size: side of the image in pixels.
        patch: side of a patch in samples.
        numbers: how many numbers give a place.
    """

    def __init__(self, size: int, patch: int, numbers: int) -> None:
        super().__init__()
        self.size, self.patch, self.numbers = size, patch, numbers

    def forward(self, hidden: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch numbers"]:
        """The place for a hidden state, in at least float32: positions are too fine for bfloat16."""
        if not self.numbers:
            return hidden.new_zeros((*hidden.shape[:-1], 0), dtype=torch.promote_types(hidden.dtype, torch.float32))
        with torch.autocast(hidden.device.type, enabled=False):
            return self.place(self.unbounded(hidden))

    @abstractmethod
    def unbounded(self, hidden: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch free"]:
        """The linear map of the hidden state whose output `place` turns into a place."""

    @abstractmethod
    def place(self, raw: Float[Tensor, "*batch free"]) -> Float[Tensor, "*batch numbers"]:
        """The place for these unbounded numbers."""

    @abstractmethod
    def read(
        self, image: Float[Tensor, "batch channel size size"], where: Float[Tensor, "batch numbers"]
    ) -> Float[Tensor, "batch layer patch patch"]:
        """The patch of each image at its place."""

    @abstractmethod
    def write(
        self, patch: Float[Tensor, "batch layer patch patch"], where: Float[Tensor, "batch numbers"]
    ) -> Float[Tensor, "batch channel size size"]:
        """Each patch at its place in an empty image."""

    @abstractmethod
    def outline(self, where: Float[Tensor, "*batch numbers"]) -> Float[Tensor, "*batch 2 3"]:
        """The window that a place covers, for display (see `allograph.attention.windows`)."""

    @abstractmethod
    def write_all(
        self, patches: Float[Tensor, "batch steps layer patch patch"], where: Float[Tensor, "batch steps numbers"]
    ) -> Float[Tensor, "batch channel size size"]:
        """The sum of the writing of all steps: ``sum_t write(patch_t, where_t)``."""

    def write_each(
        self, patches: Float[Tensor, "batch steps layer patch patch"], where: Float[Tensor, "batch steps numbers"]
    ) -> Float[Tensor, "batch steps channel size size"]:
        """The writing of each step, each on its own empty image."""
        return self.write(patches.flatten(0, 1), where.flatten(0, 1)).unflatten(0, patches.shape[:2])
