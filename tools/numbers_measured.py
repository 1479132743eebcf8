"""The part of docs/numbers.md that is made directly from result files of `allograph evaluate`.

Each kind of measurement that `allograph evaluate ... -o docs/results` wrote gets a section with the tables of
`allograph report`, the published figures, the pictures and the command behind each row.
"""

from __future__ import annotations

__all__ = ["folded", "kept_weights", "markdown", "measured_sections", "published_tables", "read_others", "read_records"]

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from allograph import weights
from allograph.evaluation.records import Record, read_record
from allograph.report.parts import percent, three
from allograph.report.sections import SECTIONS
from allograph.report.shapes import adjusted

Others = Mapping[str, Sequence[Mapping[str, Any]]]
"""Published figures other than likelihoods, by measurement."""

TITLES = {
    "likelihood": "Likelihoods given exemplars",
    "oneshot": "One-shot generation",
    "classify": "One-shot classification",
    "recognition": "Recognition",
    "completion": "Completion",
    "augmentation": "Drawings as training data",
}
"""The sections, in order."""

OF_OTHERS = {
    "oneshot": {"model", "recognised", "source", "conditions"},
    "classify": {"model", "error", "source", "conditions"},
}
"""The entries of a published figure of each measurement; both numbers are per cent."""

_LAKE = 20
"""Runs of Lake's."""


def kept_weights(folder: Path) -> dict[str, Path]:
    """The weights that the repository keeps without shipping them, by the SHA-256 of each file that ever held them."""
    kept = {path: weights.load(path) for path in sorted(folder.glob("*.safetensors"))}
    return {sha: path for path, one in kept.items() for sha in (one.sha256, *one.card.get("earlier_sha256", []))}


def read_records(folder: Path, kept: Mapping[str, Path] = MappingProxyType({})) -> list[Record]:
    """The result files that name their measurement, by name. What was measured of weights that are now among those
    ``kept``, under whatever name, goes by the name of their file.

    Raises ValueError: one is not what `allograph evaluate` writes.
    """
    records = []
    for path in sorted(folder.glob("*.json")):
        record = read_record(path)
        if not record.measurement or record.experiment is not None:
            continue
        try:
            SECTIONS[record.measurement]([record])
            record["command"]
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"{path.name} is no result file ({type(error).__name__}: {error}): remove it") from None
        path_now = kept.get(record["model"].get("sha256", ""))
        records.append(_renamed(record, path_now) if path_now else record)
    return records


def _renamed(record: Record, path: Path) -> Record:
    """The record with the path of its weights today, and with a command that repeats it."""
    named = f"{path.parent.name}/{path.name}"
    command = re.sub(rf"(?<= ){re.escape(record.model)}(?= |$)", named, str(record["command"]), count=1)
    if (guidance := record.document.get("guidance", 1)) != 1:  # not always what the card says now
        drawn = {"--guidance": guidance, "--attempts": record.document.get("attempts", 1)}
        command += "".join(f" {option} {value}" for option, value in drawn.items() if option not in command)
    model = {**record["model"], "name": path.stem}
    return replace(record, document={**record.document, "model": model, "command": command})


def read_others(path: Path) -> Others:
    """Published figures of one-shot generation and classification.

    Raises ValueError: one lacks an entry, or has one that is not known.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    found = {name: document.get(name, []) for name in OF_OTHERS}
    for name, figures in found.items():
        for figure in figures:
            if wrong := OF_OTHERS[name] ^ figure.keys():
                raise ValueError(f"{path.name}, {figure.get('model')}: check {', '.join(sorted(wrong))}")
    return found


def measured_sections(
    records: Sequence[Record], others: Others, beside: Callable[[Record], Sequence[Sequence[str]]]
) -> list[str]:
    """A section for each measurement of which there are records; ``beside`` makes the rows of the published likelihoods
    beside which a record stands."""
    parts = []
    for name, title in TITLES.items():
        own = [record for record in records if record["measurement"] == name]
        if not own:
            continue
        section = SECTIONS[name](own)
        parts += [f"## {title}\n"]
        # What bounds are is said at the top of the page.
        parts += [f"{text}\n" for text in section.text[1 if name == "likelihood" else 0 :]]
        for table in section.tables:
            parts += [f"{table.caption}:\n", markdown(table.head, table.rows)]
        if name == "likelihood":
            parts += _likelihoods(own, beside)
        elif name == "oneshot":
            parts += _oneshot(own, others[name])
        elif name == "classify":
            parts += _classify(own, others[name])
        for path, caption in section.pictures:
            parts.append(f"![{caption}](results/{path.name})\n\n*{caption}*\n")
        parts.append(folded("Commands", [str(record["command"]) for record in own]))
    return parts


def published_tables(others: Others) -> list[str]:
    """All published figures other than likelihoods."""
    parts = []
    units = {"oneshot": "recognised, % of people's", "classify": "errors, %"}
    for name, figures in others.items():
        if figures:
            key = "recognised" if name == "oneshot" else "error"
            rows = [[row["model"], f"{row[key]}", row["source"], row["conditions"]] for row in figures]
            parts += [f"{TITLES[name]}:\n", markdown(["model", units[name], "source", "conditions"], rows)]
    return parts


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar within a cell does not end it."""

    def row(cells: Sequence[str]) -> str:
        return " | ".join(cell.replace("|", r"\|") for cell in cells)

    return "\n".join(f"| {row(cells)} |" for cells in (head, ["---"] * len(head), *rows)) + "\n"


