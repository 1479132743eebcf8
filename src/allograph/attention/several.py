"""Several windows at once: the multiple spatial transformers ("multi-ST") of the paper."""

from __future__ import annotations

__all__ = ["SeveralWindows"]

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from allograph.attention.base import Attention


@final
class SeveralWindows(Attention):
    """M windows of one kind, each at its own place.

    ``read(x)`` gives M patches of x, one after another along the channels. ``write(patches) = sum_m write_m(patch_m)``
    takes M patches of C channels each, in the same layout. Source: Rezende et al., 2016, section 3.1.

    Args:
        windows: windows of one kind, size and patch, which share nothing else.
    """

    def __init__(self, windows: Sequence[Attention]) -> None:
        first = windows[0]
        if not first.numbers:
            raise ValueError("without attention there is one window: the whole image")
        super().__init__(first.size, first.patch, len(windows) * first.numbers)
        self.windows = nn.ModuleList(windows)

    @property
    def _one(self) -> Attention:
        """Any of the windows: all do the same at a given place."""
        return self.windows[0]  # type: ignore[return-value]

    def _each(self, where: Tensor) -> Tensor:
        return where.unflatten(-1, (len(self.windows), -1))

    def unbounded(self, hidden: Tensor) -> Tensor:
        return torch.cat([window.unbounded(hidden) for window in self.windows], dim=-1)  # type: ignore[operator]

    def place(self, raw: Tensor) -> Tensor:
        return self._one.place(self._each(raw)).flatten(-2)

    def read(self, image: Tensor, where: Tensor) -> Tensor:
        images = image.repeat_interleave(len(self.windows), dim=0)
        patches = self._one.read(images, self._each(where).flatten(0, 1))
        return patches.unflatten(0, (len(where), -1)).flatten(1, 2)

    def write(self, patch: Tensor, where: Tensor) -> Tensor:
        return self._one.write_all(patch.unflatten(1, (len(self.windows), -1)), self._each(where))

    def write_all(self, patches: Tensor, where: Tensor) -> Tensor:
        patches = patches.unflatten(2, (len(self.windows), -1)).flatten(1, 2)
        return self._one.write_all(patches, self._each(where).flatten(1, 2))

    def outline(self, where: Tensor) -> Tensor:
        """The upright window around all of them."""
        each = self._one.outline(self._each(where))
        reach, middle = each[..., :2].abs().sum(dim=-1), each[..., 2]
        low, high = (middle - reach).amin(dim=-2), (middle + reach).amax(dim=-2)
        return torch.cat([torch.diag_embed((high - low) / 2), ((low + high) / 2)[..., None]], dim=-1)
