"""UFO sources of a font, for font editors."""

from __future__ import annotations

__all__ = ["write_ufo"]

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontTools.pens.pointPen import SegmentToPointPen
from fontTools.ufoLib import UFOWriter

from allograph.errors import AllographError
from allograph.runtime.files import explain_os_error
from allograph.runtime.staging import staging
from allograph.typography.design import Design, draw_glyph
from allograph.typography.metrics import CAP_HEIGHT, UNITS, X_HEIGHT

if TYPE_CHECKING:
    from allograph.typography.font import FontNames


class _Info:
    """The content of `fontinfo.plist` as attributes."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class _Outline:
    """A glyph, with the attributes that the glyph writer reads."""

    def __init__(self, width: int, unicodes: list[int]) -> None:
        self.width, self.unicodes = width, unicodes


def write_ufo(path: Path, design: Design, names: FontNames, *, overwrite: bool = False) -> None:
    """Write a folder `NAME.ufo` of version 3, with features, including kerning.

    Raises:
        AllographError: the folder exists and ``overwrite`` is false, or it cannot be written.
    """
    if path.exists() and not overwrite:
        raise AllographError(f"{path} exists already; choose another name with -o, or add --overwrite")
    try:
        with staging(path.parent) as hidden:
            made = hidden / path.name
            _write(made, design, names)
            if path.is_dir():
                shutil.rmtree(path)
            made.replace(path)
    except OSError as error:
        raise explain_os_error(error, f"cannot write {path}") from error


def _write(path: Path, design: Design, names: FontNames) -> None:
    top, bottom = design.reach()
    sources: Any = UFOWriter(path, fileCreator="io.github.allograph")
    with sources as writer:
        writer.writeInfo(
            _Info(
                familyName=names.family,
                styleName="Regular",
                postscriptFontName=names.postscript,
                versionMajor=1,
                versionMinor=0,
                unitsPerEm=UNITS,
                ascender=top,
                descender=bottom,
                xHeight=X_HEIGHT,
                capHeight=CAP_HEIGHT,
            )
        )
        glyphs = writer.getGlyphSet()
        characters: dict[str, list[int]] = {}
        for code, name in design.characters.items():
            characters.setdefault(name, []).append(code)
        for name in (".notdef", *design.glyphs):

            def draw(pen: Any, name: str = name) -> None:
                draw_glyph(design, name, SegmentToPointPen(pen))

            glyphs.writeGlyph(name, _Outline(design.advance(name), characters.get(name, [])), draw)
        glyphs.writeContents()
        writer.writeLayerContents()
        writer.writeFeatures(design.features())
        writer.writeLib({"public.glyphOrder": [".notdef", *design.glyphs]})
