"""A bank of drawings of every symbol: made once, for all lines of text.

It is a file beside the results, for jobs that continue and for processes that share a job.
"""

from __future__ import annotations

__all__ = ["Bank", "BankedDrawing", "bank_key", "make_bank", "read_bank"]

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from allograph.errors import AllographError, Problem
from allograph.runtime.files import atomic_write, explain_os_error
from allograph.typography.glyphs import Sources, new_drawings, read_sources
from allograph.typography.metrics import Frame, frames_of, guides_of
from allograph.typography.shapes import Shape
from allograph.typography.spacing import Profile, bearings, profile_of

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer

_FINENESS = 4
"""Lines of text are small, so their edges need only a coarser raster than those of a font."""

_STEP = 6.0
"""Units between two points of an edge."""


@dataclass(frozen=True)
class BankedDrawing:
    """One drawing in font units; y points up from the baseline, and the ink begins at x = 0.

    Attributes:
        edges: closed lines of points (n, 2); holes are edges of their own.
        profile: how far the ink reaches, for spacing.
        bearings: white to the left and the right.
    """

    edges: tuple[np.ndarray, ...]
    profile: Profile
    bearings: tuple[float, float]

    @property
    def width(self) -> float:
        return float(max(edge[:, 0].max() for edge in self.edges))


@dataclass(frozen=True)
class Bank:
    """Drawings by symbol, equally many for each. ``longest`` is the length of the longest symbol in code points."""

    drawings: dict[str, tuple[BankedDrawing, ...]]
    longest: int


def bank_key(folder: Path, sha256: str, count: int, seed: int, ink: Ink) -> str:
    """A digest of everything that determines a bank.

    Raises:
        AllographError: the folder cannot be read.
    """
    digest = hashlib.sha256(repr((sha256, count, seed, ink)).encode())
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                digest.update(path.relative_to(folder).as_posix().encode(errors="surrogateescape"))
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    except OSError as error:
        raise explain_os_error(error, f"cannot read {error.filename or folder}") from error
    return digest.hexdigest()[:16]


def make_bank(
    path: Path,
    folder: Path,
    writer: Writer | None,
    count: int,
    *,
    seed: int = 0,
    ink: Ink = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Problem]:
    """Write a bank of ``count`` drawings of every class, including the pictures; return what was left out.

    Without a writer, a class has as many drawings as pictures.

    Raises:
        AllographError: no class can be used, or the file cannot be written.
    """
    sources, problems = read_sources(folder, ink)
    if not sources:
        raise AllographError(f"no class in {folder} can be used{f': {problems[0].message}' if problems else ''}")
    frames = frames_of(
        {(one.symbol, picture): shape for one in sources for picture, shape in one.pictures.items()}, guides_of(folder)
    )
    arrays: dict[str, np.ndarray] = {}
    symbols: list[str] = []
    for done, source in enumerate(sources):
        progress(done, len(sources))
        try:
            shapes = _shapes(source, writer, count, seed, ink)
        except AllographError as error:
            problems.append(Problem(folder / source.folder, str(error)))
            continue
        for number, (picture, shape) in enumerate(shapes):
            for place, edge in enumerate(_in_units(shape, frames[picture])):
                arrays[f"{len(symbols)}/{number}/{place}"] = edge.astype(np.float32)
        symbols.append(source.symbol)
    progress(len(sources), len(sources))
    stream = io.BytesIO()
    content: dict[str, Any] = {"symbols": np.array(symbols), **arrays}
    np.savez_compressed(stream, **content)
    atomic_write(path, stream.getvalue())
    return problems


@lru_cache(maxsize=2)
def read_bank(path: Path) -> Bank:
    """The bank that a file holds."""
    gathered: dict[str, dict[int, list[np.ndarray]]] = {}
    with np.load(path) as stored:
        symbols = stored["symbols"].tolist()
        for name in stored.files:
            if name == "symbols":
                continue
            symbol, number, _ = map(int, name.split("/"))
            gathered.setdefault(symbols[symbol], {}).setdefault(number, []).append(stored[name].astype(float))
    drawings = {}
    for symbol, numbered in gathered.items():
        made = []
        for number in sorted(numbered):
            edges = tuple(numbered[number])
            profile = profile_of(edges)
            made.append(BankedDrawing(edges, profile, bearings(profile)))
        drawings[symbol] = tuple(made)
    return Bank(drawings, max(len(symbol) for symbol in drawings))


def _shapes(source: Sources, writer: Writer | None, count: int, seed: int, ink: Ink) -> list[tuple[Path, Shape]]:
    shapes = list(source.pictures.items())[:count]
    if writer is None or len(shapes) == count:
        return shapes
    return shapes + new_drawings(writer, source, count - len(shapes), seed, ink, fineness=_FINENESS)


def _in_units(shape: Shape, frame: Frame) -> list[np.ndarray]:
    left = shape.box[0]
    step = max(1, round(_STEP / frame.scale / _spacing(shape)))
    edges = []
    for edge in shape.edges:
        thinned = edge[:: min(step, max(1, len(edge) // 8))]
        edges.append(np.stack([thinned[:, 0] - left, frame.baseline - thinned[:, 1]], -1) * frame.scale)
    return edges


def _spacing(shape: Shape) -> float:
    """Pixels between two points of the edges, about."""
    edge = shape.edges[0]
    return float(np.linalg.norm(np.diff(edge, axis=0), axis=1).mean())
