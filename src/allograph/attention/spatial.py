"""Spatially transformed attention: a hidden state decides the numbers of a window."""

from __future__ import annotations

__all__ = ["SeparableTransformer", "SpatialTransformer", "WindowBounds", "WindowNetwork"]

import math
from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.attention.base import Attention
from allograph.attention.separable import SeparableAttention, bilinear_kernel
from allograph.attention.windows import read, read_straight, write
from allograph.limits import Limit, require

_SCALE = Limit(1e-3, 100, "a window of that size shows nothing")
_FAR = Limit(0, 100, "nothing of the image is seen from there")
_TURN = Limit(0, 10, "pi leaves all directions open")


@dataclass(frozen=True)
class WindowBounds:
    """Bounds of a window. Every bound is smooth and cannot be reached, so no window is ever singular.

    Attributes:
        min_scale, max_scale: half the window's width and height, as a share of half the image.
        max_shift: largest shift of the centre, in half images.
        max_turn: largest turn either way, in radians; pi allows all directions.
        max_shear: largest shear of x along y, before the turn.
    """

    min_scale: float = 0.1
    max_scale: float = 1.2
    max_shift: float = 1.0
    max_turn: float = math.pi
    max_shear: float = 0.5

    def __post_init__(self) -> None:
        require(self, min_scale=_SCALE, max_scale=_SCALE, max_shift=_FAR, max_turn=_TURN, max_shear=_FAR)
        if not self.max_scale / self.min_scale > 1:  # its logarithm is a divisor
            raise ValueError(f"min_scale = {self.min_scale} must be below max_scale = {self.max_scale}")
        if self.max_shift == 0:
            raise ValueError("max_shift = 0 is too small; it is above 0")


class WindowNetwork(nn.Module):
    """Maps a hidden state linearly to the numbers of a window.

    ``A = R(turn) [[1, shear], [0, 1]] diag(scale_x, scale_y)``, ``b = (shift_x, shift_y)``, where a sigmoid keeps
    ``log scale`` between the logarithms of its bounds, and tanh bounds shift, turn and shear. Hence
    ``det A = scale_x scale_y > min_scale^2``.

    Args:
        features: length of the hidden state.
        bounds: see `WindowBounds`.
        initial_scale: the scale at a hidden state of zero, as near as the bounds allow.
        freedom: number of numbers: 3 (one scale, two shifts), 4 (two scales, two shifts), 6 (turn and shear as well).
    """

    def __init__(
        self, features: int, bounds: WindowBounds, initial_scale: float = 0.5, freedom: Literal[3, 4, 6] = 6
    ) -> None:
        super().__init__()
        self.bounds, self.freedom = bounds, freedom
        self.linear = nn.Linear(features, freedom)
        share = math.log(initial_scale / bounds.min_scale) / math.log(bounds.max_scale / bounds.min_scale)
        share = min(max(share, 0.05), 0.95)
        with torch.no_grad():
            self.linear.bias.zero_()
            self.linear.bias[: 1 if freedom == 3 else 2] = math.log(share / (1 - share))

    def forward(
        self, hidden: Float[Tensor, "*batch features"], plan: Float[Tensor, " numbers"] | None = None
    ) -> Float[Tensor, "*batch 2 3"]:
        """The window of a hidden state, in at least float32; ``plan`` is added to its unbounded numbers."""
        with torch.autocast(hidden.device.type, enabled=False):
            raw = self.linear(hidden)
            return self.window(raw if plan is None else raw + plan)

    def scale_and_shift(
        self, raw: Float[Tensor, "*batch numbers"]
    ) -> tuple[Float[Tensor, "*batch 2"], Float[Tensor, "*batch 2"]]:
        """Scales and shifts (x, y) from unbounded numbers, in at least float32: positions are too fine for bfloat16."""
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        bounds, scales = self.bounds, 1 if self.freedom == 3 else 2
        low, high = math.log(bounds.min_scale), math.log(bounds.max_scale)
        scale = torch.exp(low + (high - low) * torch.sigmoid(raw[..., :scales]))
        return scale.expand(*raw.shape[:-1], 2), bounds.max_shift * torch.tanh(raw[..., scales : scales + 2])

    def window(self, raw: Float[Tensor, "*batch numbers"]) -> Float[Tensor, "*batch 2 3"]:
        """Windows from unbounded numbers: scales, shifts (x, y), turn and shear, as far as the freedom goes."""
        scale, shift = self.scale_and_shift(raw)
        if self.freedom < 6:
            return torch.cat([torch.diag_embed(scale), shift[..., None]], dim=-1)
        free = torch.tanh(raw[..., 4:].to(scale.dtype))
        turn, shear = self.bounds.max_turn * free[..., 0], self.bounds.max_shear * free[..., 1]
        cos, sin = torch.cos(turn), torch.sin(turn)
        columns = [
            torch.stack([cos, sin], dim=-1) * scale[..., :1],
            torch.stack([shear * cos - sin, shear * sin + cos], dim=-1) * scale[..., 1:],
            shift,
        ]
        return torch.stack(columns, dim=-1)


