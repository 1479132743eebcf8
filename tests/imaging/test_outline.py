"""Traced outlines cover what the rendered drawing covers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.imaging import outline, outline_svg, preprocess
from allograph.imaging.render import ink_coverage, stroke_field
from allograph.imaging.symbols import SymbolStyle


def ring(paper: str | None = "white") -> Image.Image:
    picture = Image.new("RGBA", (120, 90), paper or (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 10, 80, 70), outline=(10, 60, 160, 255), width=4)
    draw.line([(80, 40), (110, 80)], fill=(10, 60, 160, 255), width=4)
    return picture


def logits(drawing: np.ndarray) -> np.ndarray:
    return (drawing * 2 - 1) * 8


def filled(path: str, scale: float, side: int) -> np.ndarray:
    """The inside of a path's curves by the even-odd rule."""
    inside = np.zeros((side, side), bool)
    for curve in path.split("M")[1:]:
        start, *pieces = curve.rstrip("Z").split("Q")
        here = np.array([float(v) for v in start.split(",")])
        points = []
        for piece in pieces:
            control, end = (np.array([float(v) for v in pair.split(",")]) for pair in piece.split())
            points += [(1 - t) ** 2 * here + 2 * t * (1 - t) * control + t * t * end for t in (0.25, 0.5, 0.75, 1.0)]
            here = end
        mask = Image.new("1", (side, side))
        ImageDraw.Draw(mask).polygon([tuple(point * scale - 0.5) for point in points], fill=1)
        inside ^= np.asarray(mask)
    return inside


def test_the_outline_encloses_the_ink() -> None:
    exemplar = preprocess(ring(), 52)
    assert isinstance(exemplar.style, SymbolStyle)
    field = stroke_field(logits(exemplar.drawing), exemplar.style)
    side = 1560  # fine enough that the rim's pixels are few
    traced = filled(outline(field), side / 52, side)
    drawn = ink_coverage(field, (0, 0), side / 52, (side, side)) > 0.5
    assert (traced & drawn).sum() / (traced | drawn).sum() > 0.95
    assert traced.sum() == pytest.approx(drawn.sum(), rel=0.02)
    assert np.abs(np.argwhere(traced).mean(axis=0) - np.argwhere(drawn).mean(axis=0)).max() < 1
    assert outline(field).count("M") >= 2  # the ring's hole is a curve of its own


def test_a_larger_drawing_has_its_place_on_the_exemplars_square() -> None:
    """Its outline, and its picture at the end of an animation."""
    exemplar = preprocess(ring(), 52)
    values = logits(exemplar.drawing)[None]
    larger = exemplar.style.sized(values, 0.7)
    assert isinstance(larger, SymbolStyle)
    square, side = larger.within(exemplar.style), 1560
    assert square[2] == pytest.approx(0.7)
    traced = filled(outline(stroke_field(values[0], larger), square, 52), side / 52, side)
    ending = larger.grow(values[None], square).ending(1.0, side)[..., 0] < 128  # blue ink
    assert (traced & ending).sum() / (traced | ending).sum() > 0.95
    extents = [
        np.ptp(np.nonzero(one.any(0))[0])
        for one in (ending, exemplar.style.grow(values[None]).ending(1, side)[..., 0] < 128)
    ]
    pen = 30 * exemplar.style.stroke_width
    assert extents[0] - pen == pytest.approx(0.7 * (extents[1] - pen), abs=12)
    grown = larger.grow(values[None], square).tile(0, 1.0, side)[..., 0] < 128
    assert (grown & ending).sum() / (grown | ending).sum() > 0.6  # with the model's pen


def test_nothing_drawn_has_no_outline() -> None:
    exemplar = preprocess(ring(), 28)
    assert isinstance(exemplar.style, SymbolStyle)
    assert outline(stroke_field(np.full((28, 28), -9.0), exemplar.style)) == ""


@pytest.mark.parametrize("paper", ["white", None])
def test_the_document_is_the_picture(paper: str | None) -> None:
    exemplar = preprocess(ring(paper), 52)
    style = exemplar.style
    assert isinstance(style, SymbolStyle)
    values = logits(exemplar.drawing)[None]
    root = ElementTree.fromstring(outline_svg(values, style, 480))
    assert (root.get("width"), root.get("height")) == ("480", "360")
    space = "{http://www.w3.org/2000/svg}"
    assert len(list(root.iter(f"{space}rect"))) == (paper is not None)
    (path,) = root.iter(f"{space}path")
    red, green, blue = (int(path.get("fill", "")[i : i + 2], 16) for i in (1, 3, 5))
    assert abs(red - 10) < 12
    assert abs(green - 60) < 12
    assert abs(blue - 160) < 12
    numbers = [float(v) for v in re.findall(r"[-\d.e]+", path.get("transform", ""))[:6]]
    scale, left, top = numbers[0], numbers[4], numbers[5]
    points = np.array(
        [[float(v) for v in pair.split(",")] for pair in re.findall(r"[-\d.]+,[-\d.]+", path.get("d", ""))]
    )
    low, high = (points * scale + [left, top]).min(axis=0), (points * scale + [left, top]).max(axis=0)
    rendered = np.asarray(style.render(values, 480).convert("RGBA"))
    ink = rendered[..., 3] > 127 if paper is None else rendered[..., 0] < 130
    rows, columns = np.nonzero(ink.any(1))[0], np.nonzero(ink.any(0))[0]
    assert np.abs(low - [columns[0], rows[0]]).max() < 3
    assert np.abs(high - [columns[-1] + 1, rows[-1] + 1]).max() < 3
