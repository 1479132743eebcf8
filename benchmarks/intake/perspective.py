"""Is a page seen at an angle worth straightening? Drawings in the model's space, with and without a homography.

    python -m benchmarks.intake.perspective [--each N] [--seed S]

A square page with a symbol lies on a desk, tilted away from the camera about any axis. Its drawing as the model sees it
is compared with that of the symbol itself: as it is, with the page's corners brought to a rectangle of its sides' own
lengths, and to the square that the page is, which nobody knows of a real one.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "src")]

from PIL import Image  # noqa: E402
from scipy import ndimage  # noqa: E402

from allograph.imaging.finding import FoundInk, find_in  # noqa: E402
from allograph.imaging.masks import components  # noqa: E402
from allograph.imaging.page import corners_of, straightened  # noqa: E402
from allograph.imaging.preprocessing import exemplar_of, preprocess  # noqa: E402
from allograph.imaging.widths import stroke_width  # noqa: E402

_TILTS = (0, 30, 15, 45)
_SIDE, _PAGE, _MODEL = 560, 400, 105
_AWAY = 2.2
"""The camera's distance, in sides of the page."""

_WAYS = ("as it is", "straightened", "known to be square")


def main() -> None:
    from benchmarks.intake.conditions import _DESKS, _desk
    from benchmarks.intake.scenes import scene, warped
    from benchmarks.intake.shapes import load_shapes

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=24, help="pictures of each tilt", metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="other symbols and other noise", metavar="S")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    shapes, _ = load_shapes(options.seed, 40)
    print(f"| tilt | page found | {' | '.join(f'{way}: shape, parts' for way in _WAYS)} |\n|{' --- |' * 5}")
    for tilt in _TILTS:
        done: dict[str, list[tuple[float, bool]]] = {way: [] for way in _WAYS}
        pages = 0
        for k in range(options.each):
            random = np.random.default_rng([31, options.seed, k])
            made = scene(shapes[k % len(shapes)], random, side=(_PAGE, _PAGE), share=random.uniform(0.35, 0.65))
            assert made.ink is not None
            corners = _seen(tilt, random.uniform(-90, 90))
            on = warped(np.ones(made.ink.shape, np.float32), corners, (_SIDE, _SIDE), 0).clip(0, 1)[..., None]
            page = warped(made.picture, corners, (_SIDE, _SIDE), 0)
            desk = _desk(random, (_SIDE, _SIDE), _DESKS[k % len(_DESKS)], 0.3)
            photo = _image(desk * (1 - on) + page * on + random.normal(0, 1, page.shape))
            truth = preprocess(_image(255 * (1 - made.ink)), _MODEL, "dark").drawing > 0.5
            found = find_in(photo)
            pages += found.segmentation.page is not None
            for way in _WAYS:
                drawing = _drawing(found, way)
                done[way].append((_alike(drawing, truth), components(drawing)[1] == components(truth)[1]))
        cells = [
            f"{np.mean([s for s, _ in one]):.3f}, {100 * np.mean([p for _, p in one]):.0f} %" for one in done.values()
        ]
        print(f"| {tilt}° | {pages} of {options.each} | {' | '.join(cells)} |", flush=True)


def _image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


def _seen(tilt: float, turn: float) -> np.ndarray:
    """The corners (4, 2) of a square page that is tilted about an axis turned by `turn`, both in degrees."""
    tilt, turn = np.radians((tilt, turn))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    across, down = (np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) @ turned.T).T
    seen = np.stack([across, down * np.cos(tilt)], 1) / (1 + down[:, None] * np.sin(tilt) / _AWAY) @ turned
    seen -= (seen.max(0) + seen.min(0)) / 2
    return (0.42 * seen / np.abs(seen).max() + 0.5) * _SIDE


def _drawing(found: FoundInk, way: str) -> np.ndarray:
    """What the model sees of the page: without its homography, with it, or stretched to the square that it is."""
    corners = None if found.segmentation.page is None else corners_of(found.segmentation.page)
    if way == "as it is" or corners is None:
        found = replace(found, segmentation=replace(found.segmentation, page=None))
    elif way == "known to be square":
        strength = straightened(found.strength, corners)
        side = max(strength.shape)
        strength = np.asarray(Image.fromarray(strength).resize((side, side), Image.Resampling.BILINEAR))
        seen = replace(found.segmentation, mask=strength > 0.5, page=None)
        found = replace(found, segmentation=seen, strength=strength, width=stroke_width(strength > 0.5))
    return exemplar_of(found, _MODEL).drawing > 0.5


def _alike(drawing: np.ndarray, truth: np.ndarray) -> float:
    """The harmonic mean of precision and recall of the ink, to a pixel."""
    hit = (drawing & ndimage.binary_dilation(truth)).sum() / max(drawing.sum(), 1)
    held = (truth & ndimage.binary_dilation(drawing)).sum() / max(truth.sum(), 1)
    return float(2 * hit * held / max(hit + held, 1e-9))


if __name__ == "__main__":
    main()