@final
class SpatialTransformer(Attention):
    """All six numbers of an affine window, by a sampling grid (Jaderberg et al., 2015; Rezende et al., 2016, sec. 3.1).

    The numbers are the window itself, row by row. Reading and writing work as in `allograph.attention.windows`.
    """

    def __init__(self, features: int, size: int, patch: int, bounds: WindowBounds, initial_scale: float = 0.5) -> None:
        super().__init__(size, patch, 6)
        self.network = WindowNetwork(features, bounds, initial_scale, 6)

    def unbounded(self, hidden: Tensor) -> Tensor:
        return self.network.linear(hidden)

    def place(self, raw: Tensor) -> Tensor:
        return self.network.window(raw).flatten(-2)

    def read(self, image: Tensor, where: Tensor) -> Tensor:
        return read(image.to(where.dtype), self.outline(where), self.patch)

    def write(self, patch: Tensor, where: Tensor) -> Tensor:
        return write(patch.to(where.dtype), self.outline(where), self.size)

    def write_all(self, patches: Tensor, where: Tensor) -> Tensor:
        return self.write_each(patches, where).sum(dim=1)

    def outline(self, where: Tensor) -> Tensor:
        return where.unflatten(-1, (2, 3))


@final
class SeparableTransformer(SeparableAttention):
    """Windows without turn and shear, with one scale (3 numbers) or two (4): gives what `SpatialTransformer` gives for
    such windows, by two matrix products.

    The numbers are (scale_x, scale_y, shift_x, shift_y); the freedom says how many of them are independent.
    """

    def __init__(
        self,
        features: int,
        size: int,
        patch: int,
        bounds: WindowBounds,
        initial_scale: float = 0.5,
        freedom: Literal[3, 4] = 4,
    ) -> None:
        super().__init__(size, patch, 4)
        self.network = WindowNetwork(features, bounds, initial_scale, freedom)

    def unbounded(self, hidden: Tensor) -> Tensor:
        return self.network.linear(hidden)

    def place(self, raw: Tensor) -> Tensor:
        return torch.cat(self.network.scale_and_shift(raw), dim=-1)

    def read(self, image: Tensor, where: Tensor) -> Tensor:
        # Bilinear sampling with four taps costs a fifth of two products with kernels that are nearly all zeros (equal
        # up to rounding). For writing, products pay off: they also sum over all steps.
        return read_straight(image.to(where.dtype), where, self.patch)

    def writing_kernels(self, where: Tensor) -> tuple[Tensor, Tensor]:
        place = (_centres(self.size, where) - where[..., 2:, None]) / where[..., :2, None]
        along_x, along_y = bilinear_kernel(place, self.patch).unbind(dim=-3)
        return along_y, along_x

    def outline(self, where: Tensor) -> Tensor:
        return torch.cat([torch.diag_embed(where[..., :2]), where[..., 2:, None]], dim=-1)


def _centres(size: int, like: Tensor) -> Tensor:
    """Pixel centres of an axis on [-1, 1]."""
    return (2 * torch.arange(size, device=like.device, dtype=like.dtype) + 1) / size - 1
