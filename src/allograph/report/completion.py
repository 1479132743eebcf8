"""The section of a report on completion."""

from __future__ import annotations

__all__ = ["completion_section"]

from collections.abc import Sequence

from allograph.evaluation.records import Record
from allograph.report.parts import Section, Table, nats, pictures


def completion_section(records: Sequence[Record]) -> Section:
    """The section on `allograph complete`: nats of the hidden half, and how often the critic recognises it."""
    tables, findings = [], []
    for record in records:
        rows = [
            [
                str(one["contexts"]),
                *(nats(one[key]) for key in ("without", "given", "gain")),
                f"{one['effective_samples']:.1f}",
                _share(one["recognised"]),
            ]
            for one in record["completed"]
        ]
        rows += [
            [name, "", "", "", "", _share(record[key])]
            for name, key in (("the drawings themselves", "recognised_whole"), ("half blank", "recognised_visible"))
        ]
        caption = (
            f"{record.model}, {record.where}, {record['size']} x {record['size']}; the {record['hidden']} half of "
            f"{record['drawings']} drawings hidden, completed {record['n']} times by {record['particles']} latents in "
            f"each of {record['rounds']} rounds"
        )
        head = ["exemplars", "alone, nats", "given the rest, nats", "gain, nats", "effective", "recognised, %"]
        tables.append(Table(caption, head, rows))
        best = record["completed"][-1]
        findings.append(
            f"{record.where}: {nats(best['gain'])} nats of the {record['hidden']} half from the rest of the drawing; "
            f"completed, {_share(best['recognised'])} % are recognised ({best['contexts']} exemplars)"
        )
    text = (
        "Half of each drawing is hidden, and the model completes it. The gain is what the visible half says about the "
        "hidden one. The critic chooses among the characters of one alphabet.",
    )
    return Section("Completion", text, findings, tables, [], pictures(records))


def _share(rate: dict[str, float]) -> str:
    return f"{100 * rate['mean']:.1f} ± {100 * rate['error']:.1f}"
