"""Whether the cells of a photographed sheet were read right, told by what was written into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from allograph.typography.cells import Verdict, read_cells
from allograph.typography.layout import Page
from allograph.typography.marks import find_page

SIDE = 64
"""Pictures are compared at so many pixels a side."""


def blurred(picture: Image.Image) -> np.ndarray:
    """Ink, about its mean, of unit length."""
    small = 255 - np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), float)
    spread = ndimage.gaussian_filter(small, 1.5)
    return (spread - spread.mean()) / max(float(np.linalg.norm(spread - spread.mean())), 1e-9)


def wrong_cells(photo: Image.Image, page: Page, drawings: Mapping[str, Image.Image]) -> list[str]:
    """What was not read right: not the page; a written cell that is empty, or that is not most like what was written
    into it of all that was written, or hardly like it; an empty cell that is not."""
    found = find_page(photo, "photo")
    if found.page != page:
        return [cell.symbol for cell in page.cells]
    names = list(drawings)
    truth = np.stack([blurred(drawings[name]) for name in names])
    wrong = []
    for reading in read_cells(photo, found):
        symbol = reading.cell.symbol
        if symbol not in drawings:
            if reading.verdict is not Verdict.EMPTY:
                wrong.append(f"{symbol}: {reading.verdict} {reading.reason}, and nothing was written")
            continue
        likeness = (truth * blurred(reading.picture)).sum((1, 2))
        if reading.verdict is not Verdict.FINE:
            wrong.append(f"{symbol}: {reading.verdict} {reading.reason}")
        elif names[int(likeness.argmax())] != symbol or likeness[names.index(symbol)] < 0.8:
            wrong.append(f"{symbol}: like {names[int(likeness.argmax())]}, {likeness[names.index(symbol)]:.2f}")
    return wrong


def open_drawings(folder: Path) -> dict[str, Image.Image]:
    """The drawings that `measure_sheet` keeps, by symbol."""
    return {chr(int(path.stem, 16)): Image.open(path).convert("L") for path in sorted(folder.glob("*.png"))}
