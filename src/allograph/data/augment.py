"""New concepts and new drawings from old ones, by affine maps and changes of the pen's width.

One map for all drawings of a concept makes a new concept: a turned or mirrored symbol is another symbol. A small map
for each drawing makes a new drawing. Both keep what Omniglot's drawings have in common: connected strokes of one pen
width, wholly inside the frame.
"""

from __future__ import annotations

__all__ = ["Augmentation", "shifted"]

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from allograph.data.resizing import PEN_WIDTH, Reduction
from allograph.data.warping import centres, fineness_of, sampling_grid, warp
from allograph.limits import Limit, require
from allograph.runtime.distributed import Share

Array = npt.NDArray[np.floating]

# Ink stays this far inside the frame [-1, 1]: about two of Omniglot's 105 pixels.
_FRAME = 0.96

_TURN = Limit(0, 360, "that is a full turn")
_FACTOR = Limit(1, 10, "nothing is left of a drawing")
_SHEAR = Limit(0, 10, "nothing is left of a drawing")
_SHIFT = Limit(0, 2, "beyond that it is outside the frame")
_PEN = Limit(0, 105, "that is as wide as the drawing")


@dataclass(frozen=True)
class Augmentation:
    """How far drawings may be changed; every number is the end of a range that is symmetric about "no change".

    For a share `new_concepts` of the groups, one map for all drawings of the group: one of the eight symmetries of the
    square (if `symmetries`), then a turn by up to `turn` degrees, a shear by up to `shear`, a stretch of one axis
    against the other by a factor of up to `stretch` and a scale by a factor of up to `scale`.
    For every drawing, its own map of the same kind without symmetries (`drawing_...`), and a shift by up to
    `drawing_shift` of half the frame. Last, the pen becomes up to `pen` pixels (of 105) wider or narrower than before
    the maps.

    Pictures are not turned or squeezed and have no pen: a share `new_concepts` / 2 of the groups is mirrored (if
    `symmetries`), which gives the faces of other people. Every picture gets its own small map, as drawings do.
    """

    new_concepts: float = 0.75
    symmetries: bool = True
    turn: float = 25.0
    shear: float = 0.25
    stretch: float = 1.25
    scale: float = 1.2
    drawing_turn: float = 5.0
    drawing_shear: float = 0.08
    drawing_stretch: float = 1.1
    drawing_scale: float = 1.1
    drawing_shift: float = 0.06
    pen: float = 0.6

    def __post_init__(self) -> None:
        if not 0 <= self.new_concepts <= 1:
            raise ValueError(f"new_concepts is a share between 0 and 1, not {self.new_concepts}")
        require(
            self,
            turn=_TURN,
            shear=_SHEAR,
            stretch=_FACTOR,
            scale=_FACTOR,
            drawing_turn=_TURN,
            drawing_shear=_SHEAR,
            drawing_stretch=_FACTOR,
            drawing_scale=_FACTOR,
            drawing_shift=_SHIFT,
            pen=_PEN,
        )

    def __call__(
        self,
        bitmaps: npt.NDArray[np.uint8],
        size: int,
        random: np.random.Generator,
        *,
        reduction: Reduction = "average",
        share: Share | None = None,
    ) -> Float[Tensor, "groups members 1 size size"]:
        """New drawings from bitmaps (groups, members, side, side), the members of a group being of one concept.

        The result is `size` pixels square, ink = 1 on 0. It depends only on the bitmaps and the state of `random`.
        Bitmaps are made smaller as `reduction` says. If they are the `share` of more groups, the result is that share
        of the result for all.
        """
        here, members, side, _ = bitmaps.shape
        rows, groups = share or Share.whole(here)
        shared = self._concept_maps(groups, random)
        own = self._drawing_maps(groups * members, random).reshape(groups, members, 2, 2)
        linear = (own @ shared[:, None])[rows].reshape(-1, 2, 2)
        shift = _uniform(random, self.drawing_shift, groups, members, 2)[rows].reshape(-1, 2)
        width = _uniform(random, self.pen, groups, members)[rows].reshape(-1)
        flat = bitmaps.reshape(-1, side, side)
        linear, windows = _fit(flat, linear, shift)
        # The maps scale the pen as well; this restores its width.
        factor = np.sqrt(np.abs(np.linalg.det(linear)))
        drawings = warp(flat, windows, size, width + PEN_WIDTH * (1 - factor), reduction=reduction)
        return drawings.reshape(here, members, 1, size, size)

    def pictures(
        self, pictures: npt.NDArray[np.uint8], size: int, random: np.random.Generator, share: Share | None = None
    ) -> Float[Tensor, "groups members channels size size"]:
        """New pictures from pictures (groups, members, C, side, side), the members of a group being of one concept.

        The result is `size` pixels square, 0 to 1 in steps of 1/255; beyond the frame, the picture's edge is repeated.
        `share` as for bitmaps.
        """
        here, members, channels, side, _ = pictures.shape
        rows, groups = share or Share.whole(here)
        mirrored = random.random(groups) < (self.new_concepts / 2 if self.symmetries else 0)
        shared = np.where(mirrored[:, None, None], _MIRROR, np.eye(2))
        own = self._drawing_maps(groups * members, random).reshape(groups, members, 2, 2)
        inverse = np.linalg.inv((own @ shared[:, None])[rows].reshape(-1, 2, 2))
        shift = _uniform(random, self.drawing_shift, groups, members, 2)[rows].reshape(-1, 2)
        windows = np.concatenate([inverse, -inverse @ shift[:, :, None]], axis=2)
        fineness = fineness_of(side, size)
        source = torch.from_numpy(np.ascontiguousarray(pictures.reshape(-1, channels, side, side))).float()
        grid = sampling_grid(torch.from_numpy(windows.astype(np.float32)), centres(size * fineness))
        seen = functional.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)
        values = functional.avg_pool2d(seen, fineness).round_().div_(255)
        return values.reshape(here, members, channels, size, size)

    def _concept_maps(self, count: int, random: np.random.Generator) -> Array:
        symmetry = _SYMMETRIES[random.integers(8, size=count)] if self.symmetries else np.eye(2)
        free = _linear(self.turn, self.shear, self.stretch, self.scale, count, random)
        changed = random.random(count) < self.new_concepts
        return np.where(changed[:, None, None], free @ symmetry, np.eye(2))

    def _drawing_maps(self, count: int, random: np.random.Generator) -> Array:
        ranges = self.drawing_turn, self.drawing_shear, self.drawing_stretch, self.drawing_scale
        return _linear(*ranges, count, random)