def folded(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"<details><summary>{title}</summary>\n", "```sh", *lines, "```", "\n</details>\n"])


def _likelihoods(records: Sequence[Record], beside: Callable[[Record], Sequence[Sequence[str]]]) -> list[str]:
    parts = []
    unseen = [record for record in records if record["part"] != "training"]
    if rows := [row for record in unseen for row in beside(record)]:
        head = ["model", "exemplars", "ours", "published", "figure", "difference", "compares"]
        parts += ["Against published figures:\n", markdown(head, rows)]
    if rows := [row for record in records for row in _gaps(record, records)]:
        head = ["model", "data", "exemplars", "training part", "test part", "difference"]
        parts += ["Free energy of the training part and of the test part:\n", markdown(head, rows)]
    return parts


def _gaps(record: Record, records: Sequence[Record]) -> list[list[str]]:
    """How much worse the test part is than the training part, for each number of exemplars that both were given."""
    if record["part"] != "test":
        return []
    same = [
        other
        for other in records
        if other["part"] == "training"
        and other["model"]["sha256"] == record["model"]["sha256"]
        and all(other[key] == record[key] for key in ("data", "split", "binarisation", "exemplars"))
    ]
    rows = []
    for other in same[:1]:
        ours, theirs = (_by_contexts(one) for one in (record, other))
        for contexts in sorted(ours.keys() & theirs.keys()):
            test, training = ours[contexts]["free_energy"], theirs[contexts]["free_energy"]
            error = (test["error"] ** 2 + training["error"] ** 2) ** 0.5
            cells = [f"{one['mean']:.2f} ± {one['error']:.2f}" for one in (training, test)]
            gap = f"{test['mean'] - training['mean']:+.2f} ± {error:.2f}"
            rows.append([record.model, record["data"], f"{contexts}", *cells, gap])
    return rows


def _by_contexts(record: Record) -> dict[int, Mapping[str, Any]]:
    given = {record["contexts"]: record["given"]} if record["given"] else {}
    return {
        0: record["without"],
        **{one["contexts"]: one["given"] for one in record.document.get("fewer", ())},
        **given,
    }


def _oneshot(records: Sequence[Record], figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """New exemplars beside published models, relative to people."""
    rows = [
        [
            f"{record.model}{adjusted(record)}",
            f"{record.where}, {record['setting']} alphabets",
            percent(record["ratio"]["recognizability"]),
            three(record["ratio"]["simclr_diversity"]),
            "",
        ]
        for record in records
        if record.document.get("task", "exemplars") == "exemplars"
    ]
    if not rows:
        return []
    rows += [[row["model"], row["conditions"], f"{row['recognised']}", "", row["source"]] for row in figures]
    head = ["model", "where", "recognised, % of people's", "diversity, of people's", "published in"]
    title = "New exemplars, relative to people's drawings; published models were judged by critics of their own:\n"
    return [title, markdown(head, rows)]


def _classify(records: Sequence[Record], figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Errors beside published ones."""
    rows = []
    for record in records:
        recogniser = record["likelihood"] == "recogniser"
        rate = record["errors"]["recogniser" if recogniser else "both"]
        interval = f"{100 * rate['runs_low']:.1f} to {100 * rate['runs_high']:.1f}"
        lake = record["part"] == "test" and record["runs"] == _LAKE
        compares = "yes" if lake else f"no: ours is of the {record['part']} part, not of Lake's runs"
        kind = "" if record["likelihood"] == "whole" else ", bending only"
        label = f"{record.model}{kind}, both directions, K = {record['samples']:,}"
        label = "allograph recognise" if recogniser else label
        rows.append([label, f"{100 * rate['value']:.1f}", interval, "", compares])
    rows += [[row["model"], f"{row['error']}", "", row["source"], row["conditions"]] for row in figures]
    head = ["model", "errors, %", "95 % interval, runs", "published in", "compares"]
    return ["Against published figures:\n", markdown(head, rows)]
