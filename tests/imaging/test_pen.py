"""Intake and rendering keep what is small: gaps, rings, dots, corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from allograph.imaging import Exemplar, preprocess, render
from allograph.imaging.homotopy import counts, residue, without_specks
from allograph.imaging.shapes import signed_distance
from allograph.imaging.topology import topology_of

Box = tuple[int, int, int, int]


def drawn(*strokes: Box, holes: tuple[Box, ...] = ()) -> np.ndarray:
    """Ink, bool (105, 105), with a pen five pixels wide: boxes (top, bottom, left, right)."""
    ink = np.zeros((105, 105), bool)
    for value, boxes in ((True, strokes), (False, holes)):
        for top, bottom, left, right in boxes:
            ink[top:bottom, left:right] = value
    return ink


CASES = {
    "a ring three pixels wide": drawn((20, 80, 60, 65), (40, 53, 52, 65), holes=((45, 48, 57, 60),)),
    "a flat ring": drawn((20, 80, 60, 65), (40, 53, 40, 65), holes=((45, 48, 45, 60),)),
    "a gap of one pixel": drawn((20, 85, 30, 35), (50, 55, 36, 75)),
    "a frame open by one pixel": drawn((20, 85, 30, 35), (20, 25, 30, 75), (20, 85, 70, 75), (80, 85, 36, 75)),
    "two dots": drawn((20, 25, 20, 90), (50, 55, 48, 53), (50, 55, 54, 59)),
    "a dot beside a stroke": drawn((25, 85, 40, 45), (40, 45, 46, 51), (60, 65, 60, 65)),
    "a right angle": drawn((25, 30, 30, 80), (25, 80, 30, 35)),
    "a T": drawn((25, 30, 25, 85), (25, 85, 50, 55)),
}


def again(ink: np.ndarray, size: int) -> tuple[Exemplar, np.ndarray]:
    """What a model of this size sees, and the ink of the picture that is rendered from it."""
    exemplar = preprocess(Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)), size)
    return exemplar, np.asarray(render(16 * exemplar.drawing - 8, exemplar.style).convert("L")) < 128


@pytest.mark.parametrize("size", [28, 52, 105])
@pytest.mark.parametrize("name", CASES)
def test_parts_and_holes_are_as_many_as_they_were(name: str, size: int) -> None:
    _, back = again(CASES[name], size)
    assert topology_of(back)[:2] == topology_of(CASES[name])[:2]


@pytest.mark.parametrize("size", [52, 105])
def test_a_corner_stays_a_corner(size: int) -> None:
    _, back = again(CASES["a right angle"], size)
    # The pen's own round tip is all that is missing: half a pen from the corner of both edges there is ink, and the
    # inner corner is as sharp as the pixels show.
    assert back[27, 32]
    assert not back[32:, 37:].any()
    assert back[26:29, 36:78].all()
    assert back[36:78, 31:34].all()


def test_what_the_model_is_unsure_of_may_close() -> None:
    exemplar, _ = again(CASES["a gap of one pixel"], 52)
    ink = exemplar.drawing > 0
    gap = ndimage.binary_closing(ink, np.ones((3, 3))) & ~ink
    parts = []
    for between in (-8.0, -0.1):  # probabilities of ink: 0.0003 and 0.475
        logits = np.where(gap, between, np.where(ink, 8.0, -8.0))
        parts.append(topology_of(np.asarray(render(logits, exemplar.style).convert("L")) < 128).parts)
    assert parts == [2, 1]


def test_what_must_stay_is_one_pixel_wide() -> None:
    ring = np.zeros((15, 20), bool)
    ring[3:12, 3:12] = True
    ring[6:9, 6:9] = False
    apart = ring.copy()
    apart[3:12, 14:17] = True
    filled = apart.copy()
    filled[3:12, 3:17] = True
    left = residue(apart, filled, signed_distance(apart))
    assert left[6:9, 6:9].sum() == 1  # of the hole
    assert left[:, 12:14].sum() == 9  # of the gap, from end to end
    assert counts(filled & ~left) == counts(apart) == (2, 2)
    assert not residue(ring, ring, signed_distance(ring)).any()


def test_specks_and_pinholes_go() -> None:
    ink = CASES["a gap of one pixel"].copy()
    ink[30, 32] = False
    ink[90, 90] = True
    assert (without_specks(ink, 3) == CASES["a gap of one pixel"]).all()


def test_grain_is_smoothed_and_clean_edges_are_not() -> None:
    clean = np.where(CASES["a gap of one pixel"], 0.0, 255.0)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255)
    for picture in (clean, noisy):
        exemplar = preprocess(Image.fromarray(picture.round().astype(np.uint8)), 105)
        assert topology_of(exemplar.drawing > 0).holes == 0
        assert topology_of(exemplar.drawing > 0).ends in (3, 4)


@pytest.mark.parametrize("size", [52, 105])
@pytest.mark.parametrize("degrees", [0, 22, 45, 68, 90])
def test_a_line_stays_as_wide_and_as_long_as_it_was(degrees: int, size: int) -> None:
    y, x = np.mgrid[:105, :105] - 52.3
    across, along = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    ink = (abs(x * across + y * along) <= 2.5) & (abs(y * across - x * along) <= 33)
    _, back = again(ink, size)
    assert back.sum() == pytest.approx(ink.sum(), rel=0.05)
    lengths = [np.ptp((y * across - x * along)[one]) for one in (ink, back)]
    assert lengths[1] == pytest.approx(lengths[0], abs=2.5)


@pytest.mark.parametrize(("pen", "bars"), [(2, 2), (2, 4), (3, 6), (4, 4)])
def test_strokes_a_pixel_apart_keep_their_ink(pen: int, bars: int) -> None:
    drawn = np.full((52, 52), -8.0)
    for top in range(10, 10 + bars * (pen + 1), pen + 1):
        drawn[top : top + pen, 11:41] = 8
    exemplar = preprocess(Image.fromarray(np.where(CASES["a T"], 0, 255).astype(np.uint8)), 52)
    style = replace(exemplar.style, frame=(0, 0, 520), width=520, height=520, stroke_width=pen, pen_width=pen)
    back = np.asarray(render(drawn, style).convert("L")) < 128
    assert back.sum() / 100 > 0.75 * (drawn > 0).sum()


@pytest.mark.parametrize(("wanted", "least"), [(2.0, 5), (2.2, 3), (2.4, 2), (2.6, 1)])
def test_the_slit_of_a_narrow_u_stays_open(wanted: float, least: int) -> None:
    drawn = np.full((52, 52), -8.0)
    drawn[15:35, 20:22] = drawn[15:35, 23:25] = drawn[35:37, 20:25] = 8
    exemplar = preprocess(Image.fromarray(np.where(CASES["a T"], 0, 255).astype(np.uint8)), 52)
    style = replace(exemplar.style, frame=(0, 0, 520), width=520, height=520, stroke_width=wanted, pen_width=2.0)
    back = np.asarray(render(drawn, style).convert("L")) < 128
    assert topology_of(back)[:3] == (1, 0, 2)
    for row in range(190, 330, 10):
        rise = np.flatnonzero(np.diff(back[row].astype(int)))
        assert len(rise) == 4, row  # two strokes
        assert np.diff(rise)[[0, 2]] == pytest.approx(10 * wanted, abs=2)
        assert np.diff(rise)[1] >= least


@pytest.mark.parametrize("wanted", [1.5, 6, 9])
def test_dashes_are_as_wide_as_the_pen(wanted: float) -> None:
    exemplar = preprocess(Image.fromarray(np.where(CASES["a T"], 0, 255).astype(np.uint8)), 52)
    for long in (4, 12, 30):
        drawn = np.full((52, 52), -8.0)
        drawn[24:27, 10 : 10 + long] = 8
        style = replace(exemplar.style, frame=(0, 0, 520), width=520, height=520, stroke_width=wanted, pen_width=3.0)
        back = np.asarray(render(drawn, style).convert("L")) < 128
        assert back.any(1).sum() / 10 == pytest.approx(wanted, abs=0.25), long
        assert back.any(0).sum() / 10 == pytest.approx(long + wanted - 3, abs=1)


@pytest.mark.parametrize("wanted", [2.5, 5.0, 9.0])
def test_a_wide_pen_leaves_the_paper_blank_where_joints_are_mended(wanted: float) -> None:
    exemplar = preprocess(Image.fromarray(np.where(CASES["a T"], 0, 255).astype(np.uint8)), 52)
    style = replace(exemplar.style, frame=(0, 0, 104), width=104, height=104, stroke_width=wanted)
    rng = np.random.default_rng(0)
    for _ in range(60):
        canvas = Image.new("L", (52, 52))
        for _ in range(rng.integers(2, 5)):
            ends = rng.integers(14, 38, 4).tolist()
            ImageDraw.Draw(canvas).line(ends, fill=255, width=int(rng.integers(1, 4)))
        ink = np.asarray(canvas) > 0
        back = np.asarray(render(np.where(ink, 8.0, -8.0), style).convert("L")) < 128
        away = ndimage.distance_transform_edt(~ink.repeat(2, 0).repeat(2, 1))
        assert not back[away > 2 * (wanted / 2 + 2)].any()