def shifted(
    images: Float[Tensor, "groups members c s s"], limit: int, random: np.random.Generator, share: Share | None = None
) -> Float[Tensor, "groups members c s s"]:
    """Every image moved by up to `limit` whole pixels either way, across and down, with its edge repeated.

    No pixel is interpolated, so that binary images keep their statistics. If `limit` is 0, `random` is not used.
    `share` as for `Augmentation`.
    """
    if limit == 0:
        return images
    here, members, *_, size = images.shape
    rows, groups = share or Share.whole(here)
    flat = images.reshape(-1, *images.shape[-3:]).numpy()
    padded = np.pad(flat, ((0, 0), (0, 0), (limit, limit), (limit, limit)), mode="edge")
    # Slice by slice: several times as fast as indexing all of them at once.
    corners = random.integers(0, 2 * limit, (groups, members, 2), endpoint=True)[rows].reshape(-1, 2).tolist()
    moved = [image[:, y : y + size, x : x + size] for image, (y, x) in zip(padded, corners, strict=True)]
    return torch.from_numpy(np.stack(moved)).reshape(images.shape)


def _fit(bitmaps: npt.NDArray[np.uint8], linear: Array, shift: Array) -> tuple[Array, Array]:
    """The linear maps (n, 2, 2), made smaller if the ink would not fit, and the windows (n, 2, 3) that apply them.

    A drawing is mapped about the middle of its ink. The middle moves by `shift` (n, 2), and then as far as needed to
    keep all ink within the frame.
    """
    outline = _outline(bitmaps)
    low, high = _extent(outline)
    centre = (low + high) / 2
    low, high = _extent(linear.astype(np.float32) @ (outline - centre[:, :, None]))
    # The outline runs through the centres of pixels; their corners reach this far beyond.
    corner = np.abs(linear).sum(axis=2) / bitmaps.shape[-1]
    low, high = low - corner, high + corner
    room = 2 * _FRAME / np.maximum(high - low, 1e-6).max(axis=1)
    shrink = np.minimum(room, 1)[:, None]
    linear = linear * shrink[:, None]
    low, high = low * shrink, high * shrink
    place = np.clip(centre + shift, -_FRAME - low, _FRAME - high)
    inverse = np.linalg.inv(linear)
    offset = centre - (inverse @ place[:, :, None])[:, :, 0]
    return linear, np.concatenate([inverse, offset[:, :, None]], axis=2)


def _outline(bitmaps: npt.NDArray[np.uint8]) -> Array:
    """The first and the last ink of every row, (n, 2, 2 side): x and y in [-1, 1].

    Their convex hull is that of all ink, so they give its extent under any linear map. Rows without ink repeat the
    first row that has some; an empty drawing is a point in the middle.
    """
    side = bitmaps.shape[-1]
    inked = bitmaps.max(axis=2) > 0
    row = np.where(inked, np.arange(side), inked.argmax(axis=1)[:, None])
    first = np.take_along_axis(bitmaps.argmax(axis=2), row, axis=1)
    last = side - 1 - np.take_along_axis(bitmaps[:, :, ::-1].argmax(axis=2), row, axis=1)
    points = np.stack([np.concatenate([first, last], axis=1), np.concatenate([row, row], axis=1)], axis=1)
    points = ((2 * points + 1) / side - 1).astype(np.float32)
    return np.where(inked.any(axis=1)[:, None, None], points, np.float32(0))


def _extent(points: Array) -> tuple[Array, Array]:
    """The smallest and the largest x and y, each (n, 2)."""
    return points.min(axis=2).astype(np.float64), points.max(axis=2).astype(np.float64)


def _linear(turn: float, shear: float, stretch: float, scale: float, count: int, random: np.random.Generator) -> Array:
    """Random maps (count, 2, 2): scale R(turn) [[1, shear], [0, 1]] diag(stretch^(1/2), stretch^(-1/2))."""
    angle = np.radians(_uniform(random, turn, count))
    slant = _uniform(random, shear, count)
    half = stretch ** _uniform(random, 0.5, count)
    factor = scale ** _uniform(random, 1, count)
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)
    upper = np.stack([half, slant / half, np.zeros(count), 1 / half], axis=1).reshape(-1, 2, 2)
    return factor[:, None, None] * (rotation @ upper)


def _uniform(random: np.random.Generator, limit: float, *shape: int) -> Array:
    return random.uniform(-limit, limit, shape)


_QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])
_MIRROR = np.diag([-1.0, 1.0])
_SYMMETRIES = np.stack(
    [np.linalg.matrix_power(_QUARTER, turns) @ mirror for mirror in (np.eye(2), _MIRROR) for turns in range(4)]
)
"""The eight maps of the square onto itself, (8, 2, 2)."""
