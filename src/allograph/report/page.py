"""A report: result files gathered into one page of HTML that needs nothing else, with tables, pictures and plots.

OUTPUT/report.html    tables, plots and pictures inside; no script, no address elsewhere; made to be printed
OUTPUT/NAME.png       the plots, for a paper
"""

from __future__ import annotations

__all__ = ["Found", "Report", "gather", "write_report"]

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from allograph.errors import AllographError, Problem
from allograph.evaluation.records import Record, read_record
from allograph.report.parts import NamedPlot, Section, Table
from allograph.report.plots import render_plot
from allograph.report.sections import SECTIONS
from allograph.runtime.files import atomic_write, explain_os_error

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; color: #262628; background: #fff;
  max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 1px solid #dcdcde; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p, li { max-width: 46rem; }
.wide { overflow-x: auto; margin: .75rem 0 1.25rem; }
table { border-collapse: collapse; min-width: 34rem; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #56565a; padding-bottom: .35rem; }
th, td { text-align: right; padding: .3rem .55rem; border-bottom: 1px solid #e6e6e8; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.words, th.words { text-align: left; }
thead th { border-bottom: 1px solid #8a8a8e; font-weight: 600; vertical-align: bottom; }
figure { margin: 1.25rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { color: #56565a; font-size: .875rem; max-width: 46rem; }
pre { font-size: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f5; padding: .75rem 1rem; }
code { font-size: .875em; overflow-wrap: anywhere; }
@page { margin: 16mm; }
@media print {
  body { max-width: none; margin: 0; padding: 0; font-size: 10.5pt; }
  h2, h3 { break-after: avoid; } figure, tr, pre { break-inside: avoid; }
  .wide { overflow: visible; } th, td { padding: .2rem .4rem; white-space: normal; }
  pre { background: none; padding: 0; }
}
"""

_INTRODUCTION = (
    "<p>Made by <code>allograph report</code> from the result files listed at the end; ± is a standard error.</p>"
)

@dataclass(frozen=True)
class Found:
    """What a folder held: results by measurement, files of no known one, and files that are no JSON."""

    records: dict[str, list[Record]]
    unknown: list[Path]
    problems: list[Problem]


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: the HTML file; plots: the PNG files.
        results: number of results on the page, by measurement.
        unknown: JSON files that hold no known measurement; they are named on the page.
        problems: files that could not be read.
    """

    page: Path
    plots: tuple[Path, ...]
    results: dict[str, int]
    unknown: tuple[Path, ...]
    problems: tuple[Problem, ...]


def gather(folder: Path) -> Found:
    """Every JSON file in ``folder``, by name; raises AllographError where there is none."""
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
            problems.append(Problem(path, f"{path} is no JSON ({' '.join(str(error).split())}): it is left out"))
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
    plots = {plot: _png(render_plot(plot.plot)) for plot in paths}
    for plot, path in paths.items():
        atomic_write(path, plots[plot], overwrite=overwrite)
    text = _page(title or f"Results in {folder.resolve().name}", sections, found, plots)
    atomic_write(page, text.encode(), overwrite=overwrite)
    return Report(
        page,
        tuple(paths.values()),
        {name: len(records) for name, records in found.records.items()},
        tuple(found.unknown),
        tuple(found.problems),
    )


def _is_readable(record: Record) -> bool:
    """Whether the section of its measurement can show it."""
    try:
        SECTIONS[record.measurement]([record])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return False
    return True


def _paths(sections: Sequence[Section], output: Path) -> dict[NamedPlot, Path]:
    """A file for each plot; of several with one name the later ones are numbered."""
    paths: dict[NamedPlot, Path] = {}
    for section in sections:
        for plot in section.plots:
            again = sum(other.name == plot.name for other in paths)
            paths[plot] = output / f"{plot.name}{f'-{again + 1}' if again else ''}.png"
    return paths


def _page(title: str, sections: Sequence[Section], found: Found, plots: Mapping[NamedPlot, bytes]) -> str:
    records = [record for name in SECTIONS for record in found.records.get(name, [])]
    findings = "".join(f"<li>{escape(line)}</li>" for section in sections for line in section.findings)
    body = [f"<h1>{escape(title)}</h1>", _INTRODUCTION]
    body += [f"<h2>At a glance</h2><ul>{findings}</ul>"] if findings else []
    for section in sections:
        body += [f"<h2>{escape(section.title)}</h2>", *(f"<p>{escape(line)}</p>" for line in section.text)]
        body += [_table(table) for table in section.tables]
        for plot in section.plots:
            body.append(_figure(plots[plot], plot.plot.title, plot.caption))
        for path, caption in section.pictures:
            body.append(_figure(path.read_bytes(), caption, caption))
    body += _sources(records, found)
    inside = "\n".join(body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{inside}\n</body>\n</html>\n"
    )


def _sources(records: Iterable[Record], found: Found) -> list[str]:
    """Where every figure comes from."""
    rows = []
    for record in records:
        model = record.document.get("model", {})
        versions = record.document.get("versions", {})
        data = str(record.document.get("data_fingerprint", record.document.get("fingerprint", "")))
        used = ", ".join(f"{name} {version}" for name, version in versions.items())
        rows.append([record.path.name, str(model.get("sha256", ""))[:12], data[:12], used])
    table = Table("", ("file", "weights, SHA-256", "data, SHA-256", "versions"), rows, words=(1, 2, 3))
    body = ["<h2>Result files</h2>", _table(table)]
    commands = "\n".join(str(record.document["command"]) for record in records if "command" in record.document)
    body += [f"<p>Made by:</p><pre>{escape(commands)}</pre>"] if commands else []
    if found.unknown:
        names = "".join(f"<li><code>{escape(path.name)}</code></li>" for path in found.unknown)
        body.append(f"<p>Files that hold no measurement known to this report:</p><ul>{names}</ul>")
    if found.problems:
        lines = "".join(f"<li>{escape(problem.message)}</li>" for problem in found.problems)
        body.append(f"<p>Files that could not be read:</p><ul>{lines}</ul>")
    return body


def _table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        marks = [' class="words"' if place in table.words else "" for place in range(len(cells))]
        return "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))

    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    rows = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in table.rows)
    head = row(table.head, "th")
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _figure(png: bytes, words: str, caption: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<figure><img src="{source}" alt="{escape(words)}"><figcaption>{escape(caption)}</figcaption></figure>'


def _png(picture: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
