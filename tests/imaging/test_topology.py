"""Parts, holes, ends and crossings of drawings made by hand, whose counts are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from allograph.imaging.topology import Topology, parts_and_holes, topology_of

SIDE = 105
CENTRE = np.array([52.0, 52.0])


def drawn(*strokes: list[tuple[float, float]], side: int = SIDE, turn: float = 0.0) -> np.ndarray:
    """Lines of a pen of 5 pixels of 105 with round ends, turned about the middle."""
    fine, pen = 4 * side, 4 * 5 * side / SIDE
    picture = Image.new("L", (fine, fine))
    pencil = ImageDraw.Draw(picture)
    cos, sin = math.cos(turn), math.sin(turn)
    for stroke in strokes:
        away = np.array(stroke, float) - CENTRE
        points = (away @ np.array([[cos, sin], [-sin, cos]]) + CENTRE) * fine / SIDE
        pencil.line([tuple(point) for point in points], 255, round(pen), joint="curve")
        for x, y in (points[0], points[-1]):
            pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), 255)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX)) > 127


def ring(radius: float = 22.0) -> list[tuple[float, float]]:
    return [(52 + radius * math.cos(a), 52 + radius * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 90)]


LINE, ACROSS = [(52, 20), (52, 84)], [(20, 52), (84, 52)]

SHAPES = {
    "line": ([LINE], Topology(1, 0, 2, 0)),
    "corner": ([[(30, 20), (30, 80), (80, 80)]], Topology(1, 0, 2, 0)),
    "ring": ([ring()], Topology(1, 1, 0, 0)),
    "plus": ([LINE, ACROSS], Topology(1, 0, 4, 1)),
    "tee": ([[(20, 30), (84, 30)], [(52, 30), (52, 84)]], Topology(1, 0, 3, 1)),
    "ring with a tail": ([ring(16), [(68, 52), (96, 52)]], Topology(1, 1, 1, 1)),
    "crossed ring": ([ring(), [(52, 10), (52, 94)]], Topology(1, 2, 2, 2)),
    "line and dot": ([LINE, [(84, 52), (84, 52)]], Topology(2, 0, 2, 0)),
    "ladder": (
        [[(35, 15), (35, 90)], [(70, 15), (70, 90)], [(35, 35), (70, 35)], [(35, 70), (70, 70)]],
        Topology(1, 1, 4, 4),
    ),
    "two rings": ([ring(10), ring(30)], Topology(2, 2, 0, 0)),
}


@pytest.mark.parametrize("side", [28, 52, 105])
@pytest.mark.parametrize("name", SHAPES)
def test_known_shapes_have_known_counts_at_every_size(name: str, side: int) -> None:
    strokes, expected = SHAPES[name]
    assert topology_of(drawn(*strokes, side=side)) == expected


@pytest.mark.parametrize("turn", [0.3, 0.8, 1.9])
@pytest.mark.parametrize("name", ["corner", "plus", "crossed ring", "ladder", "line and dot"])
def test_turned_shapes_keep_their_counts(name: str, turn: float) -> None:
    strokes, expected = SHAPES[name]
    assert topology_of(drawn(*strokes, turn=turn)) == expected


def test_specks_and_pinholes_do_not_count_but_dots_and_small_rings_do() -> None:
    mask = drawn(LINE)
    mask[10, 10] = mask[60, 90] = True
    mask[50, 52] = False
    assert topology_of(mask) == Topology(1, 0, 2, 0)
    mask[80:83, 90:93] = True
    assert topology_of(mask).parts == 2
    mask[30:33, 51:54] = False
    assert topology_of(mask).holes == 1


def test_paper_without_ink_and_ink_without_paper() -> None:
    assert topology_of(np.zeros((28, 28), bool)) == Topology(0, 0, 0, 0)
    full = topology_of(np.ones((28, 28), bool))
    assert (full.parts, full.holes) == (1, 0)


def test_ink_at_the_rim_encloses_nothing_with_it() -> None:
    assert topology_of(drawn([(0, 52), (104, 52)])).holes == 0
    corner = np.zeros((40, 40), bool)
    corner[:20, 15:20] = corner[15:20, :20] = True
    assert topology_of(corner).holes == 0, "the picture's rim is no ink"


def test_ink_that_covers_the_picture_has_one_part_and_no_hole() -> None:
    assert topology_of(np.ones((52, 52), bool))[:2] == parts_and_holes(np.ones((52, 52), bool)) == (1, 0)


def test_parts_and_holes_are_the_first_two_counts() -> None:
    rng = np.random.default_rng(0)
    for blur in (0.8, 1.5, 3.0):
        for noise in rng.normal(size=(20, 40, 40)):
            mask = ndimage.gaussian_filter(noise, blur) > 0.02
            assert topology_of(mask)[:2] == parts_and_holes(mask)
