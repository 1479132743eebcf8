"""Attention that writes by two matrix products, ``G_y patch G_x^T``."""

from __future__ import annotations

__all__ = ["SeparableAttention", "bilinear_kernel"]

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.attention.base import Attention


def bilinear_kernel(place: Float[Tensor, "*batch points"], size: int) -> Float[Tensor, "*batch points {size}"]:
    """The weights of bilinear interpolation between ``size`` pixels on [-1, 1] at each place, zero outside:
    ``max(0, 1 - |i(place) - i|)`` with ``i(place) = ((place + 1) size - 1) / 2``.
    """
    pixel = ((place + 1) * size - 1) / 2
    pixels = torch.arange(size, device=place.device, dtype=place.dtype)
    return torch.relu(1 - (pixel[..., None] - pixels).abs())


class SeparableAttention(Attention):
    """Attention whose kernels along x and along y are independent (Gregor et al., 2015, equations 27 and 29).

    The products run in at least float32. One product over (T x patch) writes all T steps without making an image for
    each.
    """

    @abstractmethod
    def writing_kernels(
        self, where: Float[Tensor, "*batch numbers"]
    ) -> tuple[Float[Tensor, "*batch size patch"], Float[Tensor, "*batch size patch"]]:
        """``G_y`` and ``G_x``."""

    def write(self, patch: Tensor, where: Tensor) -> Tensor:
        with torch.autocast(patch.device.type, enabled=False):
            along_y, along_x = self.writing_kernels(where)
            return along_y[:, None] @ patch.to(where.dtype) @ along_x[:, None].mT

    def write_all(self, patches: Tensor, where: Tensor) -> Tensor:
        with torch.autocast(patches.device.type, enabled=False):
            along_y, along_x = self.writing_kernels(where)
            # sum_t G_y[t] (patch_t G_x[t]^T), with the sum over t and over the patch's rows in one product.
            rows = patches.to(where.dtype) @ along_x[:, :, None].mT
            rows = rows.transpose(1, 2).flatten(2, 3)
            return along_y.transpose(1, 2).flatten(2, 3)[:, None] @ rows
