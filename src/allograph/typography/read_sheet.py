"""The job `allograph read-sheet`: from photographs or scans of filled-in pages to a folder of classes.

    DIR/U+0041-A/01.png ...      what each box holds, grey on white, all of one size; 02 is the symbol's second box
    DIR/sheet-ID-1.png           the page, straightened, with its empty and doubtful boxes marked
    DIR/sheet.json               which pages were read, and where the guide lines lie in the pictures

Pages may come in any order, also in several calls. A page that was read stays until it is read again with `overwrite`.
"""

from __future__ import annotations

__all__ = ["PageRead", "read_sheets"]

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from allograph.errors import AllographError, Problem, first_line
from allograph.imaging.picture_files import MAX_PIXELS
from allograph.runtime.files import atomic_write, explain_os_error, png
from allograph.typography.cells import SCALE, CellReading, Verdict, read_cells
from allograph.typography.layout import BOX, GUIDES
from allograph.typography.marks import Located, find_page, straightened
from allograph.typography.naming import class_name

INDEX = "sheet.json"

_PREVIEW_SCALE = 5
_COLOURS = {Verdict.FINE: (60, 160, 90), Verdict.EMPTY: (120, 130, 150), Verdict.DOUBTFUL: (225, 110, 0)}
_PDF_SCALE = 300 / 72


@dataclass(frozen=True)
class PageRead:
    """One page that was read.

    Attributes:
        photo: its file.
        sheet, number, pages: the sheet, the number of this page, and the number of all pages.
        files: the pictures made.
        empty: symbols whose boxes are empty, one for each box.
        doubtful: pictures to look at, and why.
        preview: the straightened page.
    """

    photo: Path
    sheet: str
    number: int
    pages: int
    files: tuple[Path, ...]
    empty: tuple[str, ...]
    doubtful: tuple[tuple[Path, str], ...]
    preview: Path


def read_sheets(photos: Sequence[Path], output: Path, *, overwrite: bool = False) -> Iterator[PageRead | Problem]:
    """Read pages; yield for each what was found or what is wrong with it, and at the end the missing pages.

    Raises:
        AllographError: nothing can be written in ``output``, or its index is damaged.
    """
    index = _Index(output)
    fresh: set[tuple[str, int]] = set()
    for path in photos:
        try:
            for picture, name in _pictures(path):
                try:
                    found = find_page(picture, name)
                    page = found.page
                    key = page.sheet, page.number
                    if (before := index.photo_of(*key)) and (key in fresh or not overwrite):
                        remedy = "leave one out" if key in fresh else "add --overwrite to read it again"
                        shows = f"{name} shows page {page.number} of sheet {page.sheet}"
                        raise AllographError(f"{shows}, which was read from {before}; {remedy}")
                    result = index.add(path, found, read_cells(picture, found), picture)
                except AllographError as error:
                    if isinstance(error.__cause__, OSError):
                        raise
                    yield Problem(path, str(error))
                else:
                    fresh.add(key)
                    yield result
        except _Unreadable as error:
            yield Problem(path, str(error))
    for sheet, number, pages in index.missing():
        yield Problem(
            output, f"page {number} of {pages} of sheet {sheet} is missing; photograph it and read it into {output} too"
        )


class _Unreadable(AllographError):
    """A file that holds no picture."""


