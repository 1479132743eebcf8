"""A page that is seen at an angle is read as from straight above."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from allograph.imaging.page import corners_of, straightened
from allograph.imaging.preprocessing import preprocess

CORNERS = np.array([(150.0, 120.0), (450.0, 130.0), (560.0, 480.0), (60.0, 470.0)])
"""A page that lies before the person who photographs it."""


def page(size: int = 400) -> Image.Image:
    """A square page with a hook and a bar."""
    picture = Image.new("L", (size, size), 250)
    draw = ImageDraw.Draw(picture)
    draw.line([(120, 90), (120, 300), (280, 300)], 20, 12)
    draw.line([(260, 110), (260, 230)], 20, 12)
    return picture


def photo(corners: np.ndarray, size: tuple[int, int] = (620, 600)) -> Image.Image:
    """The page on a dark desk."""
    rows, target = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (400, 0), (400, 400), (0, 400)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        target += [u, v]
    way = np.linalg.solve(np.array(rows), np.array(target)).tolist()
    return page().transform(size, Image.Transform.PERSPECTIVE, way, Image.Resampling.BICUBIC, fillcolor=70)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """The least share of one's ink that lies within a pixel of the other's."""
    near = [np.asarray(ndimage.binary_dilation(drawing)) for drawing in (one, other)]
    return float(min((one * near[1]).sum() / one.sum(), (other * near[0]).sum() / other.sum()))


def test_the_model_sees_the_page_from_above() -> None:
    seen = preprocess(photo(CORNERS), 52)
    # The page lies down: its sides are 364 pixels long on average, its upper and lower edge 400.
    assert alike(seen.drawing, preprocess(page().resize((400, 364)), 52).drawing) > 0.97
    assert (seen.style.width, seen.style.height) == (620, 600)  # drawings lie where the symbol lies
    flat = preprocess(photo(np.array([(150, 120), (450, 120), (450, 420), (150, 420)])), 52)
    assert alike(flat.drawing, preprocess(page(), 52).drawing) > 0.97


def quadrilateral(corners: np.ndarray) -> np.ndarray:
    sheet = Image.new("1", (620, 600))
    ImageDraw.Draw(sheet).polygon([tuple(corner) for corner in corners.tolist()], fill=1)
    return np.asarray(sheet)


def test_corners_are_found_where_there_are_four() -> None:
    found = corners_of(quadrilateral(CORNERS))
    assert found is not None
    assert np.abs(found - CORNERS).max() < 3
    assert corners_of(quadrilateral(CORNERS + np.array((0, 150)))) is None  # it reaches beyond the picture
    turned = np.array([(310, 60), (550, 300), (310, 540), (70, 300)])
    assert corners_of(quadrilateral(turned)) is None  # which edge is the upper one?
    y, x = np.mgrid[:600, :620]
    assert corners_of((x - 310) ** 2 + (y - 300) ** 2 < 200**2) is None


def test_straightening_a_rectangle_moves_nothing() -> None:
    values = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    corners = np.array([(10, 20), (60, 20), (60, 50), (10, 50)])
    np.testing.assert_allclose(straightened(values, corners), values[20:50, 10:60], atol=1e-5)
