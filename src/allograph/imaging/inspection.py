"""What allograph finds in a picture, in words and numbers, and a picture that shows it."""

from __future__ import annotations

__all__ = ["Inspection", "inspect_ink", "inspect_picture", "marked"]

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture
from allograph.imaging.finding import FoundInk, find_in
from allograph.imaging.masks import components, dilated
from allograph.imaging.placement import OMNIGLOT
from allograph.imaging.preprocessing import exemplar_of
from allograph.imaging.shapes import ink_box
from allograph.imaging.sheet import ACCENT, PAGE
from allograph.imaging.splitting import hint

_SIDE = 420
_GAP = 16
_MARK = (214, 40, 96)
"""The colour in which the ink found is marked: one that few pens have."""


@dataclass(frozen=True)
class Inspection:
    """What was found in a picture; lengths are pixels of the original picture.

    - `polarity`: dark or light ink; "transparent" if the ink is the opaque part
    - `ink`, `paper`: colours as #rrggbb, or #rrggbbaa if they are not opaque
    - `box`: left, top, right, bottom of the ink
    - `page`: left, top, right, bottom of the sheet, if it is not the whole picture
    - `parts`: number of connected parts of the ink; `symbols`: number of symbols that they clearly form
    - `rules`: printed lines that were left out
    - `confidence`: the share of the ink that is expected to be right, 0 to 1
    - `notes`: what to know, one line each
    """

    width: int
    height: int
    frame: int
    frames: int
    polarity: str
    ink: str
    paper: str
    box: tuple[int, int, int, int]
    page: tuple[int, int, int, int] | None
    stroke_width: float
    parts: int
    symbols: int
    rules: int
    confidence: float
    notes: tuple[str, ...]


def inspect_picture(image: Picture, ink: Polarity = "auto", size: int = 105) -> tuple[Inspection, Image.Image]:
    """What allograph finds in a picture, and the picture with marked ink beside what a model of `size` pixels will see.

    Raises AllographError, as `preprocess` does, if there is nothing to find.
    """
    found = find_in(image, ink)
    return inspect_ink(found), _beside(marked(found), exemplar_of(found, size, OMNIGLOT).drawing)


def inspect_ink(found: FoundInk) -> Inspection:
    """What was found, in words and numbers."""
    seen, source = found.segmentation, found.source
    return Inspection(
        width=source.width,
        height=source.height,
        frame=source.frame,
        frames=source.frames,
        polarity=seen.tone or "transparent",
        ink=_hex(seen.colour),
        paper=_hex(seen.paper) if seen.paper[3] else "transparent",
        box=_box(found.mask, found),
        page=None if seen.page is None else _box(seen.page, found),
        stroke_width=round(found.width / max(source.scale), 2),
        parts=int(components(found.mask)[1]),
        symbols=hint(found),
        rules=seen.rules,
        confidence=round(seen.confidence, 3),
        notes=found.notes,
    )


def _hex(colour: tuple[int, int, int, int]) -> str:
    return "#" + "".join(f"{v:02x}" for v in (colour[:3] if colour[3] == 255 else colour))


def _box(mask: np.ndarray, found: FoundInk) -> tuple[int, int, int, int]:
    (across, down), (rows, columns) = found.source.scale, ink_box(mask)
    return (
        round(columns.start / across),
        round(rows.start / down),
        round(columns.stop / across),
        round(rows.stop / down),
    )


def marked(found: FoundInk) -> Image.Image:
    """The picture with the contours of its ink, as large as one half of the result of `inspect_picture`."""
    ground = Image.new("RGBA", found.source.picture.size, (*PAGE, 255))
    ground.alpha_composite(found.source.picture.convert("RGBA"))
    zoom = _SIDE / max(ground.size)
    picture = ground.convert("RGB").resize([max(1, round(v * zoom)) for v in ground.size], Image.Resampling.LANCZOS)
    near = Image.fromarray((found.mask * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
    inside = np.asarray(near) > 127
    edge = dilated(inside, 2) & ~inside
    shown = np.array(picture)
    shown[inside] = (0.55 * shown[inside] + 0.45 * np.array(_MARK)).astype(np.uint8)
    shown[edge] = _MARK
    return Image.fromarray(shown)


def _beside(picture: Image.Image, drawing: np.ndarray) -> Image.Image:
    """The marked picture on the left, the model's image on the right."""
    pixels = Image.fromarray(((1 - drawing) * 255).astype(np.uint8)).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
    page = Image.new("RGB", (2 * _SIDE + 3 * _GAP, _SIDE + 2 * _GAP), PAGE)
    page.paste(picture, (_GAP + (_SIDE - picture.width) // 2, _GAP + (_SIDE - picture.height) // 2))
    page.paste(pixels, (2 * _GAP + _SIDE, _GAP))
    frame = (2 * _GAP + _SIDE - 2, _GAP - 2, 2 * _GAP + 2 * _SIDE + 1, _GAP + _SIDE + 1)
    ImageDraw.Draw(page).rectangle(frame, outline=ACCENT, width=2)
    return page
