"""The section of a report on recognition."""

from __future__ import annotations

__all__ = ["recognition_section"]

from collections.abc import Sequence

from allograph.evaluation.records import Record
from allograph.report.parts import Section, Table, percent, pictures


def recognition_section(records: Sequence[Record]) -> Section:
    """The section on `allograph recognise`: errors by each method, refusals and calibration."""
    tables, findings = [], []
    for record in records:
        cells = record["cells"]
        rows = [[name, *(percent(cell["errors"][name]) for cell in cells)] for name in cells[0]["errors"]]
        for name, key in (("known, but refused", "refused"), ("unknown, but accepted", "accepted")):
            rows.append([name, *(percent(cell[key]) for cell in cells)])
        for name, key in (("calibration error", "calibration"), ("the same, known alone", "calibration_known")):
            rows.append([name, *(f"{100 * cell[key]:.1f}" for cell in cells)])
        for name, key in (("seconds, cosine alone", "quick"), ("seconds, all together", "slow")):
            rows.append([name, *(f"{cell[key]:.2f}" for cell in cells)])
        head = ["", *(f"{cell['setting']}, {cell['shots']} drawn of {cell['classes']:,}" for cell in cells)]
        caption = (
            f"{record.where}; errors, refusals and calibration errors in %, {cells[0]['tests']} tests in each column, "
            f"shortlist of {record['shortlist']}, K = {record['samples']:,}, threshold {record['threshold']}; "
            f"{record['machine']}"
        )
        tables.append(Table(caption, head, rows))
        places = head[1:]
        wrong = ", ".join(
            f"{percent(cell['errors']['all together'])} % ({place})" for cell, place in zip(cells, places, strict=True)
        )
        findings.append(f"{record.where}: errors of recognition {wrong}")
    text = (
        "Which symbol does a drawing show? Within: one of 20 characters of an alphabet. Across: one of up to 1,000 "
        "characters of many alphabets. One or five drawings of each character are known. A refusal is the answer "
        '"none of these", which is right for drawings of unknown characters. Calibration errors are expected '
        "calibration errors over 15 bins, with every second drawing unknown, or with none. Errors are standard errors "
        "over trials.",
    )
    return Section("Recognition", text, findings, tables, [], pictures(records))
