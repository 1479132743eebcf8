"""Heavy symbols: where ink covers more than half of a picture, or of what is found in it, ink is still ink."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from allograph.imaging import preprocess

SIZE = 52
SIDE = 200
DARK, LIGHT = (25, 25, 35), (240, 238, 230)


def ring(inner: float, outer: float, gap: float = 0.0, margin: float = 0.03) -> np.ndarray:
    """An open ring's ink, bool (SIDE, SIDE): radii as shares of what the margin leaves, the gap to the right."""
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + 0.5 - SIDE / 2) / (SIDE / 2) / (1 - margin)
    away = np.hypot(x, y)
    return (away > inner) & (away < outer) & ~((x > 0) & (abs(y) < gap))


def painted(ink: np.ndarray, colour: tuple[int, ...], paper: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.where(ink[..., None], colour, paper).astype(np.uint8))


HEAVY = ring(0.5, 1.0, gap=0.2, margin=0.03)
"""More than half of the picture."""

THIN = ring(0.72, 0.78, gap=0.2)
"""Its centre line."""


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The share of each drawing that lies within a pixel of the other, the smaller of the two."""
    from scipy import ndimage

    one, other = one > 0.5, other > 0.5
    near = [ndimage.binary_dilation(drawing, np.ones((3, 3))) for drawing in (one, other)]
    return min(float((one & near[1]).sum() / one.sum()), float((other & near[0]).sum() / other.sum()))


@pytest.fixture(scope="module")
def thin() -> np.ndarray:
    return preprocess(painted(THIN, DARK, LIGHT), SIZE).drawing


def test_the_pictures_are_what_they_should_be(thin: np.ndarray) -> None:
    assert HEAVY.mean() > 0.505
    assert 0.02 < thin.mean() < 0.2
    rows, columns = np.nonzero(HEAVY)
    assert HEAVY[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].mean() > 0.53


@pytest.mark.parametrize("said", [False, True])
@pytest.mark.parametrize("light_ink", [False, True])
def test_ink_that_covers_more_than_half_of_a_picture_is_ink(thin: np.ndarray, light_ink: bool, said: bool) -> None:
    colour, paper = (LIGHT, DARK) if light_ink else (DARK, LIGHT)
    words = ("light" if light_ink else "dark") if said else "auto"
    exemplar = preprocess(painted(HEAVY, colour, paper), SIZE, words)
    assert exemplar.style.ink[:3] == pytest.approx(colour, abs=6)
    assert exemplar.style.paper[:3] == pytest.approx(paper, abs=6)
    assert agreement(exemplar.drawing, thin) > 0.9


def test_opaque_ink_on_a_transparent_sheet_is_ink_however_much_there_is(thin: np.ndarray) -> None:
    for colour in (DARK, LIGHT):
        sheet = np.dstack([np.full((SIDE, SIDE, 3), colour), HEAVY * 255]).astype(np.uint8)
        exemplar = preprocess(Image.fromarray(sheet), SIZE)
        assert exemplar.style.ink == (*colour, 255)
        assert agreement(exemplar.drawing, thin) > 0.9


def test_a_symbol_that_fills_its_own_box_within_a_large_page_is_ink(thin: np.ndarray) -> None:
    page = np.zeros((3 * SIDE, 3 * SIDE), bool)
    page[SIDE : 2 * SIDE, SIDE : 2 * SIDE] = HEAVY
    for colour, paper in ((DARK, LIGHT), (LIGHT, DARK)):
        exemplar = preprocess(painted(page, colour, paper), SIZE)
        assert exemplar.style.ink[:3] == pytest.approx(colour, abs=6)
        assert agreement(exemplar.drawing, thin) > 0.9
