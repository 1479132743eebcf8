"""What the pen loses: real drawings taken in and rendered again, with nothing generated: python -m benchmarks.pen

Drawings of Omniglot's validation alphabets are taken in at the size of a model and rendered again at their own 105
pixels. Printed, for every such size, and kept in FILE as JSON:

    parts, holes, both  the share that keep as many (`allograph.imaging.topology`)
    corners             of the places at which a centre line, smoothed over a pixel, turns by more than 60 degrees
                        between the 4 pixels before and the 4 after it: what is left of that turn (the most within 5
                        pixels)
    amount              of ink, of that before
    ink                 the overlap with the drawing before (intersection over union)
    told apart          with --judges SIZE: how often the judge of `--task turing` is right about them, beside another
                        drawing of the character; for people's drawings themselves as well. One judge is trained on one
                        half of the alphabets and tested on the other, and another the other way round

Errors: bootstrap over characters.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from allograph.data import load_dataset
from allograph.evaluation import Estimate, JudgeTraining
from allograph.evaluation.oneshot.judge import scores_of, train_judge
from allograph.evaluation.oneshot.line_up import shapes_of
from allograph.evaluation.oneshot.resampling import counts_of, units_of
from allograph.imaging.curves import resampled
from allograph.imaging.graph import line_graph
from allograph.imaging.placement import OMNIGLOT
from allograph.imaging.shapes import prune, signed_distance, skeleton
from allograph.imaging.spaces import SymbolSpace
from allograph.imaging.topology import topology_of

SIDE, REACH, NEAR, CORNER, SURE = 105, 4, 5.0, 60.0, 8.0


def again(drawing: np.ndarray, size: int) -> np.ndarray:
    """A drawing, bool (105, 105), taken in at a size and rendered again."""
    taken = SymbolSpace(size, OMNIGLOT).preprocess(Image.fromarray(drawing.astype(np.uint8) * 255), "light")
    return np.asarray(taken.style.render(SURE * (2 * taken.image - 1)).convert("L")) >= 128


def turns_of(mask: np.ndarray) -> np.ndarray:
    """Places along centre lines and how much each turns there, (n, 3): x, y, degrees."""
    mask = np.pad(mask, 1)
    found = [np.zeros((0, 3))]
    for line in line_graph(prune(skeleton(mask), signed_distance(mask)), OMNIGLOT.pen * SIDE):
        if len(line.points) <= 2 * REACH + 1:
            continue
        points = ndimage.gaussian_filter1d(resampled(line.points, 1.0), 1.0, axis=0, mode="nearest")
        points = np.concatenate([points, points[1 : 2 * REACH + 1]]) if line.loop else points
        before, after = points[REACH:-REACH] - points[: -2 * REACH], points[2 * REACH :] - points[REACH:-REACH]
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        turn = np.degrees(np.abs(np.arctan2(cross, (before * after).sum(1))))
        found.append(np.column_stack([points[REACH:-REACH], turn]))
    return np.concatenate(found)


def corners(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """How much a drawing turned at all its corners, and how much it does there now."""
    turns, now, was, still = turns_of(before), turns_of(after), 0.0, 0.0
    while len(turns) and turns[:, 2].max() > CORNER:
        place = turns[turns[:, 2].argmax()]
        near = now[np.linalg.norm(now[:, :2] - place[:2], axis=1) < NEAR]
        was, still = was + place[2], still + near[:, 2].max(initial=0.0)
        turns = turns[np.linalg.norm(turns[:, :2] - place[:2], axis=1) > 2 * REACH]
    return was, still


def told_apart(beside: np.ndarray, people: np.ndarray, others: np.ndarray, halves: np.ndarray, size: int) -> np.ndarray:
    """How much of it a judge tells rightly, of each drawing by people beside an exemplar and of the other one there."""
    pairs = [
        torch.stack([shapes_of(torch.from_numpy(one).float(), size) for one in (beside, drawn)], 1)
        for drawn in (people, others)
    ]
    right = np.zeros(len(beside))
    for half in (halves, ~halves):
        judge = train_judge(*(pair[half] for pair in pairs), JudgeTraining(), 0)
        real, other = (scores_of(judge, pair[~half]) for pair in pairs)
        right[~half] = ((real <= 0).double() + (other > 0).double()).numpy() / 2
    return right


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--through", type=int, nargs="+", default=[105, 52, 28], help="sizes at which to take in")
    parser.add_argument("--judges", type=int, nargs="*", default=[], help="sizes that judges see")
    parser.add_argument("--drawings", type=int, default=300)
    parser.add_argument("--data-dir", default=os.environ.get("ALLOGRAPH_DATA"))
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE")
    options = parser.parse_args()
    data = load_dataset("omniglot", options.data_dir).validation
    random = np.random.default_rng(0)
    chosen = random.choice(len(data.concept), options.drawings, replace=False)
    concepts = data.concept[chosen]
    weight = counts_of(units_of(data, concepts, "characters"), 0)
    drawings = data.drawings(chosen, SIDE)[:, 0].numpy() > 0.5
    known = np.array([topology_of(one)[:2] for one in drawings])
    two = [random.choice(np.setdiff1d(data.images_of(c), i), 2, False) for i, c in zip(chosen, concepts, strict=True)]
    beside, people = (data.drawings(column, SIDE)[:, 0].numpy() > 0.5 for column in np.array(two).T)
    families = np.unique(data.family)
    halves = np.isin(data.family[concepts], random.permutation(families)[: (len(families) + 1) // 2])
    table: dict[str, dict[str, Any]] = {}

    def keep(name: str, what: str, values: np.ndarray, of: np.ndarray | float = 1.0) -> None:
        one = Estimate.bootstrap(weight @ values / (weight @ np.broadcast_to(of, values.shape)))
        table.setdefault(name, {})[what] = vars(one)
        print(f"{name:16} {what:16} {100 * one.value:5.1f} ± {100 * one.error:.1f} %", flush=True)

    for size in options.judges:
        keep("people", f"told apart, {size}", told_apart(beside, people, drawings, halves, size))
    for through in options.through:
        rendered = np.stack([again(one, through) for one in drawings])
        same = np.array([topology_of(one)[:2] for one in rendered]) == known
        turned = np.array([corners(*pair) for pair in zip(drawings, rendered, strict=True)])
        overlap = (drawings & rendered).sum((1, 2)) / (drawings | rendered).sum((1, 2))
        name = f"through {through} px"
        keep(name, "parts", same[:, 0])
        keep(name, "holes", same[:, 1])
        keep(name, "both", same.all(1))
        keep(name, "corners", turned[:, 1], turned[:, 0])
        keep(name, "amount", *(one.sum((1, 2)).astype(float) for one in (rendered, drawings)))
        keep(name, "ink", overlap)
        for size in options.judges:
            keep(name, f"told apart, {size}", told_apart(beside, people, rendered, halves, size))
    if options.output:
        options.output.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
