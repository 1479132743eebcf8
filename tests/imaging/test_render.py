"""Drawings go back into the picture that the exemplar came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging import Exemplar, preprocess, render
from allograph.imaging.widths import stroke_width
from imaging.plain_render import plain_coverage

SIZE = 52
Agreement = Callable[[np.ndarray, np.ndarray], float]
Draw = Callable[..., np.ndarray]
OnPaper = Callable[..., Image.Image]


def logits(exemplar: Exemplar) -> np.ndarray:
    return (exemplar.drawing - 0.5) * 16


def ink_of(picture: Image.Image, exemplar: Exemplar) -> np.ndarray:
    """Return how much of each pixel is ink, [0, 1], from a picture in the exemplar's two colours."""
    values = np.asarray(picture.convert("RGB"), np.float64)
    paper, ink = (np.array(c[:3], np.float64) for c in (exemplar.style.paper, exemplar.style.ink))
    return (values - paper) @ (ink - paper) / ((ink - paper) @ (ink - paper))


@pytest.mark.parametrize(("side", "pen", "shift"), [(240, 10, (0, 0)), (600, 12, (-80, 50)), (400, 36, (20, 0))])
def test_rendering_what_was_taken_in_gives_it_back(
    draw: Draw, on_paper: OnPaper, agreement: Agreement, side: int, pen: float, shift: tuple[int, int]
) -> None:
    source = draw(side, pen, shift)
    exemplar = preprocess(on_paper(source), SIZE)
    back = render(logits(exemplar), exemplar.style)
    assert back.size == (side, side)
    assert back.mode == "RGB"
    ink = ink_of(back, exemplar)
    assert stroke_width(ink > 0.5) == pytest.approx(pen, rel=0.15)
    # A model pixel is coarser than a thin pen, so what is compared is whether each ink lies along the other.
    reach = max(exemplar.style.frame[2] / SIZE, 0.25 * pen)
    for a, b in ((ink, source), (source, ink)):
        assert (_distance(b > 0.5)[a > 0.5] < reach).mean() > 0.98
    assert agreement(ink, source) > (0.75 if pen >= 2 * exemplar.style.frame[2] / SIZE else 0.4)


def _distance(ink: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~ink))


def test_size_sets_the_longer_side_and_keeps_the_shape(
    symbol: np.ndarray, on_paper: OnPaper, agreement: Agreement
) -> None:
    exemplar = preprocess(on_paper(symbol[20:220, :]), SIZE)
    small, large = (render(logits(exemplar), exemplar.style, size) for size in (120, 960))
    assert (small.size, large.size) == ((120, 100), (960, 800))
    reduced = large.resize(small.size, Image.Resampling.BOX)
    assert agreement(ink_of(small, exemplar), ink_of(reduced, exemplar)) > 0.9
    with pytest.raises(AllographError, match="at least 1"):
        render(logits(exemplar), exemplar.style, 0)


