"""The README's picture: four contact sheets of the demo on one page.

python examples/make_picture.py demo docs/drawings.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

SYMBOLS = ("tamil-ka", "linear-b-ka", "lao-nyo", "telugu-ra")
SIDE = 700


def main(demo: Path, picture: Path) -> None:
    """Put the sheets of `SYMBOLS` from the folder `demo` side by side, two by two, into the file `picture`."""
    sheets = [Image.open(demo / f"{symbol}.png").convert("RGB") for symbol in SYMBOLS]
    heights = {round(sheet.height * SIDE / sheet.width) for sheet in sheets}
    height = max(heights)
    page = Image.new("RGB", (2 * SIDE, 2 * height), sheets[0].getpixel((0, 0)))
    for place, sheet in enumerate(sheets):
        small = sheet.resize((SIDE, round(sheet.height * SIDE / sheet.width)), Image.Resampling.LANCZOS)
        page.paste(small, (place % 2 * SIDE, place // 2 * height))
    page.quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
