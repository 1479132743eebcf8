"""Bends an image by displacing its points."""

from __future__ import annotations

__all__ = ["bend", "bend_strokes"]

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.attention.windows import base_grid, interpolate


def bend(
    image: Float[Tensor, "batch channel size size"], displacement: Float[Tensor, "batch 2 size size"]
) -> Float[Tensor, "batch channel size size"]:
    """``y(p) = image(p + displacement(p))``; the displacement is (x, y) in half images."""
    size = image.shape[-1]
    grid = base_grid(size, image.device, image.dtype).view(2, size, size) + displacement
    return interpolate(image, grid)


def bend_strokes(
    profile: Float[Tensor, "batch 1 size size"], displacement: Float[Tensor, "batch 2 size size"]
) -> Float[Tensor, "batch 1 size size"]:
    """`bend` for strokes that keep their width: ``y(p) = profile(q)^(1 / |J^T n|^2)``, ``q = p + displacement(p)``.

    ``profile`` is 1 on strokes and falls off like a bell, ``exp(-a^2 / 2 s^2)`` at distance a along the normal n. The
    map q has the Jacobian J, so a distance a in ``profile`` becomes ``a / |J^T n|`` in y, and the exponent undoes that.
    The exponent stays between 1/3 and 3, so that no stroke vanishes where the paper is stretched most.
    """
    size = profile.shape[-1]
    slope = torch.cat(torch.gradient(profile, dim=(-1, -2)), dim=1)
    bent, normal = bend(torch.cat([profile, slope], dim=1), displacement).split([1, 2], dim=1)
    # Squares and their sum: torch's norm over two channels takes ten times as long on a CPU.
    normal = normal * normal.square().sum(dim=1, keepdim=True).clamp(min=1e-12).rsqrt()
    # J = 1 + d displacement / d p; coordinates step by 2 / size from pixel to pixel.
    along_x, along_y = torch.gradient(displacement, spacing=2 / size, dim=(-1, -2))
    pulled_x = normal[:, :1] + (along_x * normal).sum(dim=1, keepdim=True)
    pulled_y = normal[:, 1:] + (along_y * normal).sum(dim=1, keepdim=True)
    exponent = 1 / (pulled_x.square() + pulled_y.square()).clamp(1 / 3, 3)
    return bent.clamp(0, 1) ** exponent
