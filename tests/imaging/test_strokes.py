"""Strokes: as few as a drawing needs, in a plausible order, together the drawing again; the files that hold them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.data import ConceptDataset
from allograph.errors import AllographError
from allograph.imaging import PictureStyle, encode
from allograph.imaging.placement import OMNIGLOT
from allograph.imaging.spaces import SymbolSpace
from allograph.imaging.strokes import Stroke, strokes_of_mask
from allograph.imaging.widths import stroke_width

PEN = 9


def drawn(*lines: list[tuple[int, int]], rings: tuple[tuple[int, int, int], ...] = (), dots=()) -> np.ndarray:
    """A mask of pen strokes with round ends."""
    picture = Image.new("L", (200, 200))
    draw = ImageDraw.Draw(picture)
    for line in lines:
        draw.line(line, 255, PEN, joint="curve")
        for x, y in line:
            draw.ellipse((x - PEN / 2, y - PEN / 2, x + PEN / 2, y + PEN / 2), 255)
    for x, y, radius in rings:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=255, width=PEN)
    for x, y in dots:
        draw.ellipse((x - PEN * 0.6, y - PEN * 0.6, x + PEN * 0.6, y + PEN * 0.6), 255)
    return np.asarray(picture) > 0


def redrawn(strokes: list[Stroke], shape: tuple[int, ...], scale: int = 4) -> np.ndarray:
    """What a pen leaves that follows the strokes."""
    picture = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(picture)
    for stroke in strokes:
        for (x, y), width in zip(scale * stroke.points, scale * stroke.widths, strict=True):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255)
        for (a, b), width in zip(zip(stroke.points, stroke.points[1:], strict=False), stroke.widths, strict=False):
            draw.line([*(scale * a), *(scale * b)], 255, round(scale * width))
    return np.asarray(picture.reduce(scale)) > 127


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        (drawn([(30, 30), (30, 170)]), 1),
        (drawn([(30, 30), (170, 30)], [(100, 30), (100, 170)]), 2),  # T
        (drawn([(30, 30), (170, 170)], [(170, 30), (30, 170)]), 2),  # X
        (drawn(rings=((100, 100, 60),)), 1),  # O
        (drawn(rings=((100, 60, 45), (100, 141, 45))), 1),  # 8
        (drawn([(60, 30), (60, 170)], rings=((100, 130, 40),)), 2),  # b
        (drawn([(40, 60), (40, 170)], dots=((40, 25),)), 2),  # i
        (drawn([(40, 30), (40, 170)], [(40, 100), (150, 100)], [(150, 30), (150, 170)]), 3),  # H
    ],
    ids=list("ITXO8biH"),
)
def test_letters_need_no_more_strokes_than_a_pen_does(mask: np.ndarray, count: int) -> None:
    strokes = strokes_of_mask(mask, PEN)
    assert len(strokes) == count
    again = redrawn(strokes, mask.shape)
    assert (again & mask).sum() / (again | mask).sum() > 0.8


def test_strokes_run_to_the_right_and_down_from_the_upper_left() -> None:
    across, down = strokes_of_mask(drawn([(170, 30), (30, 30)], [(100, 170), (100, 30)]), PEN)
    assert across.points[0, 0] < across.points[-1, 0]
    assert down.points[0, 1] < down.points[-1, 1]
    (ring,) = strokes_of_mask(drawn(rings=((100, 100, 60),)), PEN)
    assert ring.closed and np.allclose(ring.points[0], ring.points[-1]) and ring.points[0, 1] < 50
    dot, stem = strokes_of_mask(drawn([(40, 60), (40, 170)], dots=((40, 25),)), PEN)
    assert len(dot.points) <= 3 and dot.points[0, 1] < stem.points[0, 1]
    assert strokes_of_mask(np.zeros((20, 20), bool), PEN) == []


def test_the_strokes_of_any_symbol_draw_it_again(strokes: ConceptDataset) -> None:
    likeness = []
    for bitmap in strokes.images.pixels(np.arange(0, len(strokes.concept), 4)):
        mask = np.kron(bitmap.squeeze() > 0, np.ones((4, 4), bool))
        found = strokes_of_mask(mask, stroke_width(mask))
        again = redrawn(found, mask.shape, 1)
        likeness.append((again & mask).sum() / (again | mask).sum())
        assert len(found) <= 12
    assert np.mean(likeness) > 0.85 and min(likeness) > 0.75


def test_every_format_holds_the_strokes() -> None:
    appearance = SymbolSpace(28, OMNIGLOT).plain
    logits = np.full((1, 28, 28), -6.0, np.float32)
    logits[0, 6:22, 8] = logits[0, 6:22, 9] = logits[0, 13, 9:20] = logits[0, 12, 9:20] = 6.0
    svg = ElementTree.fromstring(encode("svg-strokes", logits, appearance))
    paths = svg.findall(".//{http://www.w3.org/2000/svg}path")
    document = json.loads(encode("json", logits, appearance, 128))
    ink = ElementTree.fromstring(encode("inkml", logits, appearance))
    traces = ink.findall("{http://www.w3.org/2003/InkML}trace")
    assert len(paths) == len(document["strokes"]) == len(traces) == 2
    assert (document["width"], document["height"]) == (128, 128)
    first = document["strokes"][0]
    assert len(first["points"]) == len(first["widths"]) and not first["closed"]
    numbers = [float(number) for number in (traces[0].text or "").split(",")[0].split()]
    assert numbers[:2] == pytest.approx([2 * value for value in first["points"][0]], abs=1.5)
    outline = ElementTree.fromstring(encode("svg", logits, appearance))
    assert outline.find("{http://www.w3.org/2000/svg}path") is not None
    assert encode("png", logits, appearance)[:4] == b"\x89PNG"
    with pytest.raises(AllographError, match="no lines"):
        encode("svg", logits, PictureStyle(28, 28, (0.0, 0.0, 28.0)))
