"""The benchmark of the intake: is the ink of any picture found?

    python -m benchmarks.intake [--each N] [--only WORD ...] [--held-out] [--megapixels M] [--methods]
                               [--sheet DIR] [-o FILE]

True ink of several sources (strokes made on the spot, Omniglot, glyphs of this machine's fonts) is put under some forty
conditions, each at several strengths; and there are pictures without ink. Prints a table and writes FILE. Strengths and
seeds are those that the intake may be tuned on; with --held-out they are others, which it must not be.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src")]

_TUNED = (0.1, 0.4, 0.7, 1.0)
_HELD_OUT = (0.0, 0.25, 0.55, 0.85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=3, help="pictures of each condition and strength", metavar="N")
    parser.add_argument("--only", nargs="+", help="conditions whose name holds one of these", metavar="WORD")
    parser.add_argument("--held-out", action="store_true", help="strengths and seeds that nothing was tuned on")
    parser.add_argument("--seed", type=int, help="other symbols and other noise")
    parser.add_argument("--megapixels", type=float, help="enlarge every picture to this size: for times", metavar="M")
    parser.add_argument("--jobs", type=int, default=1, help="processes", metavar="N")
    parser.add_argument("--methods", action="store_true", help="also the field's: Otsu, Sauvola, Wolf, morphology")
    parser.add_argument("--sheet", type=Path, help="also show every picture with the ink found", metavar="DIR")
    parser.add_argument("-o", dest="output", type=Path, help="keep the table as JSON", metavar="FILE")
    parser.add_argument("--compare", type=Path, nargs=2, help="two kept tables side by side", metavar="FILE")
    options = parser.parse_args()
    if options.compare:
        compare(*(json.loads(path.read_text()) for path in options.compare))
        return
    warnings.simplefilter("ignore")
    result = run(options)
    show(result)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every condition at every strength."""
    import benchmarks.intake.conditions_more as more
    import numpy as np
    from benchmarks.intake.conditions import CONDITIONS
    from benchmarks.intake.measures import measure
    from benchmarks.intake.methods import METHODS
    from benchmarks.intake.scenes import Scene
    from benchmarks.intake.shapes import load_shapes
    from benchmarks.intake.table import best_of, row, total

    seed = options.seed if options.seed is not None else (1 if options.held_out else 0)
    strengths = _HELD_OUT if options.held_out else _TUNED
    shapes, missing = load_shapes(seed, min(180, len(CONDITIONS) * len(strengths) * options.each))
    for absent in missing:
        print(f"not here: {absent}", file=sys.stderr)
    names = [name for name in CONDITIONS if not options.only or any(word in name for word in options.only)]
    ways = list(METHODS) if options.methods else ["allograph"]
    work = partial(_condition, shapes, seed, strengths, options.each, options.megapixels, options.sheet, ways)
    with ProcessPoolExecutor(options.jobs) as pool:
        done = dict(zip(names, (pool.map if options.jobs > 1 else map)(work, names), strict=True))
    blanks = [
        measure(Scene(None, blank(np.random.default_rng([seed, 99, place, k]))))[0]
        for place, blank in enumerate(more.BLANKS.values())
        for k in range(2 * options.each)
    ]
    ways = {way: [one for measured in done.values() for one in measured[way]] for way in ways}
    everything = ways["allograph"]
    methods = {
        way: {**total(theirs), "best of it and ours": best_of(everything, theirs)} for way, theirs in ways.items()
    }
    return {
        "command": " ".join(["python -m benchmarks.intake", *sys.argv[1:]]),
        "seed": seed,
        "strengths": strengths,
        "sources": sorted({shape.source for shape in shapes}),
        "missing": missing,
        "rows": {name: row(measured["allograph"]) for name, measured in done.items()},
        "total": total(everything),
        "methods": methods if options.methods else {},
        "blank refused": sum(blank.refused is not None for blank in blanks) / len(blanks),
        "lines": sorted({m.refused for m in everything if m.refused}),
        "pictures": len(everything),
    }


def _condition(
    shapes: list[Any],
    seed: int,
    strengths: tuple[float, ...],
    each: int,
    megapixels: float | None,
    sheets: Path | None,
    ways: list[str],
    name: str,
) -> dict[str, list[Any]]:
    """The pictures of one condition, measured in each way; the sheet of ours."""
    import benchmarks.intake.conditions_more  # noqa: F401 - it registers
    import numpy as np
    from benchmarks.intake.conditions import CONDITIONS
    from benchmarks.intake.measures import measure
    from benchmarks.intake.methods import METHODS
    from benchmarks.intake.scenes import enlarged
    from benchmarks.intake.sheets import Sheet

    warnings.simplefilter("ignore")
    place = list(CONDITIONS).index(name)
    number = place * len(strengths) * each
    sheet, done = Sheet(), {way: [] for way in ways}
    for strength in strengths:
        for k in range(each):
            random = np.random.default_rng([seed, place, round(100 * strength), k])
            made = CONDITIONS[name](shapes[number % len(shapes)], strength, random)
            if megapixels:
                made = enlarged(made, megapixels)
            number += 1
            for way in ways:
                measured, found = measure(made, METHODS[way])
                done[way].append(measured)
                if way == ways[0]:
                    sheet.add(made, measured, found, strength)
    if sheets:
        sheet.save(sheets / f"{place:02d}-{name.replace(' ', '-').replace(',', '')}.png")
    print(f"{name}: {np.mean([one.iou for one in done[ways[0]]]):.3f}", file=sys.stderr, flush=True)
    return done


def show(result: dict[str, Any]) -> None:
    """The tables, in Markdown."""
    _table("condition", {**result["rows"], "**all**": result["total"]})
    print(f"\nblank pictures refused: {100 * result['blank refused']:.1f} %; {result['pictures']} pictures")
    if result["methods"]:
        print()
        _table("method", result["methods"])


def _table(first: str, rows: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"| {first} | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for name, values in rows.items():
        cells = (
            f"{v:.3f}" if key.startswith(("iou", "best", "mean", "worst")) else f"{100 * v:.1f} %"
            for key, v in values.items()
        )
        print(f"| {name} | {' | '.join(cells)} |")


def compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Two tables as one, in Markdown: each figure as it was and as it is."""
    kept = {"iou": "overlap (IoU)", "refused": "refused, %", "wrong, silent": "wrong and silent, %"}
    kept |= {"parts": "parts, %", "width": "width, %"}
    print(f"| condition | {' | '.join(kept.values())} |\n|{' --- |' * (len(kept) + 1)}")
    for name in [*after["rows"], "**all**"]:
        pair = [table["total"] if name == "**all**" else table["rows"][name] for table in (before, after)]
        cells = []
        for key in kept:
            shown = [f"{row[key]:.2f}" if key == "iou" else f"{100 * row[key]:.0f}" for row in pair]
            cells.append(shown[0] if shown[0] == shown[1] else f"{shown[0]} → **{shown[1]}**")
        print(f"| {name} | {' | '.join(cells)} |")
    for label, table in (("before", before), ("after", after)):
        total = table["total"]
        shares = ("polarity", "refused", "wrong, silent", "warned")
        said = ", ".join(f"{key} {100 * total[key]:.1f} %" for key in shares)
        blank = f"blank pictures refused {100 * table['blank refused']:.0f} %"
        print(f"\n{label}: {said}, {blank}; {table['pictures']} pictures: `{table['command']}`")


if __name__ == "__main__":
    main()
