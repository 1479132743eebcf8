"""The sections of a report: for each kind of measurement what it says, its tables, plots and pictures."""

from __future__ import annotations

__all__ = ["SECTIONS"]

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from allograph.evaluation.plots import Mark, Plot, Series
from allograph.evaluation.report_parts import (
    NamedPlot,
    Record,
    Section,
    Table,
    nats,
    percent,
    slug,
    three,
    without_empty,
)

_ARMS = (
    ("nothing", "the drawings alone"),
    ("classical", "classical augmentation"),
    ("allograph", "allograph's drawings"),
    ("both", "both"),
)
_DIFFERENCES = (
    ("allograph_minus_classical", "allograph's drawings − classical"),
    ("both_minus_classical", "both − classical"),
    ("both_minus_allograph", "both − allograph's drawings"),
)


def likelihood_section(records: Sequence[Record]) -> Section:
    """Free energies and bounds."""
    tables, plots, findings = [], [], []
    for (name, *_), group in _groups(records, lambda record: (f"{record.where}, {record['binarisation']}",)):
        rows, bounds, steps = [], [], []
        for number, record in enumerate(group):
            figures = _by_contexts(record)
            others = " of its alphabet" if record.document.get("exemplars") == "family" else ""
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
            bounds.append(_series(record.model, marks[::-1], number, joined=True))
            kl = figures[0][1]["kl_per_step"]
            if len(kl) > 1:
                marks = [Mark(step + 1, value) for step, value in enumerate(kl)]
                steps.append(_series(record.model, marks, number, joined=True))
            best = figures[0][1]
            given = f"given {figures[0][0]} exemplar{'s' if figures[0][0] > 1 else ''}" if figures[0][0] else "alone"
            findings.append(
                f"{record.model}, {record.where}: bound {nats(best['bound'])} nats {given} (K = {record['samples']:,})"
            )
        head = ("model", "kind", "exemplars", "free energy", "KL", "bound", "K, images", "effective", "bits / dim")
        head, rows = without_empty(head, rows)
        tables.append(Table(f"{name}; nats per image, less is better", head, rows, words=(1,)))
        if any(len(series.marks) > 1 for series in bounds):
            plot = Plot(f"Bound: {name}", "exemplars given", "nats per image", bounds, whole_x=True)
            plots.append(NamedPlot(f"bound-{slug(name)}", plot, "The importance weighted bound, less is better."))
        if steps:
            plot = Plot(f"KL of each step: {name}", "step", "nats", steps, include=(0,), whole_x=True)
            plots.append(NamedPlot(f"kl-{slug(name)}", plot, "How much each step decides, KL(q(z_t) || p(z_t))."))
    text = (
        "Free energy and importance weighted bound are upper bounds on the negative log likelihood; the bound is the "
        "tighter, the more samples K it has. An effective sample size near 1 says that it is still loose.",
        *dict.fromkeys(
            f"Note on {record.model}, {record.where}: {record['note']}." for record in records if record["note"]
        ),
    )
    return Section("Likelihood", text, findings, tables, plots, _pictures(records))


def oneshot_section(records: Sequence[Record]) -> Section:
    """Recognised and diverse, beside people and copies."""
    tables, plots, findings = [], [], []
    for (name, *_), group in _groups(records, _one_test):
        rows = []
        first = group[0]
        people = [("people", first["real"])]
        models = [(_drawn_by(record), record["generated"]) for record in group]
        copies = [("copies, distorted", first["copies"])]
        for label, point in (*people, *models, *copies):
            cells = [percent(point["recognizability"])]
            keys = ("simclr_diversity", "simclr_originality", "diversity", "originality")
            rows.append([label, *cells, *(three(point[key]) for key in keys)])
        for record in group:
            ratio = record["ratio"]
            known, diversity = ratio["recognizability"], ratio["simclr_diversity"]
            findings.append(
                f"{_drawn_by(record)}, {record.where}, {record['setting']} alphabets: recognised {three(known)} times "
                f"as often as people's drawings, {three(diversity)} times as diverse"
            )
        head = ("drawings of", "recognised, %", "diversity", "originality", "diversity, critic", "originality, critic")
        tables.append(Table(f"{name}; {first['ways']}-way, {first['trials']} trials", head, rows))
        for key, what in (("diversity", "Diversity"), ("originality", "Originality")):
            series = [
                _point("people", people[0][1], key, 2, "diamond"),
                *(_point(label, point, key, number, "dot") for number, (label, point) in enumerate(models)),
                _point("copies, distorted", copies[0][1], key, 2, "ring"),
                Series("exact copies", [Mark(0, 100)], 2, "cross"),
            ]
            plot = Plot(
                f"{what} and recognizability: {name}",
                f"{key}: features of SimCLR",
                "recognised, %",
                series,
                include=(100,),
                include_x=(0,),
            )
            means = (
                "how much drawings of one symbol differ from each other"
                if key == "diversity"
                else "how far drawings lie from the exemplar"
            )
            caption = f"{what}, {means}, against how often they are recognised. The place to be is beside people."
            plots.append(NamedPlot(f"{key}-{slug(name)}", plot, caption))
    text = (
        "From one exemplar each of unseen characters new drawings are made. A prototypical network, trained on other "
        "alphabets, says of which exemplar each is (recognised); the standard deviation of a drawing's features in "
        "SimCLR, trained without labels, says how they differ (diversity), and their distance from the exemplar's how "
        "original they are (Boutin et al., NeurIPS 2022). Copies of the exemplar are always recognised, and without "
        "diversity; people's own drawings are the measure.",
    )
    return Section("One-shot generation", text, findings, tables, plots, _pictures(records))


