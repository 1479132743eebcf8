"""The layout of a sheet, and the code on every page that describes it.

All lengths are millimetres from the upper left corner of the page. The code describes the whole page, including its
characters, so a photograph can be read without the printed file.
"""

from __future__ import annotations

__all__ = ["BOX", "CODE", "GUIDES", "MARK", "PAPERS", "Cell", "Guides", "Page", "pages_of"]

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from fontTools import unicodedata as scripts

from allograph.errors import AllographError

Guides = Literal["lines", "square"]

PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}

MARK = 4.5, 3.0, 1.6
"""Radii of a registration mark: outside and inside of its black ring, and the black disc within."""

_MARK_AT = 13.0
"""Distance of the marks' centres from each edge of the page."""

CODE = 28.0
"""Side of the QR code, without its quiet zone."""

_CODE_TOP = 8.0
_TOP, _BOTTOM, _SIDE = 41.0, 20.5, 12.0
PITCH = 23.25, 28.5
BOX = 20.4, 22.5
"""Width and height of the box to write in; the label stands above it, in the rest of the pitch."""

_LABEL = 5.0

GUIDES: dict[Guides, dict[str, float]] = {
    "lines": {"cap_height": 5.2, "x_height": 9.2, "baseline": 15.4, "descender": 20.2},
    "square": {"top": 3.25, "baseline": 17.33, "bottom": 19.25},
}
"""Guide lines, from the top of the box; `square` asks for symbols that fill a square 16 mm wide."""

_SQUARE_SCRIPTS = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo", "Yiii", "Tang", "Nshu", "Kits"})


@dataclass(frozen=True)
class Cell:
    """One box: its symbol, its number among the symbol's boxes (from 1), its place in the page's order (from 0), and
    its (left, top) in mm."""

    symbol: str
    number: int
    place: int
    corner: tuple[float, float]


