"""The job behind `allograph split`: the symbols of one picture as files, and a sheet that numbers them."""

from __future__ import annotations

__all__ = ["Cut", "Symbol", "split_picture"]

import re
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from allograph.errors import AllographError
from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture, content, upright
from allograph.imaging.finding import FoundInk, find_in
from allograph.imaging.sheet import ACCENT, PAGE
from allograph.imaging.splitting import Part, cut_out, split_ink
from allograph.runtime.files import atomic_write, explain_os_error, png
from allograph.runtime.staging import staging

_SHEET_SIDE = 1400


@dataclass(frozen=True)
class Symbol:
    """One symbol: its file, its place in reading order, from 1, and its ink's left, top, right, bottom in pixels."""

    file: Path
    row: int
    column: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Cut:
    """What was made of a picture."""

    symbols: tuple[Symbol, ...]
    sheet: Path
    notes: tuple[str, ...]


def split_picture(
    image: Picture,
    output: Path,
    stem: str,
    ink: Polarity = "auto",
    right_to_left: bool = False,
    overwrite: bool = False,
) -> Cut:
    """Write OUTPUT/STEM/STEM-001.png ..., one file for each symbol, and OUTPUT/STEM.png, the picture with numbers.

    All files appear at the end, or none. Raises AllographError if the picture shows no ink, if results exist and
    `overwrite` is false, or if nothing can be written.
    """
    source = Path(image).resolve() if isinstance(image, Path | str) else None
    found, image = _found(image, ink)
    parts = split_ink(found, right_to_left)
    whole = upright(image, found.source.frame)
    folder, sheet = output / stem, output / f"{stem}.png"
    files = [folder / f"{stem}-{number:03d}.png" for number in range(1, len(parts) + 1)]
    existing = _existing(folder, stem, sheet)
    if existing and not overwrite:
        raise AllographError(f"{existing[0]} exists already; choose another folder with -o, or add --overwrite")
    if source in {path.resolve() for path in [sheet, *files]}:
        raise AllographError(f"{source} would be replaced by its own results; choose another folder with -o")
    with staging(output) as hidden:
        for number, part in enumerate(parts):
            atomic_write(hidden / files[number].name, png(cut_out(whole, found, part, parts)))
        atomic_write(hidden / "sheet.png", png(_numbered(whole, parts)))
        try:
            folder.mkdir(exist_ok=True)
            for path in files:
                (hidden / path.name).replace(path)
            (hidden / "sheet.png").replace(sheet)
            for path in set(existing) - {sheet, *files}:
                path.unlink()
        except OSError as error:
            raise explain_os_error(error, f"cannot write {folder}") from error
    symbols = tuple(
        Symbol(path, part.row + 1, part.column + 1, _whole_numbers(part.box))
        for path, part in zip(files, parts, strict=True)
    )
    return Cut(symbols, sheet, found.notes)


def _found(image: Picture, ink: Polarity) -> tuple[FoundInk, Picture]:
    """The ink of a picture, and the picture in a form that can be read again, unlike a pipe."""
    if not isinstance(image, Path | str):
        return find_in(image, ink), image
    data, name = content(image)
    try:
        found = find_in(data, ink)
    except AllographError as error:
        raise AllographError(str(error).replace("the image", name, 1)) from error
    return replace(found, source=replace(found.source, name=name)), data


def _existing(folder: Path, stem: str, sheet: Path) -> list[Path]:
    pattern = re.compile(re.escape(stem) + r"-\d{3,}\.png")
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in inside if pattern.fullmatch(path.name)] + ([sheet] if sheet.exists() else [])


def _whole_numbers(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return round(left), round(top), round(right), round(bottom)


def _numbered(whole: Image.Image, parts: list[Part]) -> Image.Image:
    """The picture with a box and a number for each symbol."""
    zoom = min(1.0, _SHEET_SIDE / max(whole.size))
    size = max(1, round(whole.width * zoom)), max(1, round(whole.height * zoom))
    ground = Image.new("RGBA", size, (*PAGE, 255))
    ground.alpha_composite(whole.convert("RGBA").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    page = ground.convert("RGB")
    draw = ImageDraw.Draw(page)
    letter = max(10, round(0.016 * max(size)))
    font = ImageFont.load_default(letter)
    for number, part in enumerate(parts, 1):
        left, top, right, bottom = (v * zoom for v in part.box)
        draw.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=ACCENT, width=max(1, letter // 8))
        wide = draw.textlength(str(number), font=font) + 6
        corner = max(0, left - 3), max(0, top - 3 - letter - 2)
        draw.rectangle((*corner, corner[0] + wide, corner[1] + letter + 3), fill=ACCENT)
        draw.text((corner[0] + 3, corner[1]), str(number), fill=(255, 255, 255), font=font)
    return page
