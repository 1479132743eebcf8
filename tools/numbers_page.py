"""docs/numbers.md, the reference page, made from the result files and the published figures.

    python tools/numbers_page.py            # writes the page, and docs/results/SHA256SUMS beside the files
    python tools/numbers_page.py --check    # status 1 if the page is not what the files say

Reads docs/results/*.json, written by tools/experiments.py or by `allograph evaluate -o docs/results`, and
docs/published.toml.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from allograph.evaluation.records import Record, read_record
from allograph.report.parts import nats, without_empty
from numbers_measured import (
    Others,
    folded,
    kept_weights,
    markdown,
    measured_sections,
    published_tables,
    read_others,
    read_records,
)

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
WEIGHTS = ROOT / "weights"
RESULTS, PUBLISHED, PAGE = (ROOT / "docs" / name for name in ("results", "published.toml", "numbers.md"))

OF_RESULT = ("experiment", "groups", "data", "preset", "settings", "steps", "images_per_second", "minutes")
OF_RESULT += ("train_command", "machine", "commit")
FEW = 50
"""The bound is not shown for fewer images."""
OF_FIGURES = ("model", "part", "channels", "images", "bound_images", "samples", "binarisation", "note", "without")
OF_FIGURES += ("exact", "command")

COMPARISONS = {
    "steps": ("Number of steps", "The sequential model with different numbers T of steps."),
    "attention": ("Attention", "The sequential model with each kind of attention, and DRAW with its own kinds."),
    "canvas": ("Canvas", "The sequential model with each kind of canvas."),
    "paper": ("The paper's rows", "The paper's own settings ([The paper, row by row](paper.md))."),
}
"""Groups of runs that differ in one thing and were trained for the same time."""

BINARISATION = {
    "binary": "binary",
    "none": "8-bit",
    "dynamic": "binarised at random",
    "threshold": "binarised at one half",
}

INTRODUCTION = """\
# Numbers

`python tools/numbers_page.py` makes this page from the result files in `docs/results` and from
[published.toml](published.toml); nobody edits it by hand. The result files hold more than the page shows: seeds,
precision, fingerprints of data and weights, the KL of every step, versions.

- **Free energy** and **bound** are upper bounds on the negative log likelihood, in nats per image; lower is better.
  ± is the standard error over the images. The bound is importance weighted over K samples (Burda et al., 2016). At
  K = 1 it is the free energy, and it gets tighter as K grows.
- **Effective** is the mean effective sample size of the bound, between 1 and K. Near 1, a single sample carries all
  the weight, and the bound is still far from the likelihood. **Exact** is the value itself, if a formula gives
  it.
- A figure **compares** with a published one if both are of the same data set, the same binarisation and the whole test
  part, with equally many exemplars that were drawn in the same way, and ours has at most as many samples. Otherwise
  the page says what differs.
- Nothing was chosen on a test part. A run ends when its time is over, with the averaged weights of that moment. How
  many steps fit into that time was measured before each run, on an otherwise idle core.
- The [model cards](model-card.md) have the figures of the weights that ship.
"""

FIGURES = ("weights", "free energy", "KL", "bound", "K, images", "effective")

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is stale")
    check = parser.parse_args().check
    try:
        records = read_records(RESULTS, kept_weights(WEIGHTS))
        text = page(read_results(RESULTS), read_published(PUBLISHED), records, read_others(PUBLISHED))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    made, status = {PAGE: text, RESULTS / SUMS: sums(RESULTS)}, 0
    for path, content in made.items():
        if not check:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path.relative_to(ROOT)} is stale: run python tools/numbers_page.py", file=sys.stderr)
            status = 1
    return status


def sums(folder: Path) -> str:
    """The SHA-256 of every result file, as `sha256sum` writes them, which also guards figures that no page shows."""
    digests = ((hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in sorted(folder.glob("*.json")))
    return "".join(f"{digest}  {name}\n" for digest, name in digests)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """All result files of experiments, by name; those of single measurements are not among them.

    Raises ValueError: one is neither.
    """
    results = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = read_record(path)
            if record.experiment is None:
                record["measurement"]
                continue
            result = experiment_of(record)
            if missing := {*OF_RESULT} - result.keys() | {*OF_FIGURES} - result["likelihood"].keys():
                raise KeyError(*sorted(missing))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is no result file ({type(error).__name__}: {error}): remove it") from None
        if not set(result["groups"]) <= {"family", *COMPARISONS}:
            raise ValueError(f"{path.name} is of groups {result['groups']!r}; known: family, {', '.join(COMPARISONS)}")
        results.append(result)
    return results


def experiment_of(record: Record) -> dict[str, Any]:
    """What an experiment's result file says: how the model was trained, and the measurement."""
    trained = dict(record.experiment or {})
    named = {"experiment": trained.pop("name"), "train_command": trained.pop("command")}
    return {**trained, **named, "likelihood": record.document}


