"""The sections of a report, one for each kind of measurement: text, findings, tables, plots and pictures."""

from __future__ import annotations

__all__ = ["SECTIONS"]

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from allograph.evaluation.records import Record
from allograph.report.completion import completion_section
from allograph.report.oneshot import oneshot_section
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
    series_of,
    without_empty,
)
from allograph.report.recognition import recognition_section

_ARMS = (
    ("nothing", "the drawings alone"),
    ("classical", "classical augmentation"),
    ("allograph", "allograph's drawings"),
    ("both", "both"),
    ("half", "both, half of each batch real"),
)
_DIFFERENCES = (
    ("allograph_minus_classical", "allograph's drawings − classical"),
    ("both_minus_classical", "both − classical"),
    ("both_minus_allograph", "both − allograph's drawings"),
    ("half_minus_classical", "both, half real − classical"),
    ("half_minus_both", "both, half real − both"),
)


def likelihood_section(records: Sequence[Record]) -> Section:
    """The section on free energies and bounds."""
    tables, plots, findings = [], [], []
    for (name, *_), group in groups(records, lambda record: (f"{record.where}, {record['binarisation']}",)):
        rows, bounds, steps = [], [], []
        for number, record in enumerate(group):
            figures = _by_contexts(record)
            others = {"family": " of its alphabet", "repeats": ", with repeats"}.get(
                record.document.get("exemplars", ""), ""
            )
            for contexts, figure in figures:
                bits = figure["bits_per_dimension"]
                rows.append(
                    [
                        record.model,
                        str(record["model"]["kind"]),
                        f"{contexts}{others if contexts else ''}",
                        nats(figure["free_energy"]),
                        nats(figure["kl"]),
                        nats(figure["bound"]),
                        f"{record['samples']:,}, {record['bound_images']:,}",
                        f"{figure['effective_samples']:.1f}",
                        f"{bits['mean']:.4f}" if bits else "",
                    ]
                )
            marks = [
                Mark(contexts, figure["bound"]["mean"], 0, figure["bound"]["error"]) for contexts, figure in figures
            ]
            bounds.append(series_of(record.model, marks[::-1], number, joined=True))
            kl = figures[0][1]["kl_per_step"]
            if len(kl) > 1:
                marks = [Mark(step + 1, value) for step, value in enumerate(kl)]
                steps.append(series_of(record.model, marks, number, joined=True))
            best = figures[0][1]
            given = f"given {figures[0][0]} exemplar{'s' if figures[0][0] > 1 else ''}" if figures[0][0] else "alone"
            findings.append(
                f"{record.model}, {record.where}: bound {nats(best['bound'])} nats {given} (K = {record['samples']:,})"
            )
        head = ("model", "kind", "exemplars", "free energy", "KL", "bound", "K, images", "effective", "bits / dim")
        head, rows = without_empty(head, rows)
        tables.append(Table(f"{name}; nats per image; lower is better", head, rows, words=(1,)))
        if any(len(series.marks) > 1 for series in bounds):
            words = f"Bound: {name}", "The importance weighted bound; lower is better.", "exemplars given"
            plots.append(Plot(*words, "nats per image", bounds, whole_x=True))
        if steps:
            words = f"KL of each step: {name}", "How much each step decides, KL(q(z_t) || p(z_t))."
            plots.append(Plot(*words, "step", "nats", steps, include=(0,), whole_x=True))
    text = (
        "The free energy and the importance weighted bound are upper bounds on the negative log likelihood. The bound "
        "gets tighter with more samples K. An effective sample size near 1 means that it is still loose.",
        *dict.fromkeys(
            f"Note on {record.model}, {record.where}: {record['note']}." for record in records if record["note"]
        ),
    )
    return Section("Likelihood", text, findings, tables, plots, pictures(records))


