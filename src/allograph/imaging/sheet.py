"""The contact sheet: the exemplar, marked, and the new drawings around it."""

from __future__ import annotations

__all__ = ["ACCENT", "PAGE", "Layout", "contact_sheet", "exemplar_tile", "lay_out", "paste_tile"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.imaging.style import Exemplar, RenderStyle

PAGE = (243, 242, 239)
"""The colour of the page, a warm light grey on which white paper still shows as paper."""

ACCENT = (13, 126, 132)
"""The colour of what is given: the frame around the exemplar and, in animations, where it is read."""

_HAIRLINE = (0, 0, 0, 26)
_CELL = 160
_RATIO = 1.5

_MOST_GIVEN = 24
"""Largest number of exemplars shown."""


@dataclass(frozen=True)
class Layout:
    """Squares on a page, in pixels: `exemplar` and `cells` are (left, top, side); `size` is the page's."""

    size: tuple[int, int]
    exemplar: tuple[int, int, int] | None
    cells: tuple[tuple[int, int, int], ...]
    margin: int


def lay_out(count: int, columns: int | None = None, cell: int = _CELL, *, exemplar: bool = True) -> Layout:
    """Place `count` drawings on a page, `columns` cells wide.

    The exemplar, if there is one, takes two by two cells in the upper left corner (one, if the drawings fill a single
    row) and the drawings flow around it. Without `columns` the page gets about three to two, with few cells left empty.
    """
    if count < 1:
        raise AllographError("a contact sheet needs at least one drawing")
    if columns is not None and columns < 1:
        raise AllographError(f"a contact sheet cannot have {columns} columns; give at least 1")
    if columns is None:
        columns = _good_columns(count, exemplar)
    block = 0
    if exemplar:
        block = 2 if columns >= 3 and count > 2 * columns - 4 - (columns < 5) else 1
        if count <= columns - 1:
            block = 1
        block = min(block, columns)
    taken = {(row, column) for row in range(block) for column in range(block)}
    free = ((r, c) for r in range(count + block + 1) for c in range(columns) if (r, c) not in taken)
    places = [next(free) for _ in range(count)]
    gap, margin = round(cell * 0.09), round(cell * 0.2)
    pitch = cell + gap

    def at(row: int, column: int) -> tuple[int, int]:
        return margin + column * pitch, margin + row * pitch

    rows = max(block, 1 + max(row for row, _ in places))
    used = max(block, 1 + max(column for _, column in places))
    size = (2 * margin + used * pitch - gap, 2 * margin + rows * pitch - gap)
    cells = tuple((*at(row, column), cell) for row, column in places)
    return Layout(size, (*at(0, 0), block * pitch - gap) if exemplar else None, cells, margin)


def _good_columns(count: int, exemplar: bool) -> int:
    if count <= 3:
        return count + (2 if count == 2 else 1) if exemplar else count
    total = count + (4 if exemplar else 0)

    def cost(columns: int) -> float:
        rows = math.ceil(total / columns)
        return abs(math.log(columns / rows / _RATIO)) + 0.35 * (rows * columns - total) / columns

    return min(range(3, total), key=cost)


def contact_sheet(
    exemplar: Exemplar | Sequence[Exemplar] | None,
    drawings: Sequence[Image.Image],
    columns: int | None = None,
    style: RenderStyle | None = None,
) -> Image.Image:
    """Return one picture of the exemplar, larger and framed, and of all drawings made from it.

    Every tile shows the square of its picture that holds the symbol, so the sheet looks the same for a tight crop and a
    large photo. Drawings are pictures as `RenderStyle.render` makes them, of the exemplar's style or of `style`;
    without either they are squares, and shown whole. Of several exemplars, the first `_MOST_GIVEN` are shown, framed,
    before the drawings and as large as these.
    """
    given: Sequence[Exemplar] = ()
    if isinstance(exemplar, Sequence):
        given, exemplar = exemplar[:_MOST_GIVEN], None
    layout = lay_out(len(given) + len(drawings), columns, exemplar=exemplar is not None)
    page = Image.new("RGB", layout.size, PAGE)
    for one, place in zip(given, layout.cells, strict=False):
        paste_tile(page, exemplar_tile(one, place[2]), place, ACCENT)
    for drawing, place in zip(drawings, layout.cells[len(given) :], strict=True):
        look = style if exemplar is None else exemplar.style
        if look is None:
            tile = drawing.resize((place[2], place[2]), Image.Resampling.LANCZOS, reducing_gap=3.0)
        else:
            tile = _tile(drawing, look, look.view, place[2])
        paste_tile(page, tile, place)
    if exemplar is not None and layout.exemplar is not None:
        style = exemplar.style
        tile = _tile(exemplar.picture, style, style.view, layout.exemplar[2])
        paste_tile(page, tile, layout.exemplar, ACCENT)
    return page


def paste_tile(
    page: Image.Image, tile: Image.Image, place: tuple[int, int, int], frame: tuple[int, int, int] | None = None
) -> None:
    """Paste a square tile with rounded corners, inside a hairline or inside a frame of one colour."""
    left, top, side = place
    over = 4
    radius = round(0.055 * _CELL * over)
    if frame is not None:
        reach = max(3, round(0.014 * side))
        outer = side + 2 * reach
        ring = Image.new("L", (outer * over, outer * over), 0)
        ImageDraw.Draw(ring).rounded_rectangle((0, 0, outer * over - 1, outer * over - 1), radius + reach * over, 255)
        page.paste(frame, (left - reach, top - reach), ring.reduce(over))
    mask = Image.new("L", (side * over, side * over), 0)
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle((0, 0, side * over - 1, side * over - 1), radius, 255)
    page.paste(tile, (left, top), mask.reduce(over))
    if frame is None:
        line = Image.new("L", mask.size, 0)
        ImageDraw.Draw(line).rounded_rectangle(
            (0, 0, side * over - 1, side * over - 1), radius, outline=_HAIRLINE[3], width=over
        )
        page.paste(_HAIRLINE[:3], (left, top), line.reduce(over))


def exemplar_tile(exemplar: Exemplar, side: int) -> Image.Image:
    """Return the model's whole frame of the exemplar's picture; beyond the picture lies its paper."""
    return _tile(exemplar.picture, exemplar.style, exemplar.style.frame, side)


def _tile(picture: Image.Image, style: RenderStyle, view: tuple[float, float, float], side: int) -> Image.Image:
    """Return the square `view`, in pixels of the exemplar's picture, of a picture of any size, on its paper."""
    zoom = picture.width / style.width, picture.height / style.height
    left, top, extent = view
    box = (left * zoom[0], top * zoom[1], (left + extent) * zoom[0], (top + extent) * zoom[1])
    paper = Image.new("RGB", (side, side), style.ground)
    # Only the part inside of the picture can be scaled; it goes to its own place on the paper.
    cut = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], picture.width), min(box[3], picture.height))
    scale = side / (box[2] - box[0]), side / (box[3] - box[1])
    x, y = round((cut[0] - box[0]) * scale[0]), round((cut[1] - box[1]) * scale[1])
    size = (min(side - x, round((cut[2] - cut[0]) * scale[0])), min(side - y, round((cut[3] - cut[1]) * scale[1])))
    if min(size) < 1:
        return paper
    part = picture.resize(size, Image.Resampling.LANCZOS, box=cut, reducing_gap=3.0)
    paper.paste(part, (x, y), part if part.mode == "RGBA" else None)
    return paper
