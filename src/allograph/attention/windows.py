"""Spatially transformed attention: reading a window of an image, and writing a patch back into one.

A *window* is an affine map ``[A | b]``, shape (2, 3), from window coordinates ``u`` in [-1, 1]^2 to image coordinates
``p = A u + b`` in the same convention: (x right, y down), pixel centres of an n-pixel axis at ``(2 i + 1) / n - 1``.

- reading:  ``y(u) = image(A u + b)``,            undoes position, scale, rotation and shear
- writing:  ``canvas(p) = patch(A^-1 (p - b))``,  puts them back

Both interpolate bilinearly with zeros outside, so both are linear in the image, and with the identity window and equal
sizes both are the identity. Source: Jaderberg et al., *Spatial Transformer Networks*, 2015; Rezende et al., 2016,
section 3.1 and appendix.
"""

from __future__ import annotations

__all__ = [
    "SpatialTransformer",
    "WindowBounds",
    "bend",
    "bend_strokes",
    "compose",
    "identity_window",
    "invert",
    "read",
    "write",
]

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Window = Float[Tensor, "*batch 2 3"]


def identity_window(*batch: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """The window that is the whole image: ``A = I, b = 0``, shape (*batch, 2, 3)."""
    return torch.eye(2, 3, device=device, dtype=dtype).expand(*batch, 2, 3)


def compose(outer: Window, inner: Window) -> Window:
    """``outer`` after ``inner``: ``u -> A_o (A_i u + b_i) + b_o``, a window inside a window."""
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
def _base_grid(size: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "3 pixels"]:
    """Homogeneous pixel centres (x, y, 1) of a size x size image, row by row."""
    with torch.inference_mode(False):  # it is kept, and has to serve training after a first use in inference mode
        centre = (2 * torch.arange(size, device=device, dtype=dtype) + 1) / size - 1
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        return torch.stack([x.flatten(), y.flatten(), torch.ones(size * size, device=device, dtype=dtype)])


def bend(
    image: Float[Tensor, "batch channel size size"], displacement: Float[Tensor, "batch 2 size size"]
) -> Float[Tensor, "batch channel size size"]:
    """``y(p) = image(p + displacement(p))``; displacement is (x, y) in half images."""
    size = image.shape[-1]
    grid = _base_grid(size, image.device, image.dtype)[:2].view(2, size, size) + displacement
    return _interpolate(image, grid)


def bend_strokes(
    profile: Float[Tensor, "batch 1 size size"], displacement: Float[Tensor, "batch 2 size size"]
) -> Float[Tensor, "batch 1 size size"]:
    """`bend` for strokes that keep their width: ``y(p) = profile(q)^(1 / |J^T n|^2)``, ``q = p + displacement(p)``.

    ``profile`` is 1 on strokes and falls off like a bell, ``exp(-a^2 / 2 s^2)`` at distance a along the normal n. The
    map q has the Jacobian J, so a distance a in ``profile`` is one of ``a / |J^T n|`` in y: the exponent puts it back.
    It is kept between 1/3 and 3, so that no stroke vanishes where the paper is stretched most.
    """
    size = profile.shape[-1]
    slope = torch.cat(torch.gradient(profile, dim=(-1, -2)), dim=1)
    bent, normal = bend(torch.cat([profile, slope], dim=1), displacement).split([1, 2], dim=1)
    normal = normal / normal.norm(dim=1, keepdim=True).clamp(min=1e-6)
    # J = 1 + d displacement / d p; coordinates step by 2 / size from pixel to pixel.
    along_x, along_y = torch.gradient(displacement, spacing=2 / size, dim=(-1, -2))
    pulled_x = normal[:, :1] + (along_x * normal).sum(dim=1, keepdim=True)
    pulled_y = normal[:, 1:] + (along_y * normal).sum(dim=1, keepdim=True)
    exponent = 1 / (pulled_x.square() + pulled_y.square()).clamp(1 / 3, 3)
    return bent.clamp(0, 1) ** exponent


def _interpolate(image: Tensor, grid: Float[Tensor, "batch 2 rows columns"]) -> Tensor:
    return F.grid_sample(image, grid.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=False)


def _sample(image: Tensor, window: Tensor, size: int) -> Tensor:
    """Bilinear values of ``image`` (N, C, H, W) at the size x size grid seen through ``window`` (N, 2, 3)."""
    # One matrix product makes every grid of the batch; `affine_grid` makes the same numbers several times slower.
    grid = (window.reshape(-1, 3) @ _base_grid(size, window.device, window.dtype)).view(-1, 2, size, size)
    return _interpolate(image, grid)


def read(
    image: Float[Tensor, "batch channel height width"], window: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch channel {size} {size}"]:
    """The size x size patch that the window shows: ``y(u) = image(A u + b)``."""
    return _sample(image, window, size)


def write(
    patch: Float[Tensor, "batch channel height width"], window: Float[Tensor, "batch 2 3"], size: int
) -> Float[Tensor, "batch channel {size} {size}"]:
    """A size x size canvas, zero outside the window: ``canvas(p) = patch(A^-1 (p - b))``."""
    return _sample(patch, invert(window), size)


@dataclass(frozen=True)
class WindowBounds:
    """How far a window may go. Every bound is smooth, none can be reached, so no window is ever singular.

    Attributes:
        min_scale, max_scale: half the window's width and height, as a share of half the image.
        max_shift: of the centre, in half images.
        max_turn: radians, either way; pi leaves all directions open.
        max_shear: of x along y, before the turn.
    """

    min_scale: float = 0.1
    max_scale: float = 1.2
    max_shift: float = 1.0
    max_turn: float = math.pi
    max_shear: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.min_scale < self.max_scale:
            raise ValueError("scales are above 0, min_scale below max_scale")
        if self.max_shift <= 0 or self.max_turn < 0 or self.max_shear < 0:
            raise ValueError("max_shift is above 0, max_turn and max_shear are at least 0")


class SpatialTransformer(nn.Module):
    """Six numbers, linear in the hidden state, to a window with full affine freedom.

    ``A = R(turn) [[1, shear], [0, 1]] diag(scale_x, scale_y)``, ``b = (shift_x, shift_y)``, with
    ``log scale`` between the logarithms of its bounds by a sigmoid, and shift, turn and shear by tanh. Hence
    ``det A = scale_x scale_y > min_scale^2``.

    Args:
        features: length of the hidden state.
        bounds: see `WindowBounds`.
        initial_scale: the scale at a hidden state of zero.
    """

    def __init__(self, features: int, bounds: WindowBounds, initial_scale: float = 0.5) -> None:
        super().__init__()
        self.bounds = bounds
        self.linear = nn.Linear(features, 6)
        share = math.log(initial_scale / bounds.min_scale) / math.log(bounds.max_scale / bounds.min_scale)
        with torch.no_grad():
            self.linear.bias.zero_()
            self.linear.bias[:2] = math.log(share / (1 - share))

    def forward(self, hidden: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch 2 3"]:
        return self.window(self.linear(hidden))

    def window(self, raw: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 2 3"]:
        """Windows of unbounded numbers (scale_x, scale_y, shift_x, shift_y, turn, shear), in at least float32."""
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))  # positions are too fine for bfloat16
        bounds = self.bounds
        low, high = math.log(bounds.min_scale), math.log(bounds.max_scale)
        scale = torch.exp(low + (high - low) * torch.sigmoid(raw[..., :2]))
        free = torch.tanh(raw[..., 2:])
        shift = bounds.max_shift * free[..., :2]
        turn, shear = bounds.max_turn * free[..., 2], bounds.max_shear * free[..., 3]
        cos, sin = torch.cos(turn), torch.sin(turn)
        columns = [
            torch.stack([cos, sin], dim=-1) * scale[..., :1],
            torch.stack([shear * cos - sin, shear * sin + cos], dim=-1) * scale[..., 1:],
            shift,
        ]
        return torch.stack(columns, dim=-1)
