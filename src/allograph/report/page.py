"""A report: gathers result files into one self-contained HTML page with tables, pictures and plots.

OUTPUT/report.html    tables, plots and pictures inside; no script, no address elsewhere; made to be printed
OUTPUT/NAME.svg       the plots, for a paper
"""

from __future__ import annotations

__all__ = ["Found", "Report", "gather", "write_report"]

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from allograph.errors import AllographError, Problem
from allograph.evaluation.records import Record, read_record
from allograph.report.parts import Plot, Section, Table, slug
from allograph.report.plots import on_page, render_plot
from allograph.report.sections import SECTIONS
from allograph.runtime.files import atomic_write, explain_os_error


@dataclass(frozen=True)
class Found:
    """The content of a folder: results by measurement, files of unknown measurements, and files that are not JSON."""

    records: dict[str, list[Record]]
    unknown: list[Path]
    problems: list[Problem]


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: the HTML file; plots: the SVG files.
        results: number of results on the page, by measurement.
        unknown: JSON files of unknown measurements, which the page lists.
        problems: files that could not be read.
    """

    page: Path
    plots: tuple[Path, ...]
    results: dict[str, int]
    unknown: tuple[Path, ...]
    problems: tuple[Problem, ...]


def gather(folder: Path) -> Found:
    """Every JSON file in ``folder``, by name; raises AllographError if there is none."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json" and path.is_file())
    except OSError as error:
        raise explain_os_error(error, f"cannot read {folder}") from error
    if not paths:
        raise AllographError(f"{folder} holds no result files: `allograph evaluate ... -o {folder}` writes them")
    records: dict[str, list[Record]] = {}
    unknown, problems = [], []
    for path in paths:
        try:
            record = read_record(path)
        except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
            problems.append(Problem(path, f"{path} is not JSON ({' '.join(str(error).split())}): it is left out"))
            continue
        except ValueError:
            unknown.append(path)
            continue
        if _is_readable(record):
            records.setdefault(record.measurement, []).append(record)
        else:
            unknown.append(path)
    return Found(records, unknown, problems)


def write_report(folder: Path, output: Path, *, title: str = "", overwrite: bool = False) -> Report:
    """Make the report of the results in ``folder``.

    Raises:
        AllographError: there is nothing to report, a file is in the way, or nothing can be written.
    """
    found = gather(folder)
    sections = [section(found.records[name]) for name, section in SECTIONS.items() if name in found.records]
    page = output / "report.html"
    paths = _paths(sections, output)
    for path in (page, *paths.values()):
        if path.exists() and not overwrite:
            raise AllographError(f"{path} exists already: add --overwrite, or choose another folder with -o")
    plots = {plot: render_plot(plot) for plot in paths}
    for plot, path in paths.items():
        atomic_write(path, plots[plot].encode(), overwrite=overwrite)
    records = [record for name in SECTIONS for record in found.records.get(name, [])]
    text = _template().render(
        title=title or f"Results in {folder.resolve().name}",
        sections=sections,
        plots={plot: _address(on_page(svg).encode(), "svg+xml") for plot, svg in plots.items()},
        sources=_sources(records),
        commands=[record["command"] for record in records if "command" in record.document],
        found=found,
    )
    atomic_write(page, text.encode(), overwrite=overwrite)
    return Report(
        page,
        tuple(paths.values()),
        {name: len(records) for name, records in found.records.items()},
        tuple(found.unknown),
        tuple(found.problems),
    )


def _is_readable(record: Record) -> bool:
    """Whether the section of its measurement can show the record."""
    try:
        SECTIONS[record.measurement]([record])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return False
    return True


def _paths(sections: Sequence[Section], output: Path) -> dict[Plot, Path]:
    """A file for each plot; if several have one name, the later ones are numbered."""
    paths: dict[Plot, Path] = {}
    for plot in (plot for section in sections for plot in section.plots):
        again = sum(other.name == plot.name for other in paths)
        paths[plot] = output / f"{plot.name}{f'-{again + 1}' if again else ''}.svg"
    return paths


def _template() -> Any:
    """The template of the page; words are escaped, and an unknown name is an error."""
    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "autoescape": True}
    environment = Environment(loader=PackageLoader("allograph", "report"), undefined=StrictUndefined, **options)
    environment.filters |= {"slug": slug, "png": lambda path: _address(path.read_bytes(), "png")}
    return environment.get_template("page.html.j2")


def _address(image: bytes, kind: str) -> str:
    """An image as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _sources(records: Iterable[Record]) -> Table:
    """The source of every figure."""
    rows = []
    for record in records:
        document = record.document
        data = str(document.get("data_fingerprint", document.get("fingerprint", "")))
        used = ", ".join(f"{name} {version}" for name, version in document.get("versions", {}).items())
        rows.append([record.path.name, str(document.get("model", {}).get("sha256", ""))[:12], data[:12], used])
    return Table("", ("file", "weights, SHA-256", "data, SHA-256", "versions"), rows, words=(1, 2, 3))
