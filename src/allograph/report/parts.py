"""What a report is made of: result files, and the tables, plots and pictures of a section."""

from __future__ import annotations

__all__ = [
    "Mark",
    "Plot",
    "Section",
    "Series",
    "Table",
    "groups",
    "nats",
    "percent",
    "pictures",
    "series_of",
    "slug",
    "three",
    "without_empty",
]

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from allograph.evaluation.records import Record


@dataclass(frozen=True)
class Table:
    """Cells in words; the columns ``words``, beside the first, are no numbers."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A point with standard errors, drawn as bars of one error either way."""

    x: float
    y: float
    x_error: float = 0.0
    y_error: float = 0.0


@dataclass(frozen=True)
class Series:
    """Marks of one name and colour (a number, from 0); ``joined`` by a line in their order."""

    name: str
    marks: Sequence[Mark]
    colour: int = 0
    shape: Literal["dot", "ring", "square", "diamond", "cross"] = "dot"
    joined: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """One plot and what it shows, in a file named after its title; ``names`` stand under x = 0, 1, 2 where those are
    none; a value in ``include`` is always within the range of y, in ``include_x`` of x; ``whole_x``: x counts."""

    title: str
    caption: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    names: Sequence[str] = ()
    include: Sequence[float] = ()
    include_x: Sequence[float] = ()
    whole_x: bool = False

    @property
    def name(self) -> str:
        """Of its file."""
        return slug(self.title)


@dataclass(frozen=True)
class Section:
    """One kind of measurement."""

    title: str
    text: Sequence[str]
    findings: Sequence[str] = ()
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()
    pictures: Sequence[tuple[Path, str]] = field(default_factory=list)


def nats(estimate: Mapping[str, float]) -> str:
    """A mean with its error, in nats."""
    return f"{estimate['mean']:.2f} ± {estimate['error']:.2f}"


def percent(estimate: Mapping[str, float], *, sign: bool = False) -> str:
    """A share with its error, in per cent."""
    return f"{100 * estimate['value']:{'+' if sign else ''}.1f} ± {100 * estimate['error']:.1f}"


def three(estimate: Mapping[str, float]) -> str:
    """A number with its error."""
    return f"{estimate['value']:.3f} ± {estimate['error']:.3f}"


def slug(words: str) -> str:
    """Words as a file's name."""
    return re.sub(r"[^\w.]+", "-", words).strip("-").lower()


def without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The table without columns that say nothing."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return [head[place] for place in kept], [[row[place] for place in kept] for row in rows]


def groups(
    records: Sequence[Record], key: Callable[[Record], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Record]]]:
    """Records with equal keys together, in the order of their first ones."""
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return list(found.items())


def pictures(records: Sequence[Record]) -> list[tuple[Path, str]]:
    """The pictures of all of them, with captions."""
    return [(path, f"{record.model}, {record.where}: {path.name}") for record in records for path in record.pictures]


def series_of(name: str, marks: Sequence[Mark], number: int, *, joined: bool = False) -> Series:
    """Models are told apart by colour, then by shape."""
    shapes: tuple[Any, ...] = ("dot", "square", "diamond", "ring", "cross")
    return Series(name, marks, number, shapes[number // 7 % len(shapes)], joined)