def augmentation_section(records: Sequence[Record]) -> Section:
    """The section on accuracies by arm and number of drawings."""
    tables, plots, findings = [], [], []
    for record in records:
        name = f"{record.model}, {record.where}, {record['setting']} alphabets"
        shots = record["shots"]
        given = [f"{one['shots']} drawing{'s' if one['shots'] > 1 else ''}" for one in shots]
        arms = [(arm, label) for arm, label in _ARMS if arm in shots[0]]  # earlier versions had four
        rows = [[label, *(percent(one[arm]) for one in shots)] for arm, label in arms]
        rows += [
            [label, *(percent(one[key], sign=True) for one in shots)] for key, label in _DIFFERENCES if key in shots[0]
        ]
        caption = (
            f"{name}; accuracy in %, {record['ways']} classes, {record['trials']} trials, {record['made']} new "
            f"drawings per class{', after all given at once' if record.document.get('together') else ''}; differences "
            "are paired by trial"
        )
        tables.append(Table(caption, ("trained on", *given), rows))
        series = []
        for number, (arm, label) in enumerate(arms):
            marks = [
                # Slightly shifted, so that none hides another.
                Mark(place + 0.06 * (number - 1.5), 100 * one[arm]["value"], 0, 100 * one[arm]["error"])
                for place, one in enumerate(shots)
            ]
            series.append(Series(label, marks, (2, 1, 0, 3, 4)[number], joined=True))
        words = f"Augmentation: {name}", "Accuracy on other people's drawings."
        plots.append(Plot(*words, "real drawings given of each class", "accuracy, %", series, names=given))
        gain = shots[0]["allograph_minus_classical"]
        findings.append(
            f"{name}: with {given[0]} per class, allograph's drawings instead of classical augmentation change the "
            f"accuracy by {percent(gain, sign=True)} points"
        )
    text = (
        "A small classifier is trained several times on few drawings of unseen classes, with the same number of "
        "steps and the same first weights, and tested on other people's drawings. Classical augmentation (affine maps, "
        "elastic bends, width of the pen) was tuned on training alphabets.",
    )
    return Section("What users gain", text, findings, tables, plots, pictures(records))


def classification_section(records: Sequence[Record]) -> Section:
    """The section on error rates by score, with intervals."""
    tables, plots, findings = [], [], []
    names: dict[str, str] = {
        "forward": "log p(x | x') - log p(x)",
        "backward": "log p(x' | x) - log p(x')",
        "both": "both directions",
        "recogniser": "allograph recognise",
    }
    kinds = {"whole": "", "bending": ", bending only", "recogniser": " and the critic"}
    for record in records:
        kind = kinds[record["likelihood"]]
        name = f"{record.model}{kind}, {record.where}"
        scores: list[tuple[str, Any]] = [
            (names.get(str(key), str(key)), rate) for key, rate in record["errors"].items()
        ]
        scores += [(f"{key}, for comparison", rate) for key, rate in record["baselines"].items()]
        rows = [
            [
                label,
                f"{100 * rate['value']:.1f}",
                f"{100 * rate['low']:.1f} to {100 * rate['high']:.1f}",
                f"{100 * rate['runs_low']:.1f} to {100 * rate['runs_high']:.1f}",
            ]
            for label, rate in scores
        ]
        caption = (
            f"{name}; errors in %, {record['runs']} runs of {record['ways']}-way classification, "
            f"{record['tests']} tests, K = {record['samples']:,}"
        )
        head = ("chosen by", "errors, %", "95 % interval, tests", "95 % interval, runs")
        tables.append(Table(caption, head, rows))
        marks = [
            (label, Mark(place, 100 * rate["value"], 0, 50 * (rate["runs_high"] - rate["runs_low"])))
            for place, (label, rate) in enumerate(scores)
        ]
        series = [series_of(label, [mark], number) for number, (label, mark) in enumerate(marks)]
        words = f"Errors: {name}", "Errors of one-shot classification; bars are 95 % intervals over runs."
        plots.append(Plot(*words, "", "errors, %", series, names=[""] * len(series), include=(0,)))
        main = record["errors"]["recogniser" if "recogniser" in record["errors"] else "both"]
        findings.append(f"{name}: {100 * main['value']:.1f} % errors in one-shot classification")
    text = (
        "Which of several exemplars, one for each class, shows the same character as a drawing? The class is chosen by "
        "the model's likelihood of the drawing given the exemplar, of the exemplar given the drawing, and by both; "
        "or by `allograph recognise`, which weighs these and the critic's features. "
        "Distances that need no generative model are given for comparison.",
    )
    return Section("One-shot classification", text, findings, tables, plots, pictures(records))


SECTIONS: dict[str, Callable[[Sequence[Record]], Section]] = {
    "likelihood": likelihood_section,
    "oneshot": oneshot_section,
    "augmentation": augmentation_section,
    "classify": classification_section,
    "recognition": recognition_section,
    "completion": completion_section,
}
"""The function that makes the section of each measurement; it raises KeyError, TypeError or the like for other data."""


def _by_contexts(record: Record) -> list[tuple[int, Mapping[str, Any]]]:
    """(exemplars, figures), from most exemplars to none."""
    given = [(record["contexts"], record["given"])] if record["given"] else []
    fewer = [(one["contexts"], one["given"]) for one in record.document.get("fewer", ())]
    return [*given, *fewer[::-1], (0, record["without"])]