@dataclass(frozen=True)
class Page:
    """One page of a sheet, as its code describes it.

    Attributes:
        paper: `a4` or `letter`.
        guides: `lines` for symbols on a baseline, `square` for symbols that fill a square.
        boxes: number of boxes for each symbol.
        number, pages: of this page, from 1, and how many the sheet has.
        sheet: names the sheet: a hash of all its symbols and settings.
        symbols: on this page, in order.
    """

    paper: str
    guides: Guides
    boxes: int
    number: int
    pages: int
    sheet: str
    symbols: tuple[str, ...]

    @cached_property
    def size(self) -> tuple[float, float]:
        return PAPERS[self.paper]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        columns, _ = _grid(self.paper)
        left = _left(self.paper)
        found = []
        for place in range(len(self.symbols) * self.boxes):
            row, column = divmod(place, columns)
            corner = left + column * PITCH[0] + (PITCH[0] - BOX[0]) / 2, _TOP + row * PITCH[1] + _LABEL
            found.append(Cell(self.symbols[place // self.boxes], place % self.boxes + 1, place, corner))
        return tuple(found)

    @cached_property
    def marks(self) -> tuple[tuple[float, float], ...]:
        """Centres of the registration marks, clockwise from the upper left one."""
        width, height = self.size
        near, right, low = _MARK_AT, width - _MARK_AT, height - _MARK_AT
        return (near, near), (right, near), (right, low), (near, low)

    @cached_property
    def dots(self) -> tuple[tuple[float, float], ...]:
        """Centres of the small dots between all cells, which show how the paper is bent."""
        columns, rows = _grid(self.paper)
        left = _left(self.paper)
        return tuple((left + i * PITCH[0], _TOP + j * PITCH[1]) for j in range(rows + 1) for i in range(columns + 1))

    @cached_property
    def code_corner(self) -> tuple[float, float]:
        """(left, top) of the QR code."""
        return self.size[0] - _MARK_AT - MARK[0] - 6.0 - CODE, _CODE_TOP

    @cached_property
    def code(self) -> str:
        """The text of the QR code, in its alphanumeric alphabet."""
        guides, paper = self.guides[0].upper(), self.paper[0].upper()
        runs = "/".join(_runs(self.symbols))
        return f"ALLOGRAPH1:{paper}{guides}:{self.boxes}:{self.number}.{self.pages}:{self.sheet}:{runs}"

    @classmethod
    def from_code(cls, code: str) -> Page | None:
        """The page that a code describes; None for any other text.

        Raises:
            AllographError: a code of a later version.
        """
        if not code.startswith("ALLOGRAPH"):
            return None
        if not code.startswith("ALLOGRAPH1:"):
            raise AllographError("the sheet was made by a later version of allograph; install that one")
        try:
            _, kinds, boxes, place, sheet, runs = code.split(":")
            paper = next(name for name in PAPERS if name[0].upper() == kinds[0])
            guides: Guides = next(name for name in GUIDES if name[0].upper() == kinds[1])
            number, pages = map(int, place.split("."))
            page = cls(paper, guides, int(boxes), number, pages, sheet, _symbols(runs))
        except (ValueError, IndexError, StopIteration):
            return None
        rows_and_columns = math.prod(_grid(page.paper))
        return page if 0 < len(page.symbols) * page.boxes <= rows_and_columns else None


def pages_of(
    symbols: Sequence[str], *, boxes: int = 1, paper: str = "a4", guides: Guides | None = None
) -> tuple[Page, ...]:
    """The pages of a sheet; a symbol's boxes all stand on one page.

    Raises:
        AllographError: more boxes than a page has, or none.
    """
    if guides is None:
        square = sum(scripts.script(symbol[0]) in _SQUARE_SCRIPTS for symbol in symbols)
        guides = "square" if 2 * square > len(symbols) else "lines"
    most = math.prod(_grid(paper))
    if not 1 <= boxes <= most:
        raise AllographError(f"{boxes} boxes for each symbol do not fit on a page; choose 1 to {most}")
    each = most // boxes
    parts: list[tuple[str, ...]] = []
    for symbol in symbols:
        if not parts or len(parts[-1]) == each or _dense((*parts[-1], symbol)):
            parts.append(())
        parts[-1] = (*parts[-1], symbol)
    about = repr((tuple(symbols), boxes, paper, guides))
    sheet = hashlib.sha256(about.encode()).hexdigest()[:6].upper()
    return tuple(Page(paper, guides, boxes, k, len(parts), sheet, part) for k, part in enumerate(parts, 1))


def _grid(paper: str) -> tuple[int, int]:
    """Columns and rows of cells."""
    width, height = PAPERS[paper]
    return int((width - 2 * _SIDE) // PITCH[0]), int((height - _TOP - _BOTTOM) // PITCH[1])


def _left(paper: str) -> float:
    """The left edge of the first column."""
    return (PAPERS[paper][0] - _grid(paper)[0] * PITCH[0]) / 2


def _dense(symbols: tuple[str, ...]) -> bool:
    """Whether the code of these symbols would have modules too small for a photograph: more than 350 characters."""
    return len("/".join(_runs(symbols))) > 350


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _runs(symbols: Sequence[str]) -> list[str]:
    """Symbols of one code point that follow each other as `FIRST*COUNT`, longer ones as `FIRST+SECOND`, in base 36."""
    runs: list[str] = []
    first = count = 0
    for symbol in [*symbols, ""]:  # the empty one ends the last run
        if count and len(symbol) == 1 and ord(symbol) == first + count:
            count += 1
            continue
        if count:
            runs.append(_base36(first) + (f"*{_base36(count)}" if count > 1 else ""))
        first, count = (ord(symbol), 1) if len(symbol) == 1 else (0, 0)
        if len(symbol) > 1:
            runs.append("+".join(_base36(ord(character)) for character in symbol))
    return runs


def _symbols(runs: str) -> tuple[str, ...]:
    symbols: list[str] = []
    for run in runs.split("/"):
        if "+" in run:
            symbols.append("".join(chr(int(code, 36)) for code in run.split("+")))
            continue
        first, _, count = run.partition("*")
        symbols += [chr(int(first, 36) + k) for k in range(int(count or "1", 36))]
    return tuple(symbols)


def _base36(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits
