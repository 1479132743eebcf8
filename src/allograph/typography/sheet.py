"""The sheet to fill in as a PDF: labelled boxes with faint guide lines, registration marks, a code on each page."""

from __future__ import annotations

__all__ = ["write_sheet"]

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zxingcpp
from fontTools.pens.reportLabPen import ReportLabPen
from fontTools.pens.transformPen import TransformPen
from reportlab.graphics.shapes import Path as Outline
from reportlab.pdfgen.canvas import Canvas

from allograph.runtime.files import atomic_write
from allograph.typography.labels import Labels
from allograph.typography.layout import BOX, CODE, GUIDES, MARK, Page
from allograph.typography.naming import code_points

_MM = 72 / 25.4

FAINT = 0.86
"""The grey of boxes and guide lines: visible to the eye, but lighter than any pen for the reader."""

_FAINTER = 0.90
_LABEL_GREY = 0.35
DOT = 0.55
"""Radius of the dots between the cells, mm."""


def write_sheet(path: Path, pages: Sequence[Page], labels: Labels, *, title: str = "", overwrite: bool = False) -> None:
    """Write the pages to a PDF file.

    Raises:
        AllographError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    stream = io.BytesIO()
    canvas = Canvas(stream, pageCompression=1, invariant=1)
    canvas.setTitle(title or "Sheet to fill in")
    canvas.setCreator("allograph")
    for page in pages:
        _Drawing(canvas, page, labels).draw(title)
        canvas.showPage()
    canvas.save()
    atomic_write(path, stream.getvalue(), overwrite=overwrite)


class _Drawing:
    """One page on the canvas; lengths in millimetres from the upper left corner."""

    def __init__(self, canvas: Any, page: Page, labels: Labels) -> None:
        self._canvas, self._page, self._labels = canvas, page, labels
        self._height = page.size[1]
        canvas.setPageSize(tuple(side * _MM for side in page.size))

    def draw(self, title: str) -> None:
        self._header(title)
        for cell in self._page.cells:
            self._box(*cell.corner)
            self._label(cell.symbol, cell.number, *cell.corner)
        for x, y in self._page.dots:
            self._disc(x, y, DOT, 0.0)
        for x, y in self._page.marks:
            for radius, grey in zip(MARK, (0.0, 1.0, 0.0), strict=True):
                self._disc(x, y, radius, grey)
        self._code()

    def _header(self, title: str) -> None:
        page = self._page
        left = page.marks[0][0] + MARK[0] + 6
        self._text(left, 13.5, title or "Write each symbol into its box", 13, 0.15)
        lines = ["Use a dark pen. Stay inside the boxes; leave empty what you do not need."]
        if page.guides == "lines":
            lines.append("Write on the third line from the top; capitals reach the first, small letters the second.")
        lines.append("Then scan the page, or photograph all of it, with its four round marks.")
        for number, line in enumerate(lines):
            self._text(left, 20.0 + 4.4 * number, line, 8, 0.3)
        self._text(left, 35.5, f"Sheet {page.sheet}, page {page.number} of {page.pages}", 8, 0.3)

    def _box(self, left: float, top: float) -> None:
        canvas, (width, height) = self._canvas, BOX
        guides = GUIDES[self._page.guides]
        canvas.setLineWidth(0.25 * _MM)
        canvas.setStrokeGray(FAINT)
        canvas.rect(left * _MM, self._up(top + height), width * _MM, height * _MM, stroke=1, fill=0)
        if self._page.guides == "square":
            side = guides["bottom"] - guides["top"]
            inset = (width - side) / 2
            canvas.setDash(2, 2)
            canvas.rect((left + inset) * _MM, self._up(top + guides["bottom"]), side * _MM, side * _MM)
            canvas.setDash()
            return
        for name, y in guides.items():
            canvas.setStrokeGray(FAINT if name == "baseline" else _FAINTER)
            canvas.setLineWidth((0.3 if name == "baseline" else 0.18) * _MM)
            canvas.line(left * _MM, self._up(top + y), (left + width) * _MM, self._up(top + y))

    def _label(self, symbol: str, number: int, left: float, top: float) -> None:
        baseline, size = top - 1.2, 3.6
        code = code_points(symbol).replace("_", " ")
        code = code if len(code) <= 14 else f"{code[:13]}..."
        if self._page.boxes > 1:
            code = f"{number}  {code}"
        self._text(left + BOX[0], baseline, code, 4.6, 0.5, right=True)
        canvas = self._canvas

        def pen_at(scale: float, x: float) -> TransformPen:
            return TransformPen(drawn, (size * _MM * scale, 0, 0, size * _MM * scale, size * _MM * x, 0))

        drawn = ReportLabPen(None, Outline())
        if self._labels.draw(symbol, pen_at) is None:
            return
        canvas.saveState()
        canvas.translate((left + 0.3) * _MM, self._up(baseline))
        canvas.setFillGray(_LABEL_GREY)
        _fill(canvas, drawn.path)
        canvas.restoreState()

    def _code(self) -> None:
        left, top = self._page.code_corner
        code = zxingcpp.create_barcode(self._page.code, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        image: Any = code.to_image(scale=1, add_quiet_zones=False)
        rows = np.asarray(image)
        count = len(rows)
        side = CODE / count
        path = self._canvas.beginPath()
        for row in range(count):
            for column in range(count):
                if not rows[row, column]:
                    # A little larger, so that no hairline shows between them.
                    x, y = (left + column * side) * _MM, self._up(top + (row + 1) * side)
                    path.rect(x, y, 1.01 * side * _MM, 1.01 * side * _MM)
        self._canvas.setFillGray(0)
        self._canvas.drawPath(path, stroke=0, fill=1, fillMode=1)

    def _disc(self, x: float, y: float, radius: float, grey: float) -> None:
        self._canvas.setFillGray(grey)
        self._canvas.circle(x * _MM, self._up(y), radius * _MM, stroke=0, fill=1)

    def _text(self, x: float, y: float, text: str, size: float, grey: float, *, right: bool = False) -> None:
        self._canvas.setFont("Helvetica", size)
        self._canvas.setFillGray(grey)
        # The standard fonts have the characters of Latin-1 alone.
        plain = text.encode("latin-1", "replace").decode("latin-1")
        (self._canvas.drawRightString if right else self._canvas.drawString)(x * _MM, self._up(y), plain)

    def _up(self, y: float) -> float:
        """A height in PDF's units: points from the page's lower edge."""
        return (self._height - y) * _MM


def _fill(canvas: Any, outline: Any) -> None:
    """Fill a path of reportlab's graphics by the fill rule of fonts."""
    path = canvas.beginPath()
    points = iter(outline.points)
    take = {0: path.moveTo, 1: path.lineTo, 2: path.curveTo, 3: path.close}
    counts = {0: 2, 1: 2, 2: 6, 3: 0}
    for operator in outline.operators:
        take[operator](*(next(points) for _ in range(counts[operator])))
    canvas.drawPath(path, stroke=0, fill=1, fillMode=1)
