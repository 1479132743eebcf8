"""The pictures of docs/font.md, docs/lines.md and docs/strokes.md, from what examples/my_hand.sh made.

python tools/hand_pictures.py my_hand docs
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import allograph
from allograph.imaging import SymbolStyle
from allograph.imaging.strokes import strokes_of

_COLOURS = ((200, 40, 40), (30, 120, 60), (40, 70, 190), (200, 120, 0))
_LETTERS = "ABEKRTXagiky8"


def main(made: Path, docs: Path) -> None:
    """Write font.png, lines.png and strokes.png."""
    _font(made).quantize(128, dither=Image.Dither.NONE).save(docs / "font.png", optimize=True)
    with Image.open(made / "lines" / "000" / "000000.png") as lines:
        lines.convert("RGB").quantize(96).save(docs / "lines.png", optimize=True)
    _strokes(made).quantize(64, dither=Image.Dither.NONE).save(docs / "strokes.png", optimize=True)


def _font(made: Path) -> Image.Image:
    """The photograph beside the page in the browser."""
    photo = Image.open(made / "photo.jpg").convert("RGB")
    page = Image.open(made / "page.png").convert("RGB")
    photo.thumbnail((420, 560), Image.Resampling.LANCZOS)
    page = page.resize((900, round(page.height * 900 / page.width)), Image.Resampling.LANCZOS)
    height = max(photo.height, page.height)
    both = Image.new("RGB", (photo.width + 30 + page.width, height), "white")
    both.paste(photo, (0, (height - photo.height) // 2))
    both.paste(page, (photo.width + 30, (height - page.height) // 2))
    return both


def _strokes(made: Path) -> Image.Image:
    """New drawings as strokes, each in a colour, its number where it begins."""
    writer = allograph.load("omniglot-bending")
    side, over = 150, 3
    sheet = Image.new("RGB", (7 * side * over, 2 * side * over), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13.0 * over)
    for place, letter in enumerate(_LETTERS):
        (path,) = (made / "symbols").glob(f"U+{ord(letter):04X}*/01.png")
        exemplar = writer.space.preprocess(path, "dark")
        appearance = exemplar.style
        assert isinstance(appearance, SymbolStyle)
        (block,) = writer.sample_batches(exemplar, 1)
        strokes = strokes_of(block.drawings[0], appearance)
        points = np.concatenate([stroke.points for stroke in strokes])
        scale = 0.62 * side * over / np.ptp(points, axis=0).max()
        middle = (points.min(0) + points.max(0)) / 2
        corner = np.array([place % 7 + 0.5, place // 7 + 0.5]) * side * over
        for number, stroke in enumerate(strokes):
            way = [tuple(point) for point in corner + scale * (stroke.points - middle)]
            colour = _COLOURS[number % len(_COLOURS)]
            draw.line(way if len(way) > 1 else way * 2, colour, 4 * over, joint="curve")
            x, y = way[0]
            draw.ellipse((x - 8 * over, y - 8 * over, x + 8 * over, y + 8 * over), "white", colour, over)
            draw.text((x, y), str(number + 1), colour, font, anchor="mm")
    return sheet.reduce(over)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
