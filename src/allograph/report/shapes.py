"""The part of the section on one-shot generation that judges shapes alone: the Turing test, and topology."""

from __future__ import annotations

__all__ = ["SHAPE_TASKS", "adjusted", "shape_findings", "shape_plots", "shape_tables", "shape_texts"]

from collections.abc import Mapping, Sequence
from typing import Any

from allograph.evaluation.records import Record
from allograph.report.parts import Mark, Plot, Series, Table, groups, percent, three

_TURING, _TOPOLOGY = "turing", "topology"

_TEXTS = {
    _TURING: "A Turing test: a small network sees an exemplar and a second drawing, both as bare shapes, and says "
    "whether a person drew the second. It is trained on half of the alphabets and tested on the other half, both ways. "
    "Drawings that cannot be told from people's reach 50 %, which is chance. The floor is the same test of people "
    "against people; real drawings that were only read and rendered again show what the pen alone gives away. AUC: how "
    "often the network rates a drawing as less human than a person's.",
    _TOPOLOGY: "Topology: how often drawings have as many parts, holes, ends and crossings as their exemplar. People "
    "do not always agree either, so their own drawings are the reference; real drawings that were only read and "
    "rendered again show what the pen loses.",
}

SHAPE_TASKS = tuple(_TEXTS)

_KINDS = (("people", "people"), ("rendered", "people, only rendered again"), ("generated", ""))
"""The rows of both tasks, in order; the row of a model's drawings has the model's name."""

_SHARES = ("parts", "holes", "both", "ends", "crossings", "all")


def shape_texts(records: Sequence[Record]) -> list[str]:
    """What the tests of these records are."""
    return [text for task, text in _TEXTS.items() if any(record["task"] == task for record in records)]


def shape_findings(records: Sequence[Record]) -> list[str]:
    """One line for each record."""
    lines = []
    for record in records:
        name, made, real = (
            f"{_name(record)}, {record.where}, {record['size']} px",
            record["generated"],
            record["people"],
        )
        if record["task"] == _TURING:
            told, floor = percent(made["accuracy"]), percent(real["accuracy"])
            lines.append(f"{name}: told from people's drawings {told} % of the time; people from people {floor} %")
        else:
            same = [percent(one["both"]) for one in (made, real)]
            lines.append(
                f"{name}: as many parts and holes as the exemplar in {same[0]} % of drawings; in people's {same[1]} %"
            )
    return lines


def shape_tables(records: Sequence[Record]) -> list[Table]:
    """A table for each test that several models can share."""
    tables = []
    for (where, *_), group in groups([one for one in records if one["task"] == _TURING], _one_test):
        rows = [[label, percent(told["accuracy"]), three(told["auc"]), _halves(told)] for label, told in _rows(group)]
        head = ("drawings of", "told apart, %", "AUC", "the two judges, %")
        tables.append(Table(f"{where}; {_about(group[0])}", head, rows, words=(3,)))
    for (where, *_), group in groups([one for one in records if one["task"] == _TOPOLOGY], _one_test):
        rows = [[label, *(percent(found[share]) for share in _SHARES)] for label, found in _rows(group)]
        kept = {one["model"]["sha256"]: (one.model, one["kept"]) for one in group if one["kept"]}
        rows += [
            [f"rendered again, as before: {model}", *(percent(found[share]) for share in _SHARES)]
            for model, found in kept.values()
        ]
        head = ("drawings of", "parts, %", "holes, %", "parts and holes, %", "ends, %", "crossings, %", "all four, %")
        tables.append(Table(f"{where}; same counts as the exemplar; {_about(group[0])}", head, rows))
    return tables


def shape_plots(records: Sequence[Record]) -> list[Plot]:
    """How surely drawings are told apart, by the size at which they are looked at."""
    plots = []
    told = [record for record in records if record["task"] == _TURING]
    for (where,), group in groups(told, lambda record: (record.where,)):
        series = []
        for number, ((name,), own) in enumerate(groups(group, lambda record: (_name(record),))):
            colour = (0, 1, 3, 4, 5, 6)[number % 6]
            series.append(_by_size(name, own, "generated", colour))
            if any(record["rendered"] for record in own):
                series.append(_by_size(f"people, rendered again: {name}", own, "rendered", colour, "ring"))
        series.append(_by_size("people", group, "people", 2, "diamond"))
        caption = "How often a network that sees exemplar and drawing is right; 50 % is chance."
        axes = ("side of what it sees, pixels", "told from people's, %")
        plots.append(Plot(f"Turing test: {where}", caption, *axes, series, include=(50, 100), whole_x=True))
    return plots


def _by_size(name: str, records: Sequence[Record], kind: str, colour: int, shape: Any = "dot") -> Series:
    found = [(record["size"], record[kind]["accuracy"]) for record in records if record[kind]]
    marks = [Mark(size, 100 * one["value"], 0, 100 * one["error"]) for size, one in sorted(found, key=lambda f: f[0])]
    return Series(name, marks, colour, shape, joined=kind != "people")


def _rows(group: Sequence[Record]) -> list[tuple[str, Mapping[str, Any]]]:
    """Label and figures of each row: the floor once, each model's pen once, and what its drawings reach."""
    weights = [record["model"]["sha256"] for record in group]
    rows = []
    for number, record in enumerate(group):
        again = {"people": number > 0, "rendered": weights[number] in weights[:number], "generated": False}
        for kind, label in _KINDS:
            if record[kind] and not again[kind]:
                pen = f": {record.model}" if len(set(weights)) > 1 and kind == "rendered" else ""
                rows.append((f"{label}{pen}" or _name(record), record[kind]))
    return rows


def _halves(told: Mapping[str, Any]) -> str:
    return ", ".join(f"{100 * half:.1f}" for half in told["halves"])


def _about(record: Record) -> str:
    drawn = f"{record['characters']} characters, {record['exemplars']} exemplars each"
    return (
        f"{drawn}, {record['drawings']} drawings of each kind after one; errors: bootstrap over {record['resampled']}"
    )


def _one_test(record: Record) -> tuple[str, ...]:
    """What must be equal for figures to be compared; the first entry is for people to read."""
    same = (
        "characters",
        "exemplars",
        "drawings",
        "seed",
        "data_fingerprint",
        *(["judge"] if "judge" in record.document else []),
    )
    title = "Turing test" if record["task"] == _TURING else "Topology"
    return f"{title}: {record.where}, {record['size']} px", *(str(record[key]) for key in same)


def adjusted(record: Record) -> str:
    """What the name of a row says about guidance and attempts."""
    guidance, attempts = (record.document.get(key, 1) for key in ("guidance", "attempts"))
    again = f", up to {attempts} attempts" if attempts > 1 else ""
    return (f", guidance {guidance:g}" if guidance != 1 else "") + again


def _name(record: Record) -> str:
    return f"{record.model}, temperature {record['temperature']:g}{adjusted(record)}"
