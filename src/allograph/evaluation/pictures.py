"""Sheets of drawings for people to judge: a row for each character, kinds of drawings side by side."""

from __future__ import annotations

__all__ = ["Column", "drawing_sheet"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

_ROWS, _ACROSS = 8, 6
_CELL, _GAP, _BETWEEN, _MARGIN, _HEAD = 72, 10, 28, 24, 30
_INK = (38, 38, 40)
_NOTE = 13


@dataclass(frozen=True)
class Column:
    """One kind of drawing: ``drawings`` (W, n, C, S, S), values 0 to 1, of which the first are shown; given drawings
    are framed. ``inked``: 1 is ink, shown black on white. ``notes`` stand below the first drawing of each row."""

    title: str
    drawings: Float[Tensor, "ways n channels size size"]
    given: bool = False
    inked: bool = True
    notes: Sequence[str] = ()


def drawing_sheet(columns: Sequence[Column], rows: int = _ROWS, across: int = _ACROSS) -> Image.Image:
    """A picture of the first ``rows`` characters, at most ``across`` drawings of each in every column."""
    from PIL import Image, ImageDraw, ImageFont

    from allograph.imaging.sheet import ACCENT, PAGE, paste_tile

    rows = min(rows, len(columns[0].drawings))
    counts = [min(across, column.drawings.shape[1]) for column in columns]
    pitch = _CELL + _GAP
    deep = pitch + (_NOTE if any(column.notes for column in columns) else 0)
    width = 2 * _MARGIN + sum(counts) * pitch - _GAP * len(columns) + _BETWEEN * (len(columns) - 1)
    page = Image.new("RGB", (width, _MARGIN + _HEAD + rows * deep - _GAP + _MARGIN), PAGE)
    left = _MARGIN
    for column, count in zip(columns, counts, strict=True):
        ImageDraw.Draw(page).text((left, _MARGIN - 6), column.title, _INK, ImageFont.load_default(17))
        for row in range(rows):
            for place in range(count):
                tile = _tile(column.drawings[row, place], column.inked)
                where = (left + place * pitch, _MARGIN + _HEAD + row * deep, _CELL)
                paste_tile(page, tile, where, ACCENT if column.given else None)
            if column.notes:
                below = (left, _MARGIN + _HEAD + row * deep + _CELL + 3)
                ImageDraw.Draw(page).text(below, column.notes[row], _INK, ImageFont.load_default(12))
        left += count * pitch - _GAP + _BETWEEN
    return page


def _tile(drawing: Float[Tensor, "channels size size"], inked: bool) -> Image.Image:
    from PIL import Image

    values = 1 - drawing if inked else drawing
    pixels = (255 * values.clamp(0, 1)).round().to(torch.uint8).numpy()
    picture = Image.fromarray(pixels[0]) if len(pixels) == 1 else Image.fromarray(np.moveaxis(pixels, 0, 2).copy())
    return picture.convert("RGB").resize((_CELL, _CELL), Image.Resampling.LANCZOS)
