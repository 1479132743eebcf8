"""The boxes of a page, cut out straight, with white paper and without guide lines; and what is doubtful in them."""

from __future__ import annotations

__all__ = ["SCALE", "CellReading", "Verdict", "read_cells"]

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image
from scipy import ndimage

from allograph.typography.layout import BOX, Cell
from allograph.typography.marks import Located, parts, straightened

SCALE = 12
"""Pixels a millimetre of the pictures of cells."""

_PAPER_SCALE = 2
_BLOCK = 4.0
"""Width in millimetres of the blocks in which the paper's colour is estimated."""

_GUIDES = 0.22
"""Darkness, from 0 to 1, up to which a pixel is paper or guide line; guide lines are printed at no more than 0.14."""

_LEAST_INK = 0.35
_SPECK = 0.07
"""Square millimetres below which a spot is dust; the dot of a fine pen has 0.12."""

_LITTLE = 0.35
"""Square millimetres of ink below which a cell is doubtful, unless the symbol is a small mark."""

_SMALL_MARKS = frozenset(".,:;'`´·¸˙’‘‚•\"-_~^¨°…")


class Verdict(StrEnum):
    FINE = "fine"
    EMPTY = "empty"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True)
class CellReading:
    """What a cell holds: its picture, 8-bit grey, white paper; the verdict, and why it is doubtful."""

    cell: Cell
    picture: Image.Image
    verdict: Verdict
    reason: str = ""


def read_cells(photo: Image.Image, found: Located) -> list[CellReading]:
    """All cells of the page, in its order."""
    photo = photo.convert("RGB")
    paper = _paper(photo, found)
    darkness = [_darkness(photo, found, cell, paper) for cell in found.page.cells]
    ink = _ink_level(darkness)
    readings = []
    for cell, dark in zip(found.page.cells, darkness, strict=True):
        strength = np.clip((dark - _GUIDES) / (ink - _GUIDES), 0, 1)
        kept = _without_specks(strength)
        verdict, reason = _judge(cell, kept, dark, ink)
        picture = Image.fromarray((255 * (1 - kept)).round().astype(np.uint8))
        readings.append(CellReading(cell, picture, verdict, reason))
    return readings


def _paper(photo: Image.Image, found: Located) -> np.ndarray:
    """The colour of the paper in the middles of blocks of `_BLOCK` mm, float (rows, columns, 3)."""
    width, height = found.page.size
    side = round(_BLOCK * _PAPER_SCALE)
    flat = np.asarray(straightened(photo, found, (0, 0, width, height), _PAPER_SCALE), np.float32)
    rows, columns = flat.shape[0] // side, flat.shape[1] // side
    blocks = flat[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    lightest = np.percentile(blocks, 85, axis=(1, 3))
    # A block that lies under ink is as light as the lightest around it.
    around = ndimage.maximum_filter(lightest, (3, 3, 1), mode="nearest")
    lightest = np.where(lightest < 0.8 * around, around, lightest)
    return np.maximum(ndimage.gaussian_filter(lightest, (0.8, 0.8, 0), mode="nearest"), 8.0)


def _darkness(photo: Image.Image, found: Located, cell: Cell, paper: np.ndarray) -> np.ndarray:
    """How much darker than its paper each pixel of a cell is, 0 to 1, in the channel with the largest difference."""
    left, top = cell.corner
    cut = np.asarray(straightened(photo, found, (left, top, *BOX), SCALE, 6.0), np.float32)
    height, width = cut.shape[:2]
    rows = (top + (np.arange(height) + 0.5) / SCALE) / _BLOCK - 0.5
    columns = (left + (np.arange(width) + 0.5) / SCALE) / _BLOCK - 0.5
    at = np.meshgrid(rows, columns, indexing="ij")
    ground = np.stack([ndimage.map_coordinates(paper[..., c], at, order=1, mode="nearest") for c in range(3)], -1)
    return np.clip(1 - (cut / ground).min(-1), 0, 1)


def _ink_level(darkness: list[np.ndarray]) -> float:
    """How dark the middle of a stroke is on this page."""
    strong = np.concatenate([dark[dark > _LEAST_INK] for dark in darkness] or [np.zeros(0)])
    return max(float(np.percentile(strong, 60)), 0.4) if len(strong) > 50 else 0.8


def _without_specks(strength: np.ndarray) -> np.ndarray:
    """The strength without spots too small for a pen, and without anything far from all ink."""
    labels = parts(strength > 0.5)
    count = int(labels.max())
    if not count:
        return np.zeros_like(strength)
    area = np.bincount(labels.ravel())
    area[0] = 0
    large = area >= _SPECK * SCALE**2
    near = ndimage.binary_dilation(large[labels], iterations=3)
    return np.where(near, strength, 0.0)


def _judge(cell: Cell, kept: np.ndarray, dark: np.ndarray, ink: float) -> tuple[Verdict, str]:
    mask = kept > 0.5
    area = float(mask.sum()) / SCALE**2
    if area == 0:
        faint = float((dark > 0.5 * (_GUIDES + ink) * 0.8).sum()) / SCALE**2
        return (Verdict.DOUBTFUL, "hardly any ink") if faint > _LITTLE else (Verdict.EMPTY, "")
    rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    if rim.sum() > 0.3 * SCALE:
        return Verdict.DOUBTFUL, "it reaches out of its box"
    if area < _LITTLE and cell.symbol not in _SMALL_MARKS:
        return Verdict.DOUBTFUL, "very little ink"
    if mask.mean() > 0.45:
        return Verdict.DOUBTFUL, "nearly half of the box is inked"
    return Verdict.FINE, ""
