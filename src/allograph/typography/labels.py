"""The printed label of a cell: the symbol as outlines, from a font of this machine that has it."""

from __future__ import annotations

__all__ = ["Labels"]

import io
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from allograph.errors import AllographError, first_line

if TYPE_CHECKING:
    from fontTools.pens.basePen import AbstractPen

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_DOTTED_CIRCLE = "\u25cc"


class Labels:
    """Fonts for the symbols of a sheet; ``missing`` are the symbols that no font has."""

    def __init__(self, symbols: Sequence[str], fonts: Sequence[Path] = (), *, system: bool = True) -> None:
        """Search ``fonts`` first, then, with ``system``, the installed ones.

        Raises:
            AllographError: one of ``fonts`` cannot be read.
        """
        self._font_of: dict[str, tuple[Any, dict[int, str]]] = {}
        wanted = dict.fromkeys(symbols)
        for path in fonts:
            try:
                self._take(wanted, _fonts_in(path))
            except (OSError, TTLibError) as error:
                raise AllographError(
                    f"{path} cannot be read as a font ({first_line(error)}); name a .ttf or .otf file"
                ) from error
        for path in _installed() if system else ():
            if not wanted:
                break
            try:
                self._take(wanted, _fonts_in(path))
            except Exception:  # some system's broken font is nobody's fault here
                continue
        self.missing = tuple(wanted)

    def _take(self, wanted: dict[str, None], fonts: Iterator[Any]) -> None:
        for font in fonts:
            characters = font.getBestCmap() or {}
            for symbol in [s for s in wanted if all(ord(c) in characters for c in s)]:
                self._font_of[symbol] = font, characters
                del wanted[symbol]

    def draw(self, symbol: str, pen_at: Any) -> float | None:
        """Draw a symbol with ``pen_at(scale, x)``, a function that gives a pen whose unit is ``scale`` em and whose
        origin is ``x`` em; return the symbol's width in em, or None if no font has it."""
        if symbol not in self._font_of:
            return None
        font, characters = self._font_of[symbol]
        glyphs, em, x = font.getGlyphSet(), font["head"].unitsPerEm, 0.0
        circle = ord(_DOTTED_CIRCLE)
        lone = unicodedata.category(symbol[0]).startswith("M") and circle in characters
        for character in (_DOTTED_CIRCLE + symbol) if lone else symbol:
            glyph = glyphs[characters[ord(character)]]
            pen: AbstractPen = pen_at(1 / em, x)
            glyph.draw(pen)
            x += glyph.width / em
        return x


def _fonts_in(path: Path) -> Iterator[Any]:
    content = io.BytesIO(path.read_bytes())
    if path.suffix.lower() in (".ttc", ".otc"):
        yield from TTCollection(content, lazy=True).fonts
    else:
        yield TTFont(content, lazy=True)


def _installed() -> Iterator[Path]:
    """Font files of the system and of the user, always in the same order."""
    home = Path.home()
    if sys.platform == "win32":
        folders = [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
        folders.append(Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft" / "Windows" / "Fonts")
    elif sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    else:
        shared = os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")
        folders = [home / ".local" / "share" / "fonts", home / ".fonts", *(Path(one) / "fonts" for one in shared)]
    found: list[Path] = []
    for folder in folders:
        for place, _, names in os.walk(folder):
            found += [Path(place) / name for name in names if name.lower().endswith(_SUFFIXES)]
    # Upright sans serif first: "DejaVuSans.ttf" before its bold, condensed and slanted kin.
    yield from sorted(found, key=lambda path: (len(path.stem), "serif" in path.stem.lower(), str(path)))
