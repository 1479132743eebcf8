"""Sheets to look at: each picture beside itself with the ink found marked."""

from __future__ import annotations

__all__ = ["Sheet"]

from pathlib import Path

import numpy as np
from benchmarks.intake.measures import Measured, decoded, truth_at
from benchmarks.intake.scenes import Scene
from PIL import Image, ImageDraw

from allograph.imaging.finding import FoundInk

_TILE = 190
_ACROSS = 6


class Sheet:
    """Tiles: the picture; true ink green, found but not true red, true but not found blue; the figures."""

    def __init__(self) -> None:
        self._tiles: list[Image.Image] = []

    def add(self, scene: Scene, measured: Measured, found: FoundInk | None, strength: float) -> None:
        tile = Image.new("RGB", (2 * _TILE + 6, _TILE + 16), (128, 128, 128))
        picture = decoded(scene).picture
        ground = Image.new("RGBA", picture.size, (255, 0, 255, 255))
        ground.alpha_composite(picture.convert("RGBA"))
        small = ground.convert("RGB")
        small.thumbnail((_TILE, _TILE))
        tile.paste(small, (0, 0))
        if found is not None and scene.ink is not None:
            truth, mask = truth_at(scene.ink, found.mask.shape), found.mask
            marked = np.full((*mask.shape, 3), 255, np.uint8)
            marked[truth & mask] = (90, 170, 100)
            marked[mask & ~truth] = (220, 40, 40)
            marked[truth & ~mask] = (40, 60, 220)
            shown = Image.fromarray(marked)
            shown.thumbnail((_TILE, _TILE))
            tile.paste(shown, (_TILE + 4, 0))
        text = f"{strength:.2f} iou {measured.iou:.2f}" if measured.refused is None else f"{strength:.2f} REFUSED"
        flags = ("" if measured.polarity is not False else " POLARITY") + (" warned" if measured.warned else "")
        flags += "" if measured.parts else " parts"
        flags += "" if measured.width else " width"
        fill = (255, 255, 0) if measured.iou < 0.8 else (255, 255, 255)
        ImageDraw.Draw(tile).text((2, _TILE + 2), text + flags, fill=fill)
        self._tiles.append(tile)

    def save(self, path: Path) -> None:
        across = min(_ACROSS // 2, len(self._tiles))
        down = -(-len(self._tiles) // across)
        page = Image.new("RGB", (across * (2 * _TILE + 12), down * (_TILE + 22)), (60, 60, 60))
        for k, tile in enumerate(self._tiles):
            page.paste(tile, ((k % across) * (2 * _TILE + 12), (k // across) * (_TILE + 22)))
        path.parent.mkdir(parents=True, exist_ok=True)
        page.save(path)
