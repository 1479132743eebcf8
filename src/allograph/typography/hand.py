"""Lines of text, each in one hand: what is chosen once for a line, and how its symbols are set and inked."""

from __future__ import annotations

__all__ = ["Hand", "Line", "Placed", "Style", "set_line", "split_line"]

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from allograph.typography.bank import Bank, BankedDrawing
from allograph.typography.spacing import kern

_OVER = 3
"""Factor by which lines are drawn larger, across and down."""

_FAVOURITES = 4
"""Number of drawings of a symbol from which a line chooses: a hand repeats itself, though never exactly."""

_WORD_GAP = 330.0
_ABOVE, _BELOW = 960.0, 380.0
"""Units kept above and below the baseline, as long as no ink goes further."""

_MARGIN = 0.18
"""White around a line, as a share of the em."""


@dataclass(frozen=True)
class Style:
    """How much lines vary, and their paper.

    Attributes:
        size: pixels of an em in an average line.
        variation: variation of the hands; 1 as among people, 0 for all alike.
        paper: `white`, or `aged`, with a colour, grain and stains.
        rules: whether rules run under the lines.
        noise: grain, blur and faded ink, 0 to 1.
    """

    size: int = 48
    variation: float = 1.0
    paper: str = "white"
    rules: bool = False
    noise: float = 0.0


@dataclass(frozen=True)
class Hand:
    """What stays the same all along a line.

    Attributes:
        scale: pixels of a unit; `aspect`: width over height; `slant`: shear, to the right.
        pen: units by which strokes are thicker.
        spacing, word: additional units between symbols and between words.
        wave, phase, period: height, start and length of the baseline's waves, units.
        rise: of the baseline, units for each unit to the right.
        unsteadiness: unsteadiness of single symbols; 1 is usual.
        ink: red, green and blue.
    """

    scale: float
    aspect: float
    slant: float
    pen: float
    spacing: float
    word: float
    wave: float
    phase: float
    period: float
    rise: float
    unsteadiness: float
    ink: tuple[int, int, int]

    @classmethod
    def at_random(cls, random: np.random.Generator, style: Style) -> Hand:
        v = style.variation
        dark = random.uniform(0, 70)
        blue = random.uniform(0, 60) * (random.random() < 0.5)
        return cls(
            scale=style.size / 1000 * math.exp(random.normal(0, 0.07 * v)),
            aspect=math.exp(random.normal(0, 0.07 * v)),
            slant=random.normal(0.03, 0.11) * v,
            pen=random.normal(0, 7) * v,
            spacing=random.normal(0, 14) * v,
            word=random.normal(0, 35) * v,
            wave=abs(random.normal(0, 10)) * v,
            phase=random.uniform(0, 2 * math.pi),
            period=random.uniform(2500, 9000),
            rise=random.normal(0, 0.004) * v,
            unsteadiness=abs(random.normal(1, 0.35)) * v,
            ink=(round(dark), round(dark + 0.2 * blue), round(dark + blue)),
        )


@dataclass(frozen=True)
class Placed:
    """A symbol in a line's picture: its box (left, top, right, bottom) in pixels, and its place in the text."""

    symbol: str
    box: tuple[float, float, float, float]
    start: int


@dataclass(frozen=True)
class Line:
    """A finished line.

    Attributes:
        text: what it says.
        coverage: float32 (h, w), the ink, 0 to 1.
        symbols: in the order of the text.
        baseline: points (x, y), pixels.
        hand: the hand that wrote it.
    """

    text: str
    coverage: np.ndarray
    symbols: tuple[Placed, ...]
    baseline: tuple[tuple[float, float], ...]
    hand: Hand


def split_line(text: str, bank: Bank) -> tuple[list[tuple[str, int]], list[str]]:
    """A text as symbols of the bank, the longest match first, with their places; and the characters that it lacks."""
    found: list[tuple[str, int]] = []
    unknown: list[str] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            found.append((" ", place))
            place += 1
            continue
        for length in range(min(bank.longest, len(text) - place), 0, -1):
            if text[place : place + length] in bank.drawings:
                found.append((text[place : place + length], place))
                place += length
                break
        else:
            unknown.append(text[place])
            place += 1
    return found, unknown


def set_line(text: str, bank: Bank, style: Style, random: np.random.Generator) -> Line:
    """Write a text in the bank's symbols, in a hand of its own."""
    hand = Hand.at_random(random, style)
    symbols, _ = split_line(text, bank)
    glyphs = _chosen(symbols, bank, random)
    placed = _spread(symbols, glyphs, hand, random)
    outlines = [[_bent(edge, x, hand, shake) for edge in glyph.edges] for _, _, glyph, x, shake in placed]
    points = np.concatenate([edge for edges in outlines for edge in edges] or [np.zeros((1, 2))])
    top, bottom = max(_ABOVE, points[:, 1].max()), min(-_BELOW, points[:, 1].min())
    margin = _MARGIN * 1000
    origin = np.array([margin - points[:, 0].min(), top + margin / 2])
    extent = np.array([np.ptp(points[:, 0]) + 2 * margin, top - bottom + margin]) * hand.scale
    width, height = max(8, math.ceil(extent[0])), max(8, math.ceil(extent[1]))

    def to_pixels(units: np.ndarray) -> np.ndarray:
        return np.stack([units[:, 0] + origin[0], origin[1] - units[:, 1]], -1) * hand.scale

    pixels = [[to_pixels(edge) for edge in edges] for edges in outlines]
    coverage = _inked(pixels, (width, height), hand.pen * hand.scale)
    reach = hand.pen * hand.scale / 2
    boxes = []
    for (symbol, start, *_), edges in zip(placed, pixels, strict=True):
        everything = np.concatenate(edges)
        (left, upper), (right, lower) = everything.min(0) - reach, everything.max(0) + reach
        left, upper = max(0.0, float(left)), max(0.0, float(upper))
        right, lower = min(float(width), float(right)), min(float(height), float(lower))
        boxes.append(Placed(symbol, (left, upper, right, lower), start))
    boxes.sort(key=lambda one: one.start)
    xs = np.linspace(points[:, 0].min(), points[:, 0].max(), 7)
    line = to_pixels(np.stack([xs, _baseline(xs, hand)], -1))
    return Line(text, coverage, tuple(boxes), tuple((float(x), float(y)) for x, y in line), hand)


