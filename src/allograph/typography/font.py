"""The font file: outlines, metrics and features put together, as TrueType, CFF, WOFF2 or UFO sources."""

from __future__ import annotations

__all__ = ["FORMATS", "FontNames", "build_font", "write_font"]

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

from allograph import __version__
from allograph.errors import AllographError
from allograph.runtime.files import atomic_write
from allograph.typography.design import Design, draw_glyph
from allograph.typography.metrics import CAP_HEIGHT, UNITS, X_HEIGHT

FORMATS = {".ttf": "TrueType", ".otf": "CFF", ".woff2": "TrueType, compressed for the web", ".ufo": "sources"}

_QUADRATIC_ERROR = 4.5
"""Largest distance in units between TrueType's quadratics and the cubics."""

_EPOCH = 3_786_912_000
"""Seconds from 1904 to 2024: the same drawings give the same file."""


@dataclass(frozen=True)
class FontNames:
    """The names in the font.

    Raises:
        AllographError: a name that a font cannot have.
    """

    family: str
    designer: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        if not self.postscript:
            raise AllographError(f"a font cannot be called {self.family!r}; choose a name with letters from A to Z")
        if len(self.family) > 27:
            raise AllographError(f"{self.family!r} is too long for a font's name; choose at most 27 characters")

    @property
    def postscript(self) -> str:
        plain = "".join(c for c in self.family if c.isascii() and c.isalnum())
        return f"{plain}-Regular" if plain else ""


def write_font(path: Path, design: Design, names: FontNames, *, overwrite: bool = False) -> None:
    """Write the font in the format of the file's ending, one of `FORMATS`.

    Raises:
        AllographError: another ending; the file exists and ``overwrite`` is false, or it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise AllographError(f"{path} does not end in {', '.join(FORMATS)}, which say what kind of font to make")
    if kind == ".ufo":
        from allograph.typography.ufo import write_ufo

        write_ufo(path, design, names, overwrite=overwrite)
        return
    font = build_font(design, names, cff=kind == ".otf")
    if kind == ".woff2":
        font.flavor = "woff2"
    stream = io.BytesIO()
    font.save(stream)
    atomic_write(path, stream.getvalue(), overwrite=overwrite)


def build_font(design: Design, names: FontNames, *, cff: bool = False) -> Any:
    """A `fontTools.ttLib.TTFont` with cubic outlines (``cff``) or quadratic ones."""
    order = [".notdef", *design.glyphs]
    builder = FontBuilder(UNITS, isTTF=not cff)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(dict(design.characters))
    if cff:
        strings = {name: _charstring(design, name) for name in order}
        about = {"FullName": f"{names.family} Regular", "FamilyName": names.family, "version": "1.000"}
        builder.setupCFF(names.postscript, about, strings, {})
    else:
        builder.setupGlyf({name: _truetype(design, name) for name in order})
    lefts = design.left_bearings()
    builder.setupHorizontalMetrics({name: (design.advance(name), lefts.get(name, 0)) for name in order})
    top, bottom = design.reach()
    highest, lowest = _reach_of_points(builder.font)
    builder.setupHorizontalHeader(ascent=top, descent=bottom, lineGap=0)
    builder.setupNameTable(_names(names), mac=False)
    builder.setupOS2(
        version=4,
        sTypoAscender=top,
        sTypoDescender=bottom,
        sTypoLineGap=0,
        usWinAscent=max(top, highest),
        usWinDescent=-min(bottom, lowest),
        sxHeight=X_HEIGHT,
        sCapHeight=CAP_HEIGHT,
        fsSelection=0x40 | 0x80,  # regular; the typographic metrics are meant
        fsType=0,
        achVendID="NONE",
        usWeightClass=400,
        usWidthClass=5,
    )
    builder.font["OS/2"].recalcAvgCharWidth(builder.font)
    builder.font["OS/2"].recalcUnicodeRanges(builder.font)
    builder.font["OS/2"].recalcCodePageRanges(builder.font)
    builder.setupPost(underlinePosition=-120, underlineThickness=50, keepGlyphNames=True)
    head: Any = builder.font["head"]
    head.created = head.modified = _EPOCH
    head.fontRevision = 1.0
    builder.font.recalcTimestamp = False
    if not cff:
        _smooth_at_all_sizes(builder.font)
    addOpenTypeFeaturesFromString(builder.font, design.features())
    return builder.font


def _reach_of_points(font: Any) -> tuple[int, int]:
    """The highest and the lowest of all points, including control points beyond the curve."""
    glyphs, boxes = font.getGlyphSet(), []
    for name in glyphs.keys():  # noqa: SIM118, a glyph set is no dictionary
        pen = ControlBoundsPen(glyphs)
        glyphs[name].draw(pen)
        boxes += [pen.bounds] if pen.bounds else []
    return math.ceil(max(box[3] for box in boxes)), math.floor(min(box[1] for box in boxes))


def _names(names: FontNames) -> dict[str, str]:
    found = {
        "familyName": names.family,
        "styleName": "Regular",
        "uniqueFontIdentifier": f"1.000;{names.postscript}",
        "fullName": f"{names.family} Regular",
        "version": "Version 1.000",
        "psName": names.postscript,
        "description": f"Made by allograph {__version__} from drawings by hand.",
    }
    if names.designer:
        found["designer"] = names.designer
        found["copyright"] = f"Copyright {names.designer}"
    if names.license:
        found["licenseDescription"] = names.license
    return found


def _truetype(design: Design, name: str) -> Any:
    pen = TTGlyphPen(None)
    # Outer edges run clockwise, as TrueType wants them.
    draw_glyph(design, name, Cu2QuPen(pen, _QUADRATIC_ERROR, reverse_direction=True))
    return pen.glyph(dropImpliedOnCurves=True)


def _charstring(design: Design, name: str) -> Any:
    pen = T2CharStringPen(design.advance(name), None)
    draw_glyph(design, name, pen)
    return pen.getCharString()


def _smooth_at_all_sizes(font: Any) -> None:
    """No hinting: a table that asks for grey levels at every size, and a program that prevents drop-outs."""
    from fontTools.ttLib import newTable
    from fontTools.ttLib.tables.ttProgram import Program

    gasp: Any = newTable("gasp")
    gasp.gaspRange = {0xFFFF: 0x000F}
    font["gasp"] = gasp
    prep: Any = newTable("prep")
    prep.program = Program()
    prep.program.fromAssembly(["PUSHW[]", "511", "SCANCTRL[]", "PUSHB[]", "4", "SCANTYPE[]"])
    font["prep"] = prep
