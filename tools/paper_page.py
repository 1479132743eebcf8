"""docs/paper.md: each table and figure of the paper, ours beside it, from the result files and the published figures.

    python tools/paper_page.py            # writes the page
    python tools/paper_page.py --check    # status 1 if the page is not what the files say

A row of the paper names its preset in docs/published.toml; the result of that preset is docs/results/paper-NAME.json
(`python tools/experiments.py --group paper`). Beside it stands the best that any model here reached on the same images.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from allograph.report.parts import nats
from numbers_measured import folded, markdown
from numbers_page import PUBLISHED, RESULTS, ROOT, read_published, read_results

PAGE = ROOT / "docs" / "paper.md"

TABLES = {
    "table 1": ("Table 1: static MNIST", "mnist-static"),
    "table 2": ("Table 2: Multi-MNIST, 64 x 64, two digits at random places", "multi-mnist-64"),
    "table 3": ("Table 3: Omniglot, 28 x 28, Burda's file", "omniglot-burda"),
    "table 4": ("Table 4: Omniglot, 52 x 52, 2 x 2 maxima", "omniglot-52"),
    "figure 5": ("Figure 5: from one exemplar, by split", "omniglot-52"),
}

INTRODUCTION = """\
# The paper, row by row

`python tools/paper_page.py` makes this page from [published.toml](published.toml) and the result files in
`docs/results`; nobody edits it by hand. The tables show free energies of the test part in nats per image; lower is
better; ± is the standard error over the images. The paper is Rezende et al., *One-Shot Generalization in Deep
Generative Models*, ICML 2016. It trained on about 19.2 million images for each row.

- **Its settings, here** is our model with the row's preset: LSTM of 400 units, glimpses of 12 x 12, sprites of 10 x 10,
  z of 4 numbers a step, a canvas of 4 channels, batches of 24. All rows are trained for the same time on one core, so
  they show the paper's order rather than its values. "not yet" means that nobody has trained it.
- **Best here** is the lowest free energy of any model on the same images ([Numbers](numbers.md) has its command).

`python tools/experiments.py --group paper` trains and measures every row that has no result, one after the other, on
one thread; the same command continues a run that was stopped. The presets decide what the paper leaves open: the
optimiser, the number of windows of multi-ST (here 2), and how the grey values of Multi-MNIST become binary.
"""

FIGURES = """\
## Figures

| figure | what it shows | here |
| --- | --- | --- |
| 3, 6, 8 | samples from nothing | `allograph invent --model FILE -n 36`; the [gallery](gallery.md) |
| 4 | KL of each step on MNIST, 20 steps | `kl_per_step` in result files; `allograph report docs/results` plots it |
| 5 | gap of training and test part by split | the table above; `allograph evaluate likelihood --part training` |
| 7 | faces (Multi-PIE, which is not free) | `allograph train umist --preset paper/faces-32`: UMIST stands in for them |
| 9, 10 | new exemplars, weak and strong | `paper/one-shot-weak`, `paper/one-shot-30-20`; [examples](oneshot.md) |
| 11 | new characters of a novel alphabet | `paper/alphabet-45-5`; [From one example](oneshot.md) |

The conclusion names two more inferences: missing-data completion, [Complete a symbol](completion.md), and analogies,
`allograph write A.png --as B1.png,B2.png` ([Gallery](gallery.md)).
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if the page is stale")
    check = parser.parse_args().check
    text = page(read_results(RESULTS), read_published(PUBLISHED))
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.relative_to(ROOT)} is stale: run python tools/paper_page.py", file=sys.stderr)
        return 1
    return 0


def page(results: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    rows = [figure for figure in published if "preset" in figure]
    parts = [INTRODUCTION]
    for place, (title, data) in TABLES.items():
        own = [figure for figure in rows if figure["source"].endswith(place)]
        parts += [f"## {title}\n", *table(own, data, results)]
    return "\n".join([*parts, FIGURES])


def table(rows: Sequence[Mapping[str, Any]], data: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """One of the paper's tables, and how its rows are made again."""
    cells, commands = [], []
    for row in rows:
        name = row["preset"].replace("/", "-")
        ours = next((result for result in results if result["experiment"] == name), None)
        preset = f"`{row['preset']}`"
        if ours is None:
            cells.append([row["model"], f"{row['nats']}", "not yet", "", preset])
        else:
            figure = _figure(ours)
            length = f"{ours['steps']:,} steps, {ours['minutes']:g} min"
            cells.append([row["model"], f"{row['nats']}", nats(figure["free_energy"]), length, preset])
            commands.append(f"{ours['train_command']}\n{ours['likelihood']['command']}")
    parts = [markdown(["row", "paper", "its settings, here", "trained for", "preset"], cells)]
    if best := _best(data, results):
        free, bound = best["likelihood"]["without"]["free_energy"], best["likelihood"]["without"]["bound"]
        parts.append(
            f"Best here: {nats(free)} ({best['experiment']}, {best['minutes']:g} min of training; bound of "
            f"{best['likelihood']['samples']:,} samples {nats(bound)}).\n"
        )
    return [*parts, *([folded("Commands", commands)] if commands else [])]


def _figure(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is given an exemplar, if anything is."""
    return result["likelihood"].get("given") or result["likelihood"]["without"]


def _best(data: str, results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best result from nothing on the whole test part of these images."""
    found = [one for one in results if one["data"] == data and one["likelihood"]["part"] == "test"]
    return min(found, key=lambda one: one["likelihood"]["without"]["free_energy"]["mean"], default=None)


if __name__ == "__main__":
    sys.exit(main())
