"""A font's design, before any file format: every glyph's outline and advance, the characters, features and kerning."""

from __future__ import annotations

__all__ = ["Design", "design_of", "draw_glyph"]

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from allograph.errors import Problem
from allograph.typography.features import feature_text, kerning_text
from allograph.typography.glyphs import Drawing, Glyph
from allograph.typography.marking import mark_text
from allograph.typography.metrics import CAP_HEIGHT
from allograph.typography.spacing import Profile, bearings, kern, profile_of

_SPACE = 0.58
"""The space's width, of the mean advance."""

_LIKELY = 400
"""Largest number of symbols that are kerned; with more, the table would be larger than the rest of the font."""


@dataclass(frozen=True)
class Design:
    """The content of a font file.

    Attributes:
        drawings: the outline of each glyph that has one, its side bearing within it.
        advances: the advance of every glyph.
        characters: the glyph of each code point.
        turns: glyphs of each symbol's drawings, by the first one's name.
        ligatures: glyphs that stand for several.
        marks: glyphs that combine with what stands before them.
        kerning: by pairs of symbols' first glyphs.
    """

    drawings: Mapping[str, Drawing]
    advances: Mapping[str, int]
    characters: Mapping[int, str]
    turns: Mapping[str, Sequence[str]]
    ligatures: Mapping[str, Sequence[str]]
    marks: Sequence[str]
    kerning: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @cached_property
    def glyphs(self) -> tuple[str, ...]:
        """All names except `.notdef`, the space first."""
        return tuple(self.advances)

    def advance(self, name: str) -> int:
        return self.advances.get(name, 500)

    def left_bearings(self) -> dict[str, int]:
        return {name: round(drawing.box[0]) for name, drawing in self.drawings.items()} | {".notdef": 60}

    def reach(self) -> tuple[int, int]:
        """Ascent and descent of the line: as far as any ink reaches, and no less than usual."""
        boxes = [drawing.box for drawing in self.drawings.values()]
        top, bottom = max(box[3] for box in boxes), min(box[1] for box in boxes)
        return max(900, int(np.ceil(top))), min(-300, int(np.floor(bottom)))

    def features(self) -> str:
        """All features in Adobe's language."""
        others = [".notdef", *(name for name in self.glyphs if name not in self.drawings)]
        bases = {name: self.drawings[name] for name in self.drawings if name not in self.marks}
        marks = {name: self.drawings[name] for name in self.marks}
        combining = {self.characters[code]: unicodedata.combining(chr(code)) for code in self.characters}
        variants = {one: combining.get(first, 0) for first, names in self.turns.items() for one in names}
        return "\n".join(
            [
                feature_text(self.turns, others, self.ligatures, self.marks),
                kerning_text(self.turns, self.kerning),
                mark_text(bases, marks, variants),
            ]
        )


def draw_glyph(design: Design, name: str, pen: Any) -> None:
    """Draw a glyph's outline with a pen of fontTools, outer edges anticlockwise."""
    if name == ".notdef":
        for box in ((60, 0, 440, CAP_HEIGHT), (110, 50, 390, CAP_HEIGHT - 50)):
            left, bottom, right, top = box
            corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
            _polygon(pen, corners if box[0] == 60 else corners[::-1])
        return
    if (drawing := design.drawings.get(name)) is None:
        return
    for closed in drawing.curves:
        ends = [_rounded(curve[3]) for curve in closed]
        pen.moveTo(ends[-1])
        for curve, end in zip(closed, ends, strict=True):
            pen.curveTo(_rounded(curve[1]), _rounded(curve[2]), end)
        pen.closePath()


def design_of(glyphs: Sequence[Glyph], folder: Path) -> tuple[Design, list[Problem]]:
    """Space the glyphs, kern them, and position marks.

    Symbols of several code points become ligatures if the font has all of their parts; others are reported.
    """
    single = {glyph.symbol: glyph.name for glyph in glyphs if len(glyph.symbol) == 1}
    problems: list[Problem] = []
    drawings: dict[str, Drawing] = {}
    advances: dict[str, int] = {"space": 0, "uni00A0": 0}
    turns: dict[str, tuple[str, ...]] = {}
    ligatures: dict[str, tuple[str, ...]] = {}
    marks: list[str] = []
    profiles: dict[str, list[Profile]] = {}
    for glyph in glyphs:
        if len(glyph.symbol) > 1:
            absent = [character for character in glyph.symbol if character not in single]
            if absent:
                parts = " and ".join(f"U+{ord(character):04X}" for character in absent)
                where = folder / glyph.name
                problems.append(
                    Problem(where, f"{glyph.symbol!r} cannot be typed without {parts}; draw that too. It is left out")
                )
                continue
            ligatures[glyph.name] = tuple(single[character] for character in glyph.symbol)
        combines = unicodedata.category(glyph.symbol[0]) in ("Mn", "Me")
        names = tuple(glyph.name + (f".alt{k}" if k else "") for k in range(len(glyph.drawings)))
        for name, drawing in zip(names, glyph.drawings, strict=True):
            profile = profile_of(drawing.edges)
            left, right = (0.0, 0.0) if combines else bearings(profile)
            ink_left, _, ink_right, _ = drawing.box
            width = ink_right - ink_left
            # A mark stands over the end of what came before, and takes no room.
            drawings[name] = drawing.moved(-width - 60 - ink_left if combines else left - ink_left)
            advances[name] = 0 if combines else max(1, round(left + width + right))
            profiles.setdefault(glyph.name, []).append(profile)
            if combines:
                marks.append(name)
        turns[glyph.name] = names
    mean = float(np.mean([advance for advance in advances.values() if advance] or [500]))
    advances["space"] = advances["uni00A0"] = max(160, round(_SPACE * mean))
    characters = {ord(symbol): name for symbol, name in single.items()} | {0x20: "space", 0xA0: "uni00A0"}
    return Design(drawings, advances, characters, turns, ligatures, marks, _kerning(glyphs, turns, profiles)), problems


def _kerning(
    glyphs: Sequence[Glyph], turns: Mapping[str, Sequence[str]], profiles: Mapping[str, list[Profile]]
) -> dict[tuple[str, str], int]:
    """The kerning of every pair of left-to-right symbols: the mean over their drawings."""
    able = [
        glyph.name
        for glyph in glyphs
        if glyph.name in turns and unicodedata.bidirectional(glyph.symbol[0]) in ("L", "EN", "ON", "CS", "ES", "ET")
    ]
    if len(able) > _LIKELY:
        return {}
    pairs = {}
    for one in able:
        for other in able:
            values = [
                kern(a, b, bearings(a)[1] + bearings(b)[0]) for a, b in zip(profiles[one], profiles[other], strict=True)
            ]
            if value := round(float(np.mean(values)) / 2) * 2:
                pairs[one, other] = value
    return pairs


def _polygon(pen: Any, corners: Sequence[tuple[float, float]]) -> None:
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()


def _rounded(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