def box_of(ink: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the ink."""
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis)) for axis in (1, 0))
    return columns[0], columns[-1] + 1, rows[0], rows[-1] + 1


@pytest.mark.parametrize("factor", [0.75, 1.25])
def test_a_drawing_may_be_larger_or_smaller_than_its_exemplar_with_the_same_pen(
    symbol: np.ndarray, on_paper: OnPaper, factor: float
) -> None:
    exemplar = preprocess(on_paper(np.pad(symbol, 60)), SIZE)
    values = logits(exemplar)[None]
    before, after = (
        ink_of(style.render(values), exemplar) for style in (exemplar.style, exemplar.style.sized(values, factor))
    )
    pen = stroke_width(before > 0.5)
    assert stroke_width(after > 0.5) == pytest.approx(pen, rel=0.05)
    for near, far in ((0, 1), (2, 3)):
        (a, b), (c, d) = ((box_of(one)[near], box_of(one)[far]) for one in (before, after))
        assert (a + b) / 2 == pytest.approx((c + d) / 2, abs=2)
        assert d - c - pen == pytest.approx(factor * (b - a - pen), abs=3)


def test_a_drawing_does_not_leave_its_picture_or_frame_because_it_is_larger(
    symbol: np.ndarray, on_paper: OnPaper
) -> None:
    rows, columns = (np.flatnonzero((symbol > 0.5).any(axis)) for axis in (1, 0))
    tight = symbol[rows[0] - 1 : rows[-1] + 2, columns[0] - 1 : columns[-1] + 2]
    for source, largest in ((tight, 1.1), (np.pad(symbol, 300), 105 / 68)):
        exemplar = preprocess(on_paper(source), SIZE)
        values = logits(exemplar)[None]
        larger = exemplar.style.sized(values, 3.0)
        assert 1 <= larger.frame[2] / exemplar.style.frame[2] < largest
        assert exemplar.style.sized(values, 0.8).frame[2] == pytest.approx(0.8 * exemplar.style.frame[2])


def test_a_drawing_without_ink_has_no_size(symbol: np.ndarray, on_paper: OnPaper) -> None:
    style = preprocess(on_paper(symbol), SIZE).style
    assert style.sized(np.full((1, SIZE, SIZE), -8.0), 1.2) == style


def test_edges_are_sharp_and_smooth_at_any_size(symbol: np.ndarray, on_paper: OnPaper) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    for size in (240, 1500):
        ink = ink_of(render(logits(exemplar), exemplar.style, size), exemplar)
        between = (ink > 0.02) & (ink < 0.98)
        edge = abs(np.diff((ink > 0.5).astype(int), axis=0)).sum() + abs(np.diff((ink > 0.5).astype(int), axis=1)).sum()
        assert 0 < between.sum() < 1.6 * edge  # about one grey pixel on the way across the edge, no fog
    # A staircase of 52 steps would show as edges that run along rows and columns only.
    slopes = np.arctan2(*np.gradient(_blurred(ink)))[(ink > 0.02) & (ink < 0.98)]
    straight = np.abs((slopes + np.pi / 4) % (np.pi / 2) - np.pi / 4) < np.radians(3)
    assert straight.mean() < 0.6


def _blurred(ink: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return ndimage.gaussian_filter(ink, 2)


def test_grey_fog_becomes_ink_or_paper(symbol: np.ndarray, on_paper: OnPaper) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    foggy = logits(exemplar) * 0.02 - 0.05  # probabilities 0.45 and 0.53
    ink = ink_of(render(foggy, exemplar.style), exemplar)
    assert ((ink < 0.02) | (ink > 0.98)).mean() > 0.9


def test_colours_and_transparency_are_the_exemplars(symbol: np.ndarray, on_paper: OnPaper) -> None:
    chalk = preprocess(on_paper(symbol, (250, 240, 200), (30, 60, 40)), SIZE)
    values = np.asarray(render(logits(chalk), chalk.style)).reshape(-1, 3)
    assert values[0] == pytest.approx((30, 60, 40), abs=2)
    assert values[np.argmax(values.sum(1))] == pytest.approx((250, 240, 200), abs=4)

    sheet = np.dstack([np.full((240, 240, 3), (10, 20, 200)), symbol * 255]).astype(np.uint8)
    clear = preprocess(Image.fromarray(sheet), SIZE)
    picture = np.asarray(render(logits(clear), clear.style))
    assert picture.shape == (240, 240, 4)
    assert (picture[..., :3] == (10, 20, 200)).all()  # no fringe of another colour where it is half transparent
    assert (picture[..., 3].min(), picture[..., 3].max()) == (0, 255)


def test_no_stroke_is_cut_by_the_pictures_rim(draw: Draw, on_paper: OnPaper) -> None:
    ink = draw(200, 8)
    rows, columns = np.nonzero(ink.any(1))[0], np.nonzero(ink.any(0))[0]
    tight = preprocess(on_paper(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]), SIZE)
    shifted = np.roll(logits(tight), (9, -8), (0, 1))
    for drawn in (shifted, np.full((SIZE, SIZE), -8.0) + 16 * _ring(SIZE, 24)):
        coverage = ink_of(render(drawn, tight.style), tight)
        rim = np.concatenate([coverage[0], coverage[-1], coverage[:, 0], coverage[:, -1]])
        assert coverage.max() > 0.95
        assert rim.max() < 0.6


def _ring(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2
    return (abs(np.hypot(x, y) - radius) < 1.3).astype(float)


def test_a_thin_pen_leaves_every_stroke_whole(symbol: np.ndarray, on_paper: OnPaper) -> None:
    from scipy import ndimage

    exemplar = preprocess(on_paper(symbol), SIZE)
    thin = replace(exemplar.style, stroke_width=0.5)
    ink = ink_of(render(logits(exemplar), thin, 1000), exemplar) > 0.5
    parts = [int(ndimage.label(a, np.ones((3, 3)))[1]) for a in (ink, exemplar.drawing > 0)]  # type: ignore[index]
    assert parts[0] == parts[1]
    assert stroke_width(ink) == pytest.approx(0.5 * thin.frame[2] / SIZE * 1000 / 240, rel=0.2)


def _disc(radius: float, x: float = SIZE / 2, y: float = SIZE / 2) -> np.ndarray:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    return np.clip(4 * (radius - np.hypot(columns - x, rows - y)), -8, 8)


@pytest.mark.parametrize("stroke", [1.0, 2.48, 6.0])
def test_dots_are_as_large_as_the_pen(symbol: np.ndarray, on_paper: OnPaper, stroke: float) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    pen = replace(exemplar.style, frame=(0, 0, 240), stroke_width=stroke)
    # A colon as faint as the model draws them: between the pixels, half as wide as the pen.
    colon = np.maximum(_disc(0.9, 26, 20), _disc(1.24, 26.5, 33.5))
    ink = ink_of(render(colon, pen), exemplar)
    scale = 240 / SIZE
    for part in (ink[:120], ink[120:]):
        assert part.max() > 0.95
        assert part.sum() == pytest.approx(np.pi / 4 * (stroke * scale) ** 2, rel=0.35)


def test_a_filled_shape_stays_filled(symbol: np.ndarray, on_paper: OnPaper) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    frame = (0, 0, 240)
    blob = render(_disc(9), replace(exemplar.style, frame=frame, stroke_width=exemplar.style.pen_width))
    assert ink_of(blob, exemplar).sum() == pytest.approx(np.pi * (9 * 240 / SIZE) ** 2, rel=0.15)


def test_the_pen_goes_evenly_where_the_model_wavers(symbol: np.ndarray, on_paper: OnPaper) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    # A bar whose edges waver by half a pixel, as those of the model's drawings do.
    half = 1.24 + 0.5 * np.sin(2 * np.pi * columns / 5)
    wavy = np.where(abs(columns - 26) < 18, np.clip(4 * (half - abs(rows - 26)), -8, 8), -8)
    even = replace(exemplar.style, frame=(0, 0, 520), width=520, height=520, stroke_width=2.48)
    widths = ink_of(render(wavy, even), exemplar)[:, 120:400].sum(0) / 10
    assert widths.mean() == pytest.approx(2.48, abs=0.3)
    assert np.ptp(widths) < 0.3


def test_a_blank_canvas_renders_as_paper(symbol: np.ndarray, on_paper: OnPaper) -> None:
    exemplar = preprocess(on_paper(symbol), SIZE)
    assert ink_of(render(np.full((SIZE, SIZE), -9.0), exemplar.style), exemplar).max() < 0.02


@pytest.mark.parametrize("width", [1.2, 2.48, 5.3])
@pytest.mark.parametrize(("side", "bound"), [(105, 0.006), (256, 0.004), (420, 0.003)])
def test_pictures_are_what_the_plain_definition_gives(
    draw: Draw, on_paper: OnPaper, width: float, side: int, bound: float
) -> None:
    exemplar = preprocess(on_paper(draw(240, 10)), SIZE)
    black = {"ink": (0, 0, 0, 255), "paper": (255, 255, 255, 255), "width": side, "height": side}
    shown = replace(exemplar.style, frame=(0, 0, side), stroke_width=width, **black)
    # Strokes, a dot, a filled shape and what is bent as the model bends it.
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    bent = _shifted(logits(exemplar), 2 * np.sin(x / 7), 2 * np.cos(y / 5))
    for drawn in (bent, np.maximum(_disc(5, 16, 14), _disc(1.3, 40, 40))):
        found = 1 - np.asarray(render(drawn, shown).convert("L"), np.float32) / 255
        plain = plain_coverage(drawn, shown)
        assert abs(found - plain).mean() < bound
        assert found.mean() == pytest.approx(plain.mean(), rel=0.02)  # neither thinner nor thicker
        between = [((ink > 0.02) & (ink < 0.98)).sum() for ink in (found, plain)]
        assert between[0] == pytest.approx(between[1], rel=0.1)  # edges as sharp as they were


def _shifted(image: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    return ndimage.map_coordinates(image, [y + down, x + across], order=1, mode="nearest")


@pytest.mark.parametrize("size", [16, 64, 200])
def test_paper_is_paper_away_from_ink_however_small_the_drawing(draw: Draw, on_paper: OnPaper, size: int) -> None:
    exemplar = preprocess(on_paper(draw(400, 3, (40, 30), 0.08), (20, 20, 20), (255, 255, 255)), SIZE)
    picture = np.asarray(render(logits(exemplar), exemplar.style, size).convert("L")).astype(int)
    y, x = np.mgrid[0:size, 0:size] + 0.5
    far = np.maximum(abs(x - 240 / 400 * size), abs(y - 230 / 400 * size)) > 0.06 * size + 2
    assert (picture[far] == 255).all()
    ink = (255 - picture).sum() / 235 / size**2  # no more and no less ink than at full size
    full = (255 - np.asarray(render(logits(exemplar), exemplar.style).convert("L")).astype(int)).sum() / 235 / 400**2
    assert ink == pytest.approx(full, rel=0.25)
