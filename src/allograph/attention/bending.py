"""Bends an image by displacing its points."""

from __future__ import annotations

__all__ = ["FLAT", "bend", "bend_strokes"]

import torch
from jaxtyping import Float
from torch import Tensor

from allograph.attention.windows import base_grid, interpolate

FLAT = 1e-4
"""Of the square of the slope of log ``profile``, per pixel: where it is less steep, it has no direction to speak of."""


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

    The normal is the direction of the slope g of ``profile``. On the ridge of a stroke g is 0 and has none, so
    ``|J^T n|^2`` is ``(|J^T g|^2 + FLAT |J|^2 / 2) / (|g|^2 + FLAT)``: where g is small, the mean over all directions.
    """
    size = profile.shape[-1]
    slope = torch.cat(torch.gradient(profile, dim=(-1, -2)), dim=1)
    bent, slope = bend(torch.cat([profile, slope], dim=1), displacement).split([1, 2], dim=1)
    # J = 1 + d displacement / d p; coordinates step by 2 / size from pixel to pixel.
    along_x, along_y = torch.gradient(displacement, spacing=2 / size, dim=(-1, -2))
    rows = along_x + along_x.new_tensor([1, 0])[:, None, None], along_y + along_y.new_tensor([0, 1])[:, None, None]
    # Squares and their sum: torch's norm over two channels takes ten times as long on a CPU.
    pulled = sum((row * slope).sum(dim=1, keepdim=True).square() for row in rows)
    everywhere = sum(row.square().sum(dim=1, keepdim=True) for row in rows) / 2
    steepness, flat = slope.square().sum(dim=1, keepdim=True), FLAT * bent.square() + 1e-12
    exponent = (steepness + flat) / (pulled + flat * everywhere)
    return bent.clamp(0, 1) ** exponent.clamp(1 / 3, 3)
