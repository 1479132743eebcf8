"""The pictures of docs/gallery.md, made by the weights that ship from the symbols in examples/symbols.

    python tools/gallery.py             # writes docs/gallery/, in a minute of one core
    python tools/gallery.py FOLDER
    python tools/gallery.py docs --only drawings            # the picture of the README

Every row shows, framed, what the model was given, then its drawings. Seeds are 0 and nothing is picked by hand.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image, ImageDraw

import allograph
from allograph.cli import main as command

ROOT = Path(__file__).resolve().parents[1]
SYMBOLS, PAGE = ROOT / "examples" / "symbols", ROOT / "docs" / "gallery"
GIVEN = tuple(sorted(path for path in SYMBOLS.iterdir() if path.suffix in (".png", ".jpg", ".webp")))

SIDE, GAP, FRAME, COLUMNS = 92, 6, 3, 8
BACKGROUND, ACCENT = (243, 242, 239), (13, 126, 132)
LARGEST = 150_000
"""Largest size of a picture in bytes."""

Row = tuple[list[Image.Image], list[Image.Image]]
"""What was given, and the drawings."""


def symbols() -> list[Row]:
    """New drawings of every example symbol by the model that ships."""
    model = allograph.load()
    return [([opened(path)], model.write(path, COLUMNS, size=SIDE)) for path in GIVEN]


def bending() -> list[Row]:
    """The same symbols, bent."""
    model = allograph.load("omniglot-bending")
    return [([opened(path)], model.write(path, COLUMNS, size=SIDE)) for path in GIVEN[:4]]


def temperature() -> list[Row]:
    """One symbol at four temperatures."""
    model, path = allograph.load(), SYMBOLS / "thai-ko-kai.png"
    return [([opened(path)], model.write(path, COLUMNS, size=SIDE, temperature=t)) for t in (0.3, 0.6, 1.0, 1.4)]


def guidance() -> list[Row]:
    """One symbol at four strengths of guidance."""
    model, path = allograph.load(), SYMBOLS / "coptic-shai.png"
    return [([opened(path)], model.guided(g).write(path, COLUMNS, size=SIDE)) for g in (0.0, 1.0, 2.0, 4.0)]


def invented() -> list[Row]:
    """Symbols from nothing."""
    drawings = allograph.load().invent(4 * (COLUMNS + 1), size=SIDE)
    rows = range(0, len(drawings), COLUMNS + 1)
    return [([], drawings[start : start + COLUMNS + 1]) for start in rows]


def alphabet() -> list[Row]:
    """New symbols of an alphabet, given three of its symbols."""
    given = [SYMBOLS / name for name in ("lao-nyo.webp", "lao-tho.png", "thai-ko-kai.png")]
    drawings = allograph.load("omniglot-alphabet").guided(4.0).invent(18, like=given, size=SIDE)
    return [([opened(path)], drawings[6 * row : 6 * row + 6]) for row, path in enumerate(given)]


def completed() -> list[Row]:
    """Symbols with a hidden half; in every second row the model also sees the symbol in another hand."""
    model, hand = allograph.load("omniglot-28-fewshot"), allograph.load("omniglot-bending")
    rows: list[Row] = []
    for name, half in (("thai-ko-kai.png", "right"), ("lao-tho.png", "bottom"), ("telugu-ra.png", "right")):
        damaged = model.space.preprocess_damaged(SYMBOLS / name, half).marked.picture
        (other,) = hand.write(SYMBOLS / name, 1)
        rows.append(([damaged], model.complete(SYMBOLS / name, half, COLUMNS)))
        rows.append(([damaged, other], model.complete(SYMBOLS / name, half, COLUMNS - 1, exemplars=[other])))
    return rows


def analogies() -> list[Row]:
    """A slanted symbol and a flattened one, and the same changes of another symbol."""
    model = allograph.load()
    before, image = (Image.open(SYMBOLS / name).convert("L") for name in ("lao-tho.png", "thai-ko-kai.png"))
    (width, height), rows = before.size, []
    for matrix in ((1, 0.45, -0.225 * height, 0, 1, 0), (1, 0, 0, 0, 2, -0.5 * height)):
        after = before.transform((width, height), Image.Transform.AFFINE, matrix, fillcolor=255, resample=2)
        drawings = model.write(image, COLUMNS - 2, change=(before, after), size=2 * SIDE)
        rows.append(([before, after, image], drawings))
    return rows


SHEETS: dict[str, Callable[[], list[Row]]] = {
    "symbols": symbols,
    "bending": bending,
    "temperature": temperature,
    "guidance": guidance,
    "invented": invented,
    "alphabet": alphabet,
    "completed": completed,
    "analogies": analogies,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=PAGE)
    parser.add_argument("--only", choices=[*SHEETS, "growing", "drawings"], nargs="+", default=[*SHEETS, "growing"])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        path = options.folder / f"{name}.{'webp' if name == 'growing' else 'png'}"
        if name == "growing":
            grow(path)
        elif name == "drawings":
            contact_sheets().quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        else:
            sheet(SHEETS[name]()).quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path}: {size / 1000:.0f} kB")
        if size > LARGEST and options.folder == PAGE:
            print(f"{path} is larger than {LARGEST / 1000:.0f} kB", file=sys.stderr)
            return 1
    return 0


def opened(path: Path) -> Image.Image:
    """The picture, small, on white where it is transparent."""
    with Image.open(path) as image:
        return on_white(image)


def on_white(image: Image.Image) -> Image.Image:
    whole = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    whole.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return whole


def sheet(rows: Iterable[Row]) -> Image.Image:
    """The rows below each other; the given pictures are framed and come first."""
    rows = list(rows)
    pitch = SIDE + GAP
    columns = max(len(given) + len(drawings) for given, drawings in rows)
    page = Image.new("RGB", (columns * pitch + GAP + 2 * FRAME, len(rows) * pitch + GAP), BACKGROUND)
    draw = ImageDraw.Draw(page)
    for row, (given, drawings) in enumerate(rows):
        for column, picture in enumerate((*given, *drawings)):
            left = GAP + FRAME + column * pitch + (FRAME if column >= len(given) else 0)
            top = GAP + row * pitch
            small = on_white(picture)
            place = left + (SIDE - small.width) // 2, top + (SIDE - small.height) // 2
            page.paste(small, place)
            if column < len(given):
                box = (place[0] - FRAME, place[1] - FRAME, place[0] + small.width + 1, place[1] + small.height + 1)
                draw.rectangle((*box[:2], box[2] + 1, box[3] + 1), outline=ACCENT, width=FRAME)
    return page


def contact_sheets() -> Image.Image:
    """What `allograph write` shows of four symbols."""
    names = ("tamil-ka", "linear-b-ka", "lao-nyo", "telugu-ra")
    with tempfile.TemporaryDirectory() as folder:
        if command(["write", *(str(path) for path in GIVEN if path.stem in names), "-o", folder]):
            raise SystemExit("allograph write failed")
        sheets = [Image.open(Path(folder) / f"{name}.png").convert("RGB") for name in names]
    for one in sheets:
        one.thumbnail((700, 700), Image.Resampling.LANCZOS)
    width, height = max(one.width for one in sheets), max(one.height for one in sheets)
    page = Image.new("RGB", (2 * width, 2 * height), BACKGROUND)
    for number, one in enumerate(sheets):
        page.paste(one, (number % 2 * width, number // 2 * height))
    return page


def grow(path: Path) -> None:
    """Four drawings of a symbol growing step by step, as `allograph write --animate` shows it."""
    with tempfile.TemporaryDirectory() as folder:
        symbol = str(SYMBOLS / "telugu-ra.png")
        if command(["write", symbol, "-n", "4", "--animate", "--size", str(2 * SIDE), "-o", folder]):
            raise SystemExit("allograph write failed")
        with Image.open(Path(folder) / "telugu-ra.webp") as animation:
            frames, times = [], []
            for number in range(0, animation.n_frames, 2):
                animation.seek(number)
                animation.load()
                times.append(2 * animation.info["duration"])
                small = animation.convert("RGB")
                small.thumbnail((600, 600), Image.Resampling.LANCZOS)
                frames.append(small)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=50, method=4)


if __name__ == "__main__":
    sys.exit(main())
