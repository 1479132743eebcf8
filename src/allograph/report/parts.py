"""Parts of a report: the tables, plots and pictures of a section."""

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
    """Cells as text; the first column and the columns ``words`` are not numbers."""

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
    """Marks with one name and colour (a number, from 0); with ``joined``, a line joins them in order."""

    name: str
    marks: Sequence[Mark]
    colour: int = 0
    shape: Literal["dot", "ring", "square", "diamond", "cross"] = "dot"
    joined: bool = False


@dataclass(frozen=True, eq=False)
class Plot:
    """One plot and what it shows, in a file named after its title. ``names`` label x = 0, 1, 2 if x is not a number.
    The range of y always includes the values ``include``, that of x ``include_x``. ``whole_x``: x is a count."""

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
        """Name of the plot's file."""
        return slug(self.title)


@dataclass(frozen=True)
class Section:
    """The section of one kind of measurement."""

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
    """A number with its error, to three decimals."""
    return f"{estimate['value']:.3f} ± {estimate['error']:.3f}"


def slug(words: str) -> str:
    """Words as a file name."""
    return re.sub(r"[^\w.]+", "-", words).strip("-").lower()


def without_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The table without empty columns."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return [head[place] for place in kept], [[row[place] for place in kept] for row in rows]


def groups(
    records: Sequence[Record], key: Callable[[Record], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Record]]]:
    """Groups of records with equal keys, in the order of their first records."""
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return list(found.items())


def pictures(records: Sequence[Record]) -> list[tuple[Path, str]]:
    """The pictures of all records, with captions."""
    return [(path, f"{record.model}, {record.where}: {path.name}") for record in records for path in record.pictures]


def series_of(name: str, marks: Sequence[Mark], number: int, *, joined: bool = False) -> Series:
    """A series of marks; colour tells models apart, then shape."""
    shapes: tuple[Any, ...] = ("dot", "square", "diamond", "ring", "cross")
    return Series(name, marks, number, shapes[number // 7 % len(shapes)], joined)