class _Index:
    """The pages that a folder holds, in its `sheet.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / INDEX
        self._sheets: dict[str, Any] = {}
        if not self._path.exists():
            return
        try:
            self._sheets = dict(json.loads(self._path.read_text("utf-8"))["sheets"])
        except OSError as error:
            raise explain_os_error(error, f"cannot read {self._path}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise AllographError(f"{self._path} is damaged; move it away or choose another folder with -o") from error

    def photo_of(self, sheet: str, number: int) -> str | None:
        """The photograph from which a page was read."""
        read = self._sheets.get(sheet, {}).get("read", {}).get(str(number))
        return None if read is None else read["photo"]

    def missing(self) -> list[tuple[str, int, int]]:
        """(sheet, number, pages) of every page that is not there."""
        return [
            (sheet, number, about["pages"])
            for sheet, about in self._sheets.items()
            for number in range(1, about["pages"] + 1)
            if str(number) not in about["read"]
        ]

    def add(self, photo: Path, found: Located, cells: list[CellReading], picture: Image.Image) -> PageRead:
        """Write the cells of a page, its preview, and last the index."""
        page = found.page
        about = self._sheets.setdefault(
            page.sheet, {"pages": page.pages, "guides": GUIDES[page.guides], "kind": page.guides, "read": {}}
        )
        stale = {self._folder / name for name in about["read"].get(str(page.number), {}).get("files", [])}
        files: dict[int, Path] = {}
        for reading in cells:
            if reading.verdict is not Verdict.EMPTY:
                path = self._free(class_name(reading.cell.symbol), reading.cell.number, stale, set(files.values()))
                atomic_write(path, png(reading.picture))
                files[reading.cell.place] = path
        preview = self._folder / f"sheet-{page.sheet}-{page.number}.png"
        atomic_write(preview, png(_preview(picture, found, cells)))
        doubtful = [reading for reading in cells if reading.verdict is Verdict.DOUBTFUL]
        empty = [reading.cell.symbol for reading in cells if reading.verdict is Verdict.EMPTY]
        about["read"][str(page.number)] = {
            "photo": photo.name,
            "files": [path.relative_to(self._folder).as_posix() for path in files.values()],
            "empty": empty,
            "doubtful": {files[one.cell.place].relative_to(self._folder).as_posix(): one.reason for one in doubtful},
        }
        self._write()
        for path in stale - set(files.values()):
            path.unlink(missing_ok=True)
        return PageRead(
            photo=photo,
            sheet=page.sheet,
            number=page.number,
            pages=page.pages,
            files=tuple(files.values()),
            empty=tuple(empty),
            doubtful=tuple((files[one.cell.place], one.reason) for one in doubtful),
            preview=preview,
        )

    def _free(self, name: str, number: int, stale: set[Path], taken: set[Path]) -> Path:
        """The first name, from ``number`` on, that no picture of another page has."""
        while (path := self._folder / name / f"{number:02d}.png") in taken or (path.exists() and path not in stale):
            number += 1
        return path

    def _write(self) -> None:
        document = {
            "cells": {"width": round(BOX[0] * SCALE), "height": round(BOX[1] * SCALE), "pixels_per_mm": SCALE},
            "sheets": self._sheets,
        }
        atomic_write(self._path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


def _pictures(path: Path) -> Iterator[tuple[Image.Image, str]]:
    """Every picture in a file, upright, with its name: a photograph, the frames of a TIFF, the pages of a PDF."""
    try:
        if path.suffix.lower() == ".pdf":
            import pypdfium2

            with pypdfium2.PdfDocument(path.read_bytes()) as document:
                for number in range(len(document)):
                    page: Any = document[number]
                    yield (
                        page.render(scale=_PDF_SCALE).to_pil().convert("RGB"),
                        f"page {number + 1} of {path}" if number else str(path),
                    )
            return
        with Image.open(path) as file:
            if file.width * file.height > MAX_PIXELS:
                raise _Unreadable(f"{path} is {file.width} x {file.height} pixels large; scale it down")
            for number in range(getattr(file, "n_frames", 1)):
                file.seek(number)
                upright = ImageOps.exif_transpose(file)
                yield upright.convert("RGB"), f"picture {number + 1} of {path}" if number else str(path)
    except AllographError:
        raise
    except FileNotFoundError as error:
        raise _Unreadable(f"there is no file {path}; check the path") from error
    except IsADirectoryError as error:
        raise _Unreadable(f"{path} is a folder; name the photographs in it") from error
    except Exception as error:  # whatever a decoder raises on a damaged file
        raise _Unreadable(
            f"{path} cannot be read as a picture ({first_line(error)}); name a photograph or scan"
        ) from error


def _preview(photo: Image.Image, found: Located, cells: list[CellReading]) -> Image.Image:
    """The page, straightened, with a frame around every box."""
    width, height = found.page.size
    page = straightened(photo, found, (0, 0, width, height), _PREVIEW_SCALE)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(2.6 * _PREVIEW_SCALE)
    for reading in cells:
        left, top = (value * _PREVIEW_SCALE for value in reading.cell.corner)
        box = left, top, left + BOX[0] * _PREVIEW_SCALE, top + BOX[1] * _PREVIEW_SCALE
        fine = reading.verdict is Verdict.FINE
        draw.rectangle(box, outline=_COLOURS[reading.verdict], width=1 if fine else 3)
        if not fine:
            note = reading.reason or "empty"
            draw.text((left + 4, box[3] - 4), note, _COLOURS[reading.verdict], font, anchor="ls")
    return page