def augmentation_section(records: Sequence[Record]) -> Section:
    """Accuracies by arm and number of drawings."""
    tables, plots, findings = [], [], []
    for record in records:
        name = f"{record.model}, {record.where}, {record['setting']} alphabets"
        shots = record["shots"]
        given = [f"{one['shots']} drawing{'s' if one['shots'] > 1 else ''}" for one in shots]
        rows = [[label, *(percent(one[arm]) for one in shots)] for arm, label in _ARMS]
        rows += [[label, *(percent(one[key], sign=True) for one in shots)] for key, label in _DIFFERENCES]
        caption = (
            f"{name}; accuracy in %, {record['ways']} classes, {record['trials']} trials, {record['made']} new "
            "drawings a class; differences are paired by trial"
        )
        tables.append(Table(caption, ("trained on", *given), rows))
        series = []
        for number, (arm, label) in enumerate(_ARMS):
            marks = [
                # A little beside each other, so that none hides another.
                Mark(place + 0.06 * (number - 1.5), 100 * one[arm]["value"], 0, 100 * one[arm]["error"])
                for place, one in enumerate(shots)
            ]
            series.append(Series(label, marks, (2, 1, 0, 3)[number], joined=True))
        plot = Plot(f"Augmentation: {name}", "real drawings given of each class", "accuracy, %", series, names=given)
        plots.append(NamedPlot(f"augmentation-{slug(name)}", plot, "Accuracy on other people's drawings."))
        gain = shots[0]["allograph_minus_classical"]
        findings.append(
            f"{name}: with {given[0]} a class, allograph's drawings instead of classical augmentation change the "
            f"accuracy by {percent(gain, sign=True)} points"
        )
    text = (
        "A small classifier is trained on few drawings of unseen classes, four times with the same number of steps and "
        "the same beginning, and tested on other people's drawings. Classical augmentation (affine maps, elastic "
        "bends, width of the pen) was tuned on training alphabets.",
    )
    return Section("What a user gains", text, findings, tables, plots, _pictures(records))


def classification_section(records: Sequence[Record]) -> Section:
    """Error rates by score, with intervals."""
    tables, plots, findings = [], [], []
    names: dict[str, str] = {
        "forward": "log p(x | x') - log p(x)",
        "backward": "log p(x' | x) - log p(x')",
        "both": "both directions",
    }
    for record in records:
        kind = "" if record["likelihood"] == "whole" else ", bending alone"
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
        series = [_series(label, [mark], number) for number, (label, mark) in enumerate(marks)]
        plot = Plot(f"Errors: {name}", "", "errors, %", series, names=[""] * len(series), include=(0,))
        words = "Errors of one-shot classification; bars are 95 % intervals over runs."
        plots.append(NamedPlot(f"classification-{slug(name)}", plot, words))
        findings.append(f"{name}: {100 * record['errors']['both']['value']:.1f} % errors in one-shot classification")
    text = (
        "Of which of several exemplars, one a class, is a drawing a new drawing? The class is chosen by the model's "
        "likelihood of the drawing given the exemplar, of the exemplar given the drawing, and by both; beside them "
        "stand distances that need no generative model.",
    )
    return Section("One-shot classification", text, findings, tables, plots, _pictures(records))


SECTIONS: dict[str, Callable[[Sequence[Record]], Section]] = {
    "likelihood": likelihood_section,
    "oneshot": oneshot_section,
    "augmentation": augmentation_section,
    "classify": classification_section,
}
"""What makes the section of each measurement; raises KeyError, TypeError and the like for what is no such result."""


def _one_test(record: Record) -> tuple[str, ...]:
    """What has to be the same for points to be compared; the first is for people."""
    same = ("trials", "ways", "drawings", "size", "seed", "critic", "embedding", "data_fingerprint")
    return f"{record.where}, {record['setting']} alphabets", *(str(record[key]) for key in same)


def _by_contexts(record: Record) -> list[tuple[int, Mapping[str, Any]]]:
    """(exemplars, figures), the most exemplars first."""
    given = [(record["contexts"], record["given"])] if record["given"] else []
    fewer = [(one["contexts"], one["given"]) for one in record.document.get("fewer", ())]
    return [*given, *fewer[::-1], (0, record["without"])]


def _groups(
    records: Sequence[Record], key: Callable[[Record], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Record]]]:
    found: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return list(found.items())


def _pictures(records: Sequence[Record]) -> list[tuple[Path, str]]:
    return [(path, f"{record.model}, {record.where}: {path.name}") for record in records for path in record.pictures]


def _drawn_by(record: Record) -> str:
    whole = ", whole model" if record["whole"] else ""
    return f"{record.model}{whole}, temperature {record['temperature']:g}"


def _point(label: str, point: Mapping[str, Any], key: str, number: int, shape: Any) -> Series:
    spread, known = point[f"simclr_{key}"], point["recognizability"]
    mark = Mark(spread["value"], 100 * known["value"], spread["error"], 100 * known["error"])
    colour = number if shape != "dot" else (0, 1, 3, 4, 5, 6)[number % 6]
    return Series(label, [mark], colour, shape)


def _series(name: str, marks: Sequence[Mark], number: int, *, joined: bool = False) -> Series:
    """Models are told apart by colour, then by shape."""
    shapes: tuple[Any, ...] = ("dot", "square", "diamond", "ring", "cross")
    return Series(name, marks, number, shapes[number // 7 % len(shapes)], joined)