def read_published(path: Path) -> list[dict[str, Any]]:
    """The published figures.

    Raises ValueError: one lacks an entry, or has one that is not known.
    """
    needed = {"model", "data", "binarisation", "nats", "ours", "samples", "images", "kinds", "source", "conditions"}
    figures = tomllib.loads(path.read_text(encoding="utf-8"))["figure"]
    for figure in figures:
        wrong = needed ^ (figure.keys() - {"contexts", "exemplars", "preset"})
        known = figure.get("exemplars", "concept") in ("concept", "repeats")
        if wrong or not known or figure["ours"] not in ("bound", "free_energy"):
            raise ValueError(f"{path.name}, {figure.get('model')}: check {', '.join(sorted(wrong)) or 'ours'}")
    return figures


def page(
    results: Sequence[Mapping[str, Any]],
    published: Sequence[Mapping[str, Any]],
    records: Sequence[Record] = (),
    others: Others | None = None,
) -> str:
    """The whole page."""
    others = others or {"oneshot": [], "classify": []}
    family = [result for result in results if "family" in result["groups"]]
    parts = [INTRODUCTION, "## The family\n"]
    if not family:
        parts.append("No result files yet.\n")
    for data in dict.fromkeys(map(data_key, family)):
        parts += data_set([result for result in family if data_key(result) == data], published)
    for group, (title, text) in COMPARISONS.items():
        runs = [result for result in results if group in result["groups"]]
        if runs:
            parts += comparison(title, text, runs)
    parts += measured_sections(records, others, lambda record: against(as_result(record), published))
    parts += ["## Published figures\n", markdown(*published_table(published)), *published_tables(others)]
    return "\n".join(parts)


# ---------------------------------------------------------------- the family


def data_key(result: Mapping[str, Any]) -> tuple[str, str]:
    """The key that is equal for figures on the same kind of images."""
    return result["data"], result["likelihood"]["binarisation"]


def data_set(results: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]) -> list[str]:
    """One data set: the results, the comparison with published figures, and the commands."""
    results = sorted(results, key=lambda result: best(result)["bound"]["mean"])
    figures = results[0]["likelihood"]
    colour = "" if figures["channels"] == 1 else ", colour"
    title = f"### {results[0]['data']}, {BINARISATION[figures['binarisation']]}{colour}\n"
    head = ["model", "kind", "part", "exemplars", *FIGURES, "exact", "bits / dim"]
    rows = []
    for result in results:
        figures = result["likelihood"]
        for contexts, figure in measured(figures):
            exact, bits = figures["exact"], figure["bits_per_dimension"]
            row = [result["experiment"], figures["model"]["kind"], figures["part"], exemplars(figures, contexts)]
            row += [*figure_cells(figures, figure), nats(exact) if exact else "", f"{bits['mean']:.4f}" if bits else ""]
            rows.append(row)
    parts = [title, markdown(*without_empty(head, rows))]
    for note in dict.fromkeys(result["likelihood"]["note"] for result in results):
        of = ", ".join(result["experiment"] for result in results if result["likelihood"]["note"] == note)
        parts += [f"Note on {of}: {note}.\n"] if note else []
    beside = [row for result in results for row in against(result, published)]
    if beside:
        head = ["model", "exemplars", "ours", "published", "figure", "difference", "compares"]
        parts += ["Against published figures:\n", markdown(head, beside)]
    head = ["model", "steps", "training", "machine", "code"]
    made = [[r["experiment"], f"{r['steps']:,}", f"{r['minutes']:g} min", r["machine"], code(r)] for r in results]
    parts += ["Made by:\n", markdown(head, made), commands(results)]
    return parts


