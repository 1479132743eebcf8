"""The drawings of a font as outlines in font units: of every class, some by the person and some new ones."""

from __future__ import annotations

__all__ = ["Drawing", "Glyph", "Sources", "collect", "glyph_name", "new_drawings", "outlined", "read_sources"]

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fontTools import agl

from allograph.data.folders import class_images
from allograph.errors import AllographError, Problem
from allograph.imaging.curves import Curve, fit_closed
from allograph.typography.metrics import Frame, frames_of, guides_of
from allograph.typography.naming import check_text, class_text
from allograph.typography.shapes import FINENESS, Shape, drawn_shapes, pictured_shape

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer

_TOLERANCE = 0.083
"""How far an outline may be from the edge, of the pen's width..."""

_CORNER_REACH = 0.4
"""...and within how much of it, on both sides, a turn makes a corner."""


@dataclass(frozen=True)
class Drawing:
    """One outline in font units, y up: closed curves, and the points of the edges that they follow."""

    curves: tuple[tuple[Curve, ...], ...]
    edges: tuple[np.ndarray, ...]

    def moved(self, right: float) -> Drawing:
        """The same outline, moved to the right by this many units."""
        by = np.array([right, 0.0])
        curves = tuple(tuple(curve + by for curve in closed) for closed in self.curves)
        return Drawing(curves, tuple(edge + by for edge in self.edges))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, bottom, right, top."""
        points = np.concatenate(self.edges)
        return (*points.min(0).tolist(), *points.max(0).tolist())


@dataclass(frozen=True)
class Glyph:
    """A symbol and its drawings; the first ``own`` of them are by the person."""

    symbol: str
    name: str
    drawings: tuple[Drawing, ...]
    own: int


class Sources(NamedTuple):
    """A usable class: its symbol, and its pictures with what they show."""

    symbol: str
    folder: str
    pictures: dict[Path, Shape]


def collect(
    folder: Path,
    writer: Writer | None,
    variants: int,
    *,
    seed: int = 0,
    ink: Ink = "auto",
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Glyph], list[Problem]]:
    """The glyphs of all classes under a folder, by code point, and what was left out.

    Each has ``variants`` drawings: the pictures of the class and, if these are too few, new drawings of them in turn.
    Without a writer, every class has as many drawings as the class with the fewest pictures, at most ``variants``.

    Raises:
        AllographError: no class can be used, or there is no such folder.
    """
    sources, problems = read_sources(folder, ink)
    if not sources:
        raise AllographError(f"no class in {folder} can be used{f': {problems[0].message}' if problems else ''}")
    if writer is None:
        variants = min(variants, min(len(source.pictures) for source in sources))
    frames = frames_of(
        {(one.symbol, path): shape for one in sources for path, shape in one.pictures.items()}, guides_of(folder)
    )
    glyphs: list[Glyph] = []
    progress(0, len(sources))
    with ProcessPoolExecutor(workers) as pool:
        waiting = []
        for source in sources:
            shapes = list(source.pictures.items())[:variants]
            own = len(shapes)
            try:
                shapes += new_drawings(writer, source, variants - own, seed, ink) if writer and own < variants else []
            except AllographError as error:
                problems.append(Problem(folder / source.folder, str(error)))
                continue
            jobs = [pool.submit(outlined, shape, frames[path]) for path, shape in shapes]
            waiting.append((source, own, jobs))
            progress(len(waiting) // 2, len(sources))
        for number, (source, own, jobs) in enumerate(waiting, 1):
            drawings = tuple(job.result() for job in jobs)
            glyphs.append(Glyph(source.symbol, glyph_name(source.symbol), drawings, own))
            progress((len(waiting) + number) // 2, len(sources))
    glyphs.sort(key=lambda glyph: (len(glyph.symbol) > 1, glyph.symbol))
    return glyphs, problems


def outlined(shape: Shape, frame: Frame) -> Drawing:
    """A shape as curves, in units: x from the ink's left, y from the baseline."""
    left = shape.box[0]
    pen = shape.pen * frame.scale
    curves, edges = [], []
    for edge in shape.edges:
        points = np.stack([edge[:, 0] - left, frame.baseline - edge[:, 1]], -1) * frame.scale
        closed = fit_closed(points, _TOLERANCE * pen, _CORNER_REACH * pen)
        if closed:
            curves.append(tuple(closed))
            edges.append(points)
    return Drawing(tuple(curves), tuple(edges))


def glyph_name(symbol: str) -> str:
    """The name in the Adobe glyph list, otherwise `uni0531` or `u10300`; several code points are joined by `_`."""
    return "_".join(_name(ord(character)) for character in symbol)


def _name(code: int) -> str:
    known = agl.UV2AGL.get(code)
    if known and re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", known):
        return known
    return f"uni{code:04X}" if code < 0x10000 else f"u{code:X}"


def read_sources(folder: Path, ink: Ink) -> tuple[list[Sources], list[Problem]]:
    problems: list[Problem] = []
    found: dict[str, Sources] = {}
    for name, paths in class_images(folder).items():
        where = folder / name
        symbol = class_text(name)
        try:
            if symbol is None:
                raise AllographError(
                    f"{where}: the name is no character; use the character itself or its code point, such as U+0041"
                )
            check_text(symbol)
            if symbol in found:
                raise AllographError(f"{where} is the same character as {found[symbol].folder}; keep one of them")
        except AllographError as error:
            problems.append(Problem(where, str(error) if str(where) in str(error) else f"{where}: {error}"))
            continue
        pictures: dict[Path, Shape] = {}
        for path in paths:
            try:
                pictures[path] = pictured_shape(path, ink)
            except AllographError as error:
                problems.append(Problem(path, str(error)))
        if pictures:
            found[symbol] = Sources(symbol, name, pictures)
        else:
            problems.append(Problem(where, f"{where}: no picture can be used; the character is left out"))
    return list(found.values()), problems


def new_drawings(
    writer: Writer, source: Sources, count: int, seed: int, ink: Ink, *, fineness: int = FINENESS
) -> list[tuple[Path, Shape]]:
    """New drawings of the class's pictures in turn, each in the frame of its picture."""
    paths: Sequence[Path] = list(source.pictures)
    by_path = []
    for place, path in enumerate(paths):
        share = len(range(place, count, len(paths)))
        if share:
            exemplar = writer.space.preprocess(path, ink)
            key = "font", seed, source.symbol, place
            shapes = drawn_shapes(writer, exemplar, share, key, fineness=fineness)
            by_path.append([(path, shape) for shape in shapes])
    drawn = [one for turn in range(count) for shapes in by_path for one in shapes[turn : turn + 1]]
    if len(drawn) < count:
        raise AllographError(f"{source.folder}: the model draws nothing after it; leave it out, or draw it again")
    return drawn[:count]