def _chosen(symbols: Sequence[tuple[str, int]], bank: Bank, random: np.random.Generator) -> list[BankedDrawing | None]:
    """A drawing for each symbol, from the line's favourites, none twice in a row."""
    favourites: dict[str, np.ndarray] = {}
    last: dict[str, int] = {}
    glyphs: list[BankedDrawing | None] = []
    for symbol, _ in symbols:
        if symbol == " ":
            glyphs.append(None)
            continue
        drawings = bank.drawings[symbol]
        if symbol not in favourites:
            favourites[symbol] = random.permutation(len(drawings))[:_FAVOURITES]
        options = [number for number in favourites[symbol] if number != last.get(symbol)] or [0]
        last[symbol] = int(random.choice(options))
        glyphs.append(drawings[last[symbol]])
    return glyphs


def _spread(
    symbols: Sequence[tuple[str, int]],
    glyphs: Sequence[BankedDrawing | None],
    hand: Hand,
    random: np.random.Generator,
) -> list[tuple[str, int, BankedDrawing, float, np.ndarray]]:
    """(symbol, place in the text, drawing, x in units, its unsteadiness) of each drawn symbol, from the left."""
    order = _visual(symbols)
    x, before, spread = 0.0, None, []
    for number in order:
        (symbol, start), glyph = symbols[number], glyphs[number]
        if glyph is None:
            x += max(120.0, _WORD_GAP + hand.word + random.normal(0, 30) * hand.unsteadiness)
            before = None
            continue
        left, right = glyph.bearings
        mark = unicodedata.category(symbol[0]) in ("Mn", "Me")
        if before is not None and not mark:
            x += left + kern(before.profile, glyph.profile, before.bearings[1] + left)
        at = x - 0.5 * (glyph.width + (spread[-1][2].width if spread else 0)) - 30 if mark else x
        shake = random.normal(0, 1, 6) * hand.unsteadiness
        spread.append((symbol, start, glyph, at, shake))
        if not mark:
            x += glyph.width + right + max(-25.0, hand.spacing + random.normal(0, 9) * hand.unsteadiness)
            before = glyph
    return spread


def _visual(symbols: Sequence[tuple[str, int]]) -> list[int]:
    """The places of symbols from left to right: reversed in right-to-left text, except numbers."""
    kinds = [unicodedata.bidirectional(symbol[0]) for symbol, _ in symbols]
    if not any(kind in ("R", "AL") for kind in kinds) or any(kind == "L" for kind in kinds):
        return list(range(len(symbols)))
    runs: list[list[int]] = []
    for number, kind in enumerate(kinds):
        if runs and kind in ("EN", "AN") and kinds[number - 1] in ("EN", "AN"):
            runs[-1].append(number)
        else:
            runs.append([number])
    return [number for run in reversed(runs) for number in run]


def _bent(edge: np.ndarray, x: float, hand: Hand, shake: np.ndarray) -> np.ndarray:
    """An edge in the line's units, with the symbol's own slight turn and size, the hand's slant, and the place."""
    turn, size, lift = 0.016 * shake[0], 1 + 0.022 * shake[1], 7.0 * shake[2]
    slant = hand.slant + 0.012 * shake[3]
    u, v = size * edge[:, 0], size * edge[:, 1]
    u, v = u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)
    across = hand.aspect * (x + u) + slant * v
    return np.stack([across, v + lift + _baseline(np.asarray(hand.aspect * x), hand)], -1)


def _baseline(x: np.ndarray, hand: Hand) -> np.ndarray:
    return hand.rise * x + hand.wave * np.sin(2 * math.pi * x / hand.period + hand.phase)


def _inked(symbols: list[list[np.ndarray]], size: tuple[int, int], thicker: float) -> np.ndarray:
    """The ink of all symbols, 0 to 1, with strokes this many pixels thicker."""
    large = size[0] * _OVER, size[1] * _OVER
    sheet = np.zeros((large[1], large[0]), bool)
    for edges in symbols:
        everything = np.concatenate(edges) * _OVER
        left, top = np.maximum(np.floor(everything.min(0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(everything.max(0)).astype(int) + 2, large)
        if right <= left or bottom <= top:
            continue
        piece = np.zeros((bottom - top, right - left), bool)
        for edge in edges:
            mask = Image.new("1", (int(right - left), int(bottom - top)))
            corners = [(float(x), float(y)) for x, y in edge * _OVER - (left, top) - 0.5]
            if len(corners) > 2:
                ImageDraw.Draw(mask).polygon(corners, fill=1)
                piece ^= np.asarray(mask)  # holes lie within
        sheet[top:bottom, left:right] |= piece
    by = thicker * _OVER / 2
    if abs(by) > 0.4:
        spread = max(1.0, abs(by))
        soft = ndimage.gaussian_filter(sheet.astype(np.float32), spread)
        # Where a straight edge is blurred, the level at a distance is that of the normal distribution.
        level = 0.5 * math.erfc(by / spread / math.sqrt(2))
        sheet = soft > level
    height, width = size[1], size[0]
    return sheet.reshape(height, _OVER, width, _OVER).mean((1, 3), dtype=np.float32)
