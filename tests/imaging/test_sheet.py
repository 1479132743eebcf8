"""Contact sheets and animations show what they should, where they should."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging import Exemplar, animate, contact_sheet, preprocess, render
from allograph.imaging.sheet import ACCENT, lay_out

SIZE = 52


@pytest.fixture(scope="module")
def exemplar(symbol: np.ndarray, on_paper: Callable[..., Image.Image]) -> Exemplar:
    return preprocess(on_paper(symbol, (20, 20, 20), (250, 250, 250)), SIZE)


@given(count=st.integers(1, 120), columns=st.none() | st.integers(1, 20))
def test_tiles_lie_on_the_page_and_never_on_each_other(count: int, columns: int | None) -> None:
    layout = lay_out(count, columns)
    assert len(layout.cells) == count
    taken = np.zeros(layout.size[::-1], bool)
    for left, top, side in (layout.exemplar, *layout.cells):
        assert min(left, top) > 0
        assert left + side < layout.size[0]
        assert top + side < layout.size[1]
        assert not taken[top : top + side, left : left + side].any()
        taken[top : top + side, left : left + side] = True
    if columns is not None:
        assert len({left for left, _, _ in layout.cells}) <= columns


def test_sixteen_drawings_and_the_exemplar_fill_the_page() -> None:
    layout = lay_out(16)
    side = layout.cells[0][2]
    assert layout.exemplar[2] > 2 * side
    assert len(layout.cells) + 4 == len({c[0] for c in layout.cells}) * len({c[1] for c in layout.cells})


def test_impossible_sheets_are_refused() -> None:
    with pytest.raises(AllographError, match="at least one drawing"):
        lay_out(0)
    with pytest.raises(AllographError, match="0 columns"):
        lay_out(4, 0)


def test_the_sheet_marks_the_exemplar_and_shows_every_drawing(exemplar: Exemplar) -> None:
    blank = np.full((SIZE, SIZE), -9.0)
    pictures = [render((exemplar.drawing - 0.5) * 16, exemplar.style), render(blank, exemplar.style)]
    pictures[0] = pictures[0].resize((60, 60))  # drawings may come in a size of their own
    sheet = np.asarray(contact_sheet(exemplar, pictures)).astype(int)
    layout = lay_out(2)

    def inked(place: tuple[int, int, int]) -> float:
        left, top, side = place
        part = sheet[top + 4 : top + side - 4, left + 4 : left + side - 4]
        return float((part.max(-1) < 110).mean())

    shares = [inked(place) for place in (layout.exemplar, *layout.cells)]
    assert shares[0] == pytest.approx(shares[1], rel=0.25)
    assert shares[0] > 0.03
    assert shares[2] == 0
    accent = np.argwhere(abs(sheet - ACCENT).max(-1) < 6)
    left, top, side = layout.exemplar
    reach = 10
    assert len(accent) > 4 * side
    assert (accent >= (top - reach, left - reach)).all()
    assert (accent <= (top + side + reach, left + side + reach)).all()


def test_a_symbol_far_off_in_a_large_picture_still_fills_its_tile(
    draw: Callable[..., np.ndarray], on_paper: Callable[..., Image.Image]
) -> None:
    far = preprocess(on_paper(draw(900, 6, (300, 320), 0.15)), SIZE)
    sheet = contact_sheet(far, [render((far.drawing - 0.5) * 16, far.style)])
    for left, top, side in (lay_out(1).exemplar, *lay_out(1).cells):
        dark = np.asarray(sheet.convert("L").crop((left + 4, top + 4, left + side - 4, top + side - 4))) < 110
        rows, columns = np.nonzero(dark)
        assert max(np.ptp(rows), np.ptp(columns)) > 0.5 * side


@pytest.mark.parametrize("reading", ["each", "none"])
def test_the_animation_grows_moves_and_ends_with_the_drawings(tmp_path: Path, exemplar: Exemplar, reading: str) -> None:
    n, steps = 2, 3
    final = (exemplar.drawing - 0.5) * 16
    rows = np.arange(SIZE)[:, None]
    canvases = np.stack([np.where(rows < SIZE * (t + 1) / steps, final, -8.0) for t in range(steps)])
    windows = np.zeros((n, steps, 2, 3))
    windows[..., 0, 0] = windows[..., 1, 1] = 0.3
    windows[..., 1, 2] = np.linspace(-0.6, 0.6, steps)
    reads = windows if reading == "each" else windows[:, :0]
    path = tmp_path / "growing.webp"
    animate(path, [exemplar.style.grow(canvases[:, None])] * n, windows, reads, exemplar=exemplar)
    assert os.listdir(tmp_path) == ["growing.webp"]

    with Image.open(path) as film:
        frames = []
        for k in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB")).astype(int))
    left, top, side = lay_out(n, None, 144).cells[0]
    tiles = [frame[top + 6 : top + side - 6, left + 6 : left + side - 6] for frame in frames]
    inked = [(t.max(-1) < 110).sum() for t in tiles]
    assert inked[0] < 0.5 * inked[-1]
    orange = [t[..., 0] - t[..., 2] > 70 for t in tiles]
    assert not orange[-1].any()  # the last frame is the drawings alone
    heights = [np.argwhere(o)[:, 0].mean() for o in orange if o.sum() > 40]
    assert heights[-1] - heights[0] > 0.5 * side  # the window went down the page, as its shifts say
    x, y, large = lay_out(n, None, 144).exemplar
    teal = [(abs(f[y + 8 : y + large - 8, x + 8 : x + large - 8] - ACCENT).max(-1) < 50).any() for f in frames]
    assert any(teal) == (reading != "none")
    assert not teal[-1]


def test_light_ink_on_a_transparent_sheet_is_shown_on_dark(exemplar: Exemplar) -> None:
    style = replace(exemplar.style, ink=(255, 255, 255, 255), paper=(255, 255, 255, 0), has_alpha=True)
    clear = replace(exemplar, style=style)
    sheet = contact_sheet(clear, [render((exemplar.drawing - 0.5) * 16, style)])
    left, top, side = lay_out(1).cells[0]
    tile = np.asarray(sheet.convert("L").crop((left + 5, top + 5, left + side - 5, top + side - 5)))
    assert tile.min() < 60
    assert tile.max() > 240
