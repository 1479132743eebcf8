"""Windows: reading one from an image, and writing a patch back into it.

A *window* is an affine map ``[A | b]``, shape (2, 3), from window coordinates ``u`` in [-1, 1]^2 to image coordinates
``p = A u + b`` in the same convention: (x right, y down), pixel centres of an n-pixel axis at ``(2 i + 1) / n - 1``.

- reading:  ``y(u) = image(A u + b)``,            undoes position, scale, rotation and shear
- writing:  ``canvas(p) = patch(A^-1 (p - b))``,  puts them back

Both interpolate bilinearly with zeros outside, so both are linear in the image. With the identity window and equal
sizes both are the identity. Source: Jaderberg et al., *Spatial Transformer Networks*, 2015; Rezende et al., 2016,
section 3.1 and appendix.
"""

from __future__ import annotations

__all__ = [
    "Window",
    "base_grid",
    "compose",
    "identity_window",
    "interpolate",
    "invert",
    "read",
    "read_straight",
    "write",
]

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Window = Float[Tensor, "*batch 2 3"]


def identity_window(*batch: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """The window that covers the whole image: ``A = I, b = 0``, shape (*batch, 2, 3)."""
    return torch.eye(2, 3, device=device, dtype=dtype).expand(*batch, 2, 3)


def compose(outer: Window, inner: Window) -> Window:
    """``outer`` after ``inner``: ``u -> A_o (A_i u + b_i) + b_o``, a window inside a window."""
    with torch.autocast(outer.device.type, enabled=False):  # positions are too fine for bfloat16
        a, b = outer[..., :2], outer[..., 2:]
        return torch.cat([a @ inner[..., :2], a @ inner[..., 2:] + b], dim=-1)


def invert(window: Window) -> Window:
    """The map from image to window coordinates: ``p -> A^-1 (p - b)``. Windows of this module are never singular."""
    a, b, x = window[..., 0, 0], window[..., 0, 1], window[..., 0, 2]
    c, d, y = window[..., 1, 0], window[..., 1, 1], window[..., 1, 2]
    scale = 1 / (a * d - b * c)
    rows = torch.stack([d, -b, b * y - d * x, -c, a, c * x - a * y], dim=-1) * scale[..., None]
    return rows.unflatten(-1, (2, 3))


@lru_cache(maxsize=32)
def base_grid(size: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "2 pixels"]:
    """Pixel centres (x, y) of a size x size image, row by row."""
    with torch.inference_mode(False):  # cached, and must serve training after a first use in inference mode
        centre = (2 * torch.arange(size, device=device, dtype=dtype) + 1) / size - 1
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()])


def interpolate(image: Tensor, grid: Float[Tensor, "batch 2 rows columns"]) -> Tensor:
    """Bilinear values of ``image`` at the points (x, y) of ``grid``, zero outside."""
    return _bilinear(image, grid.permute(0, 2, 3, 1))


def _bilinear(image: Tensor, points: Float[Tensor, "batch rows columns 2"]) -> Tensor:
    return F.grid_sample(image, points, mode="bilinear", padding_mode="zeros", align_corners=False)


def _sample(image: Tensor, window: Tensor, size: int) -> Tensor:
    """Bilinear values of ``image`` (N, C, H, W) at the size x size grid seen through windows (N, 2, 3)."""
    with torch.autocast(image.device.type, enabled=False):  # positions are too fine for bfloat16
        x, y = base_grid(size, window.device, window.dtype)
        points = window[..., :1] * x + window[..., 1:2] * y + window[..., 2:]
        return _bilinear(image, points.view(-1, 2, size, size).permute(0, 2, 3, 1))


def read(
    image: Float[Tensor, "batch channel height width"], window: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch channel {size} {size}"]:
    """The size x size patch that the window shows: ``y(u) = image(A u + b)``."""
    return _sample(image, window, size)


def read_straight(
    image: Float[Tensor, "batch channel height width"], where: Float[Tensor, "batch 4"], size: int
) -> Float[Tensor, "batch channel {size} {size}"]:
    """`read` for windows without turn and shear, given as scales (x, y) and shifts (x, y)."""
    with torch.autocast(image.device.type, enabled=False):
        points = where[:, :2, None] * base_grid(size, where.device, where.dtype) + where[:, 2:, None]
        return interpolate(image, points.view(-1, 2, size, size))


def write(
    patch: Float[Tensor, "batch channel height width"], window: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch channel {size} {size}"]:
    """A size x size canvas, zero outside the window: ``canvas(p) = patch(A^-1 (p - b))``."""
    return _sample(patch, invert(window), size)
