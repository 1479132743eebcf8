"""Several symbols in one picture, and what is said of a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.imaging import preprocess
from allograph.imaging.cutting import split_picture
from allograph.imaging.finding import find_in
from allograph.imaging.inspection import inspect_picture
from allograph.imaging.masks import components
from allograph.imaging.splitting import hint, split_ink

Agreement = Callable[[np.ndarray, np.ndarray], float]


def stamp(draw: ImageDraw.ImageDraw, kind: int, x: float, y: float, side: float = 60) -> None:
    """One of five symbols in a square; two of them have several parts."""

    def line(*points: tuple[float, float]) -> None:
        draw.line([(x + a * side, y + b * side) for a, b in points], fill=(20, 24, 60), width=7, joint="curve")

    def dot(a: float, b: float) -> None:
        draw.ellipse([x + a * side - 5, y + b * side - 5, x + a * side + 5, y + b * side + 5], fill=(20, 24, 60))

    if kind == 0:
        line((0, 0), (0, 1), (1, 1))
    elif kind == 1:  # u with a diaeresis
        line((0.1, 0.35), (0.1, 0.95), (0.8, 0.95), (0.8, 0.35))
        dot(0.25, 0.08)
        dot(0.65, 0.08)
    elif kind == 2:  # an arc over three dots, as theh has them
        line((0, 0.6), (0.15, 1), (0.85, 1), (1, 0.6))
        for a, b in ((0.35, 0.42), (0.65, 0.42), (0.5, 0.15)):
            dot(a, b)
    elif kind == 3:
        line((0, 0), (1, 1))
        line((1, 0), (0, 1))
    else:  # two strokes side by side, close
        line((0.38, 0), (0.38, 1))
        line((0.62, 0), (0.62, 1), (1, 1))


def page(rows: int, columns: int, pitch: int = 130) -> Image.Image:
    picture = Image.new("RGB", (columns * pitch + 40, rows * pitch + 40), (250, 248, 240))
    draw = ImageDraw.Draw(picture)
    for row in range(rows):
        for column in range(columns):
            stamp(draw, (row * columns + column) % 5, 50 + column * pitch, 50 + row * pitch)
    return picture


@pytest.mark.parametrize(("rows", "columns"), [(1, 5), (3, 5), (4, 3), (7, 8), (5, 1)])
def test_every_symbol_of_a_page_is_one_part_in_reading_order(rows: int, columns: int) -> None:
    parts = split_ink(find_in(page(rows, columns)))
    assert [(part.row, part.column) for part in parts] == [(r, c) for r in range(rows) for c in range(columns)]
    for part in parts:
        middle = (part.box[0] + part.box[2]) / 2, (part.box[1] + part.box[3]) / 2
        assert middle[0] == pytest.approx(50 + 130 * part.column + 30, abs=22)
        assert middle[1] == pytest.approx(50 + 130 * part.row + 30, abs=22)
    backwards = split_ink(find_in(page(rows, columns)), right_to_left=True)
    assert [round(p.box[0]) for p in backwards[:columns]] == [round(p.box[0]) for p in parts[:columns]][::-1]


def test_the_files_show_one_symbol_each_as_large_as_it_was(tmp_path: Path, agreement: Agreement) -> None:
    page(2, 5).save(tmp_path / "page.png")
    made = split_picture(tmp_path / "page.png", tmp_path / "out", "page")
    assert [symbol.file.name for symbol in made.symbols] == [f"page-{k:03d}.png" for k in range(1, 11)]
    for number, symbol in enumerate(made.symbols):
        alone = Image.new("RGB", (120, 120), (250, 248, 240))
        stamp(ImageDraw.Draw(alone), number % 5, 30, 30)
        cut, whole = preprocess(symbol.file, 52).drawing, preprocess(alone, 52).drawing
        assert agreement(cut, whole) > 0.6  # strokes three pixels wide, which may lie a pixel apart
        assert components(cut)[1] == components(whole)[1]
    with Image.open(made.sheet) as sheet:
        assert sheet.size == page(2, 5).size
    with pytest.raises(AllographError, match="exists already; choose another folder with -o, or add --overwrite"):
        split_picture(tmp_path / "page.png", tmp_path / "out", "page")
    page(1, 3).save(tmp_path / "page.png")
    split_picture(tmp_path / "page.png", tmp_path / "out", "page", overwrite=True)
    assert len(list((tmp_path / "out" / "page").iterdir())) == 3  # none is left of the ten


def test_only_a_picture_that_clearly_holds_several_is_said_to() -> None:
    assert hint(find_in(page(2, 5))) == 10
    for kind in range(5):
        single = Image.new("RGB", (160, 160), (250, 248, 240))
        stamp(ImageDraw.Draw(single), kind, 50, 50)
        assert hint(find_in(single)) == 1
    strokes = Image.new("L", (300, 300), 255)  # three strokes, as of a numeral
    for y in (80, 150, 220):
        ImageDraw.Draw(strokes).line([(60, y), (240, y)], fill=0, width=12)
    assert hint(find_in(strokes)) == 1
    notes = preprocess(page(2, 5), 52).notes
    assert any("10 separate symbols" in note and "allograph split" in note for note in notes)


def test_an_inspection_says_what_is_there() -> None:
    picture = Image.new("RGB", (300, 200), (250, 240, 200))
    ImageDraw.Draw(picture).line([(60, 50), (60, 150), (160, 150)], fill=(30, 40, 160), width=10)
    ImageDraw.Draw(picture).ellipse([200, 60, 220, 80], fill=(30, 40, 160))
    found, shown = inspect_picture(picture)
    assert (found.width, found.height, found.polarity, found.parts, found.symbols) == (300, 200, "dark", 2, 1)
    assert found.ink == "#1e28a0"
    assert found.paper == "#faf0c8"
    assert np.abs(np.subtract(found.box, (55, 50, 221, 155))).max() <= 3
    assert found.stroke_width == pytest.approx(10, abs=1.5)
    assert found.page is None
    assert found.confidence > 0.8
    assert not found.notes
    # The marked ink is at the left, the model's image at the right.
    pixels = np.asarray(shown).astype(int)
    left, right = pixels[:, : shown.width // 2], pixels[:, shown.width // 2 :]
    assert ((left[..., 0] - left[..., 1]) > 100).any()
    assert (right.max(-1) < 10).any()
    light, _ = inspect_picture(Image.eval(picture, lambda v: 255 - v))
    assert light.polarity == "light"