def best(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(figure for _, figure in measured(result["likelihood"]))


def measured(figures: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """(exemplars, figures) for each way in which a model was measured."""
    if figures.get("given"):
        yield figures["contexts"], figures["given"]
        yield from ((fewer["contexts"], fewer["given"]) for fewer in reversed(figures.get("fewer", [])))
    yield 0, figures["without"]


def exemplars(figures: Mapping[str, Any], contexts: int) -> str:
    """The number of exemplars, and their kind unless they are other drawings of the same concept."""
    kind = figures.get("exemplars", "concept") if contexts else "concept"
    others = {"family": ", other symbols of the alphabet", "repeats": ", drawn with replacement"}
    return f"{contexts}{others.get(kind, '')}"


def figure_cells(figures: Mapping[str, Any], figure: Mapping[str, Any]) -> list[str]:
    """The cells under `FIGURES`."""
    return [
        f"{figures['model']['parameters'] / 1e6:.2f} M",
        nats(figure["free_energy"]),
        nats(figure["kl"]),
        *bound_cells(figures, figure),
    ]


def bound_cells(figures: Mapping[str, Any], figure: Mapping[str, Any]) -> list[str]:
    """The bound, its numbers of samples and images, and the effective samples; empty for a few images."""
    if figures["bound_images"] < FEW:
        return ["", "", ""]
    samples = f"{figures['samples']:,}, {figures['bound_images']:,}"
    return [nats(figure["bound"]), samples, f"{figure['effective_samples']:.1f}"]


def against(result: Mapping[str, Any], published: Sequence[Mapping[str, Any]]) -> list[Sequence[str]]:
    """A row for each published figure to compare a result with."""
    figures, rows = result["likelihood"], []
    for contexts, figure in measured(figures):
        for other in published:
            # Given other symbols of the alphabet, a figure is of another question.
            same_question = not contexts or figures.get("exemplars", "concept") != "family"
            same = same_question and (other["data"], other["binarisation"]) == data_key(result)
            if same and figures["model"]["kind"] in other["kinds"] and other.get("contexts", 0) == contexts:
                ours = figure[other["ours"]]
                name = "free energy" if other["ours"] == "free_energy" else f"bound, K = {figures['samples']:,}"
                row = [result["experiment"], exemplars(figures, contexts), f"{name}: {nats(ours)}"]
                row += [f"{other['model']} ({other['source']})", f"{other['nats']}{samples_of(other)}"]
                rows.append([*row, f"{ours['mean'] - other['nats']:+.2f}", verdict(figures, other, contexts)])
    return rows


def samples_of(figure: Mapping[str, Any]) -> str:
    return {0: "", 1: ", upper bound"}.get(figure["samples"], f", K = {figure['samples']:,}")


def as_result(record: Record) -> Mapping[str, Any]:
    """A measurement of likelihood as if it were of an experiment."""
    return {"experiment": record.model, "data": record["data"], "likelihood": record.document}


def verdict(figures: Mapping[str, Any], other: Mapping[str, Any], contexts: int = 0) -> str:
    """``yes``, or what keeps the two figures from being of the same thing."""
    reasons = []
    if (split := figures.get("split") or "30-20") != "30-20":
        reasons.append(f"ours is of the {split} split")
    if figures["part"] != "test":
        reasons.append(f"ours is of the {figures['part']} part")
    elif (counted := figures["images" if other["ours"] == "free_energy" else "bound_images"]) < other["images"]:
        reasons.append(f"ours is of {counted:,} of {other['images']:,} images")
    drawn = {figures.get("exemplars", "concept"), other.get("exemplars", "concept")}
    if contexts and len(drawn) > 1:
        whose = "ours" if other.get("exemplars", "concept") == "concept" else "theirs"
        reasons.append(f"{whose} were given exemplars drawn with replacement, the image itself among them")
    if other["ours"] == "bound" and 0 < other["samples"] < figures["samples"]:
        reasons.append("ours has more samples")
    if reasons:
        return f"no: {'; '.join(reasons)}"
    if other["ours"] == "bound" and other["samples"] > figures["samples"]:
        return "yes; ours has fewer samples, so its bound is looser"
    return "yes"


# ---------------------------------------------------------------- comparisons


def comparison(title: str, text: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """One group of runs, for each data set a table, in the order of what was changed."""
    parts = [f"## {title}\n"]
    for key in dict.fromkeys((*data_key(result), result["likelihood"]["part"]) for result in results):
        runs = [result for result in results if (*data_key(result), result["likelihood"]["part"]) == key]
        runs.sort(key=changed_key)
        times = sorted({run["minutes"] for run in runs})
        span = " to ".join(f"{minutes:g}" for minutes in dict.fromkeys((times[0], times[-1])))
        machine = ", ".join(dict.fromkeys(run["machine"] for run in runs))
        where = f"{key[0]}, {BINARISATION[key[1]]}, {key[2]} part"
        parts.append(f"{text} {where}; each run was trained for as many steps as fit into {span} min on {machine}.\n")
        rows = []
        for run in runs:
            settings = " ".join(f"`{word}`" for word in run["settings"])
            row = [run["experiment"], run["likelihood"]["model"]["kind"], settings, f"{run['steps']:,}"]
            row += [f"{run['images_per_second']:,.0f}", *figure_cells(run["likelihood"], best(run)), code(run)]
            rows.append(row)
        head = ["run", "kind", "settings", "steps", "images/s", *FIGURES, "code"]
        parts += [markdown(head, rows), commands(runs)]
    return parts


def changed_key(result: Mapping[str, Any]) -> tuple[Any, ...]:
    """Settings in the order of their numbers, so that T = 8 stands before T = 16."""
    return tuple(
        (key, float(value) if value.replace(".", "", 1).isdigit() else 0.0, value)
        for key, _, value in (word.partition("=") for word in result["settings"])
    )


# ---------------------------------------------------------------- the rest


def published_table(published: Sequence[Mapping[str, Any]]) -> Table:
    rows = [{**figure, "nats": f"{figure['nats']}{samples_of(figure)}"} for figure in published]
    head = ["data", "binarisation", "model", "nats", "source", "conditions"]
    return head, [[row[name] for name in head] for row in rows]


def code(result: Mapping[str, Any]) -> str:
    """Its commits, short."""
    return re.sub(r"([0-9a-f]{10})[0-9a-f]{30}", r"\1", result["commit"])


def commands(results: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"{result['train_command']}\n{result['likelihood']['command']}" for result in results]
    return folded("Commands", lines)


if __name__ == "__main__":
    sys.exit(main())
