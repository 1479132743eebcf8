"""The section of a report on one-shot generation: each task with its tables, plots, likelihoods and pictures."""

from __future__ import annotations

__all__ = ["oneshot_section"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allograph.evaluation.records import Record
from allograph.report.parts import (
    Mark,
    Plot,
    Section,
    Series,
    Table,
    groups,
    nats,
    percent,
    pictures,
    three,
    without_empty,
)
from allograph.report.shapes import SHAPE_TASKS, adjusted, shape_findings, shape_plots, shape_tables, shape_texts


@dataclass(frozen=True)
class _Words:
    """The words of a task.

    Attributes:
        title: of the task, in captions.
        known: the word for recognised, in tables; done: the same in a sentence about drawings.
        spread, far: what diversity and originality mean here.
        text: what was done.
    """

    title: str
    known: str
    done: str
    spread: str
    far: str
    text: str


_TASKS = {
    "unconditional": _Words(
        "from nothing",
        "taken for real",
        "taken for real",
        "how much drawings differ from each other",
        "how far drawings lie from the nearest training drawing",
        "Drawings from nothing: a drawing is taken for real if its nearest neighbour, among all others of its kind and "
        "equally many real drawings of unseen characters, is real. For drawings that cannot be told apart from real "
        "ones, this is one half. Originality is the distance to the nearest training drawing; copies of training "
        "drawings show what copying looks like.",
    ),
    "exemplars": _Words(
        "new exemplars",
        "recognised",
        "recognised",
        "how much drawings of one symbol differ from each other",
        "how far drawings lie from the exemplar",
        "The model makes new drawings from one exemplar of each unseen character. A prototypical network, trained on "
        "other alphabets, says which exemplar each drawing belongs to (recognised). The standard deviation of the "
        "drawings' SimCLR features, trained without labels, measures how much they differ (diversity); the distance "
        "of these features from the exemplar's measures originality (Boutin et al., NeurIPS 2022). Copies of the "
        "exemplar are always recognised but have no diversity; people's own drawings are the reference.",
    ),
    "alphabet": _Words(
        "new characters of an alphabet",
        "own alphabet",
        "found in their own alphabet",
        "how much characters of one alphabet differ from each other",
        "how far drawings lie from the nearest given character",
        "The model makes new characters from some characters of each unseen alphabet. The network that tells "
        "characters apart says which alphabet's other characters each is nearest to (own alphabet). Originality is the "
        "distance to the nearest given character, which exposes copies. Real characters that were not given are the "
        "reference.",
    ),
}
"""In the order in which the section shows them."""


def oneshot_section(records: Sequence[Record]) -> Section:
    """Recognition and diversity compared with people and copies, and the likelihood of real drawings; then what judges
    of shapes find."""
    shapes = [record for record in records if _task(record) in SHAPE_TASKS]
    every, records = records, [record for record in records if record not in shapes]
    tables, plots, findings, text = [], [], [], []
    for task, words in _TASKS.items():
        own = [record for record in records if _task(record) == task]
        text += [words.text] if own else []
        for (name, *_), group in groups(own, _one_test):
            tables.append(_table(name, group, words))
            plots += _plots(name, group, task, words)
            findings += [_finding(record, words) for record in group]
        tables += _likelihoods([record for record in own if record.document.get("likelihood")], words)
    text += dict.fromkeys(
        f"Note on {record.model}, {record.where}, {_TASKS[_task(record)].title}: {record['note']}."
        for record in records
        if record.document.get("note")
    )
    text += shape_texts(shapes)
    findings += shape_findings(shapes)
    tables += shape_tables(shapes)
    plots += shape_plots(shapes)
    return Section("One-shot generation", text, findings, tables, plots, pictures(every))


def _task(record: Record) -> str:
    return str(record.document.get("task", "exemplars"))


def _table(name: str, group: Sequence[Record], words: _Words) -> Table:
    first, rows = group[0], []
    models = [(_drawn_by(record), record["generated"]) for record in group]
    for label, point in (("people", first["real"]), *models, ("copies, distorted", first["copies"])):
        keys = ("simclr_diversity", "simclr_originality", "diversity", "originality")
        rows.append([label, percent(point["recognizability"]), *(three(point[key]) for key in keys)])
    head = ("diversity", "originality", "diversity, critic", "originality, critic")
    ways = ""
    if _task(first) == "exemplars":
        ways = f"{first['ways']}-way, "
    elif _task(first) == "alphabet":
        ways = f"{first['ways']} alphabets at a time, so {100 / first['ways']:.0f} % by chance, "
    return Table(f"{name}; {ways}{first['trials']} trials", ("drawings of", f"{words.known}, %", *head), rows)


def _plots(name: str, group: Sequence[Record], task: str, words: _Words) -> list[Plot]:
    """Diversity and originality, each against how often drawings are recognised."""
    plots = []
    first = group[0]
    for key, what, means in (("diversity", "Diversity", words.spread), ("originality", "Originality", words.far)):
        series = [
            _point("people", first["real"], key, 2, "diamond"),
            *(_point(_drawn_by(record), record["generated"], key, n, "dot") for n, record in enumerate(group)),
            _point("copies, distorted", first["copies"], key, 2, "ring"),
        ]
        if task == "exemplars":
            series.append(Series("exact copies", [Mark(0, 100)], 2, "cross"))
        caption = f"{what}, {means}, against how often they are {words.done}. The best place is beside people."
        labels = f"{key}: features of SimCLR", f"{words.known}, %"
        include = (100,) if task == "exemplars" else (0,)
        plots.append(Plot(f"{what}: {name}", caption, *labels, series, include=include, include_x=(0,)))
    return plots


def _finding(record: Record, words: _Words) -> str:
    ratio = record["ratio"]
    known, diversity = ratio["recognizability"], ratio["simclr_diversity"]
    setting = f", {record['setting']} alphabets" if record["setting"] else f", {words.title}"
    return (
        f"{_drawn_by(record)}, {record.where}{setting}: {words.done} {three(known)} times as often as people's "
        f"drawings, {three(diversity)} times as diverse"
    )


def _likelihoods(records: Sequence[Record], words: _Words) -> list[Table]:
    """How probable unseen drawings are, given the exemplars that the drawings were made from."""
    tables = []
    for (where,), group in groups(records, lambda record: (record.where,)):
        rows = []
        for record in group:
            measured = record["likelihood"]
            given, gain = measured["given"] or measured["without"], measured["bound_gain"]
            row = [
                record.model,
                f"{measured['contexts']}",
                nats(given["free_energy"]),
                nats(given["bound"]),
                f"{measured['samples']:,}, {measured['bound_images']:,}",
                nats(measured["without"]["bound"]) if measured["given"] else "",
                nats(gain) if gain else "",
            ]
            if row not in rows:  # with other guidance or attempts, the model is the same
                rows.append(row)
        head = ("model", "given", "free energy", "bound", "K, images", "bound without", "gain")
        caption = f"{where}, {words.title}: likelihood of unseen drawings; nats per image; lower is better"
        tables.append(Table(caption, *without_empty(head, rows)))
    return tables


def _one_test(record: Record) -> tuple[str, ...]:
    """What must be equal for points to be compared; the first entry is for people to read."""
    same = ("trials", "ways", "drawings", "size", "seed", "critic", "embedding", "data_fingerprint")
    words = f"{record['setting']} alphabets" if record["setting"] else _TASKS[_task(record)].title
    if _task(record) == "alphabet":
        words = f"{words}, {record['given']} given"
    return f"{record.where}, {words}", *(str(record[key]) for key in same)


def _drawn_by(record: Record) -> str:
    # In every task except exemplars, a bending model can only give samples of the whole model.
    bent = record["model"]["kind"] == "bending" and _task(record) != "exemplars"
    whole = ", whole model" if record["whole"] and not bent else ""
    return f"{record.model}{whole}, temperature {record['temperature']:g}{adjusted(record)}"


def _point(label: str, point: Mapping[str, Any], key: str, number: int, shape: Any) -> Series:
    spread, known = point[f"simclr_{key}"], point["recognizability"]
    mark = Mark(spread["value"], 100 * known["value"], spread["error"], 100 * known["error"])
    colour = number if shape != "dot" else (0, 1, 3, 4, 5, 6)[number % 6]
    return Series(label, [mark], colour, shape)
