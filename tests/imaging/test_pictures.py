"""Grey and colour pictures go into a model's space and come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging import animate, contact_sheet, preprocess_picture, space_of
from allograph.imaging.area_average import grey
from allograph.imaging.placement import MNIST
from allograph.imaging.sheet import lay_out
from allograph.imaging.widths import stroke_width


def pixels(channels: int, side: int = 24, seed: int = 0) -> np.ndarray:
    """Random bytes (side, side[, 3])."""
    shape = (side, side) if channels == 1 else (side, side, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(side: int) -> np.ndarray:
    """A colour picture without detail, (side, side, 3): each channel another wave."""
    x, y = np.meshgrid(*[np.linspace(0, np.pi, side)] * 2)
    waves = np.stack([np.sin(x), 0.5 + 0.5 * np.cos(y), 0.5 + 0.4 * np.sin(x + y)], -1)
    return (waves * 255).round().astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_models_size_keeps_every_value_there_and_back(channels: int, tmp_path: Path) -> None:
    source = pixels(channels)
    Image.fromarray(source).save(tmp_path / "a.png")
    for image in (tmp_path / "a.png", Image.fromarray(source), source, source / 255):
        exemplar = preprocess_picture(image, 24, channels)
        assert exemplar.image.shape == (channels, 24, 24)
        assert exemplar.drawing.dtype == np.float32
        back = exemplar.style.render(exemplar.image)
        assert back.mode == ("L" if channels == 1 else "RGB")
        assert np.array_equal(np.asarray(back), source)


@given(
    values=arrays.arrays(np.uint8, st.tuples(st.integers(16, 40), st.integers(16, 40), st.just(3))),
    size=st.integers(8, 16),
)
def test_the_model_sees_the_middle_square_averaged_as_in_training(values: np.ndarray, size: int) -> None:
    exemplar = preprocess_picture(values, size, 3)
    height, width = values.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = values[top : top + side, left : left + side].transpose(2, 0, 1)
    trained = grey(middle[None].copy(), size)[0]
    assert (torch.from_numpy(exemplar.drawing) - trained).abs().max() <= 1.01 / 255
    assert (exemplar.style.width, exemplar.style.height) == (side, side)
    assert exemplar.picture.size == (side, side)


def test_grey_models_see_the_luminance_of_a_colour_picture() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    assert preprocess_picture(red, 8, 1).drawing == pytest.approx(0.299, abs=0.01)
    assert preprocess_picture(red[..., 0], 8, 3).drawing.min() == 1  # grey is white in all three channels


def test_transparent_parts_are_white_and_half_transparent_ones_half() -> None:
    sheet = np.zeros((16, 16, 4), np.uint8)
    sheet[:, 8:, 3] = 255
    sheet[:, 4:8, 3] = 128
    for channels in (1, 3):
        drawing = preprocess_picture(Image.fromarray(sheet), 16, channels).drawing
        assert drawing[..., :4].min() == 1
        assert drawing[..., 4:8] == pytest.approx(0.5, abs=0.01)
        assert drawing[..., 8:].max() == 0


def test_unusable_pictures_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    Image.new("L", (400, 3)).save(tmp_path / "thin.png")
    for name in ("text.png", "thin.png", "absent.png"):
        with pytest.raises(AllographError, match=name) as caught:
            preprocess_picture(tmp_path / name, 16, 1)
        assert "\n" not in str(caught.value)


def test_enlarging_is_smooth_and_keeps_the_picture() -> None:
    large, small = smooth(192), preprocess_picture(smooth(192), 24, 3)
    back = np.asarray(small.style.render(small.image)).astype(int)
    assert back.shape == (192, 192, 3)
    assert np.abs(back - large).mean() < 2
    assert np.abs(np.diff(back, axis=0)).max() < 16  # no blocks
    assert small.style.render(small.image, 48).size == (48, 48)
    assert small.style.render(small.image * 3 - 1).getextrema()[0] == (0, 255)  # beyond the range: cut


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_shows_the_square_and_the_drawings_in_their_colours(channels: int) -> None:
    wide = np.zeros((60, 90) if channels == 1 else (60, 90, 3), np.uint8)
    wide[:, 15:75] = 200 if channels == 1 else (40, 160, 220)
    exemplar = preprocess_picture(wide, 12, channels)
    drawings = [exemplar.style.render(np.full((channels, 12, 12), v)) for v in (0.25, 0.75)]
    sheet = np.asarray(contact_sheet(exemplar, drawings)).astype(int)
    layout = lay_out(2)
    for (left, top, side), value in zip(layout.cells, (64, 191), strict=True):
        assert np.abs(sheet[top + 9 : top + side - 9, left + 9 : left + side - 9] - value).max() <= 1
    assert layout.exemplar is not None
    left, top, side = layout.exemplar
    shown = sheet[top + 9 : top + side - 9, left + 9 : left + side - 9]
    assert np.abs(shown - (200 if channels == 1 else (40, 160, 220))).max() <= 1  # nothing of the black sides


def test_a_sheet_without_exemplar_fills_the_page() -> None:
    drawings = [Image.new("L", (30, 30), 40)] * 12
    layout = lay_out(12, exemplar=False)
    sheet = contact_sheet(None, drawings)
    assert sheet.size == layout.size
    assert len({x for x, _, _ in layout.cells}) * len({y for _, y, _ in layout.cells}) == 12
    for left, top, side in layout.cells:
        assert sheet.crop((left + 9, top + 9, left + side - 9, top + side - 9)).getextrema() == ((40, 40),) * 3


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("given", [True, False])
def test_an_animation_grows_from_a_plain_ground_to_the_picture(tmp_path: Path, windows: bool, given: bool) -> None:
    exemplar = preprocess_picture(smooth(64), 16, 3)
    canvases = np.stack([exemplar.image * t / 3 for t in (1, 2, 3)])
    growth = exemplar.style.grow(canvases)
    first = growth.tile(0, 0.0, 40)
    assert np.ptp(first, axis=(0, 1)).max() == 0
    assert first[0, 0] / 255 == pytest.approx(canvases[0].mean((1, 2)), abs=0.01)
    finished = np.asarray(exemplar.style.render(exemplar.image, 40))
    assert np.array_equal(growth.ending(1.0, 40), finished)
    assert np.array_equal(growth.tile(2, 1.0, 40), finished)

    where = np.zeros((2, 3 if windows else 0, 2, 3))
    where[..., 0, 0] = where[..., 1, 1] = 0.4
    path = tmp_path / "growing.webp"
    animate(path, [growth] * 2, where, where, exemplar=exemplar if given else None)
    with Image.open(path) as film:
        film.seek(film.n_frames - 1)  # type: ignore[attr-defined]
        last = np.asarray(film.convert("RGB")).astype(int)
        film.seek(film.n_frames // 2)  # type: ignore[attr-defined]
        middle = np.asarray(film.convert("RGB")).astype(int)
    left, top, side = lay_out(2, None, 144, exemplar=given).cells[0]
    tile = (slice(top + 9, top + side - 9), slice(left + 9, left + side - 9))
    wanted = np.asarray(exemplar.style.render(exemplar.image, side)).astype(int)[9:-9, 9:-9]
    assert np.abs(last[tile] - wanted).mean() < 6
    orange = (middle[tile][..., 0] - middle[tile][..., 2] > 120).any()
    assert orange == windows


def test_a_growth_of_grey_is_grey() -> None:
    exemplar = preprocess_picture(pixels(1), 24, 1)
    tile = exemplar.style.grow(exemplar.image[None]).tile(0, 1.0, 24)
    assert tile.shape == (24, 24, 3)
    assert np.array_equal(tile[..., 0], pixels(1))
    assert np.ptp(tile, axis=-1).max() == 0


def test_digits_are_placed_and_drawn_as_in_mnist(symbol: np.ndarray, on_paper) -> None:  # type: ignore[no-untyped-def]
    drawing = space_of("digits", 28, 1).preprocess(on_paper(symbol)).image[0]
    assert set(np.unique(drawing)) == {0, 1}
    rows, columns = np.nonzero(drawing)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((14.5, 14.5), abs=0.5)
    assert stroke_width(np.kron(drawing, np.ones((6, 6))) > 0) / 6 == pytest.approx(MNIST.pen * 28, abs=0.6)


@pytest.mark.parametrize(("images", "channels"), [("grey", 1), ("colour", 3)])
def test_pictures_are_cut_at_one_half_for_a_model_of_binary_ones(images: str, channels: int) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey, binary = (space_of(images, 16, channels, binary).preprocess(levels) for binary in (False, True))
    assert np.array_equal(grey.image[0], levels / np.float32(255))
    assert binary.image.dtype == np.float32
    assert np.array_equal(binary.image, np.broadcast_to(levels >= 128, (channels, 16, 16)))
    assert binary.picture.tobytes() == grey.picture.tobytes(), "what a person is shown stays"


@pytest.mark.parametrize("images", ["symbols", "digits", "grey", "colour"])
def test_drawings_after_no_exemplar_are_squares_of_any_size(images: str) -> None:
    channels = 3 if images == "colour" else 1
    style = space_of(images, 28, channels).plain
    values = np.full((channels, 28, 28), -8.0)
    values[:, 6:22, 12:16] = 8.0
    for size, side in ((None, 256), (40, 40)):
        drawing = style.render(values, size)
        assert drawing.size == (side, side)
        assert (drawing.mode == "L") == (images == "grey")
        bright = np.asarray(drawing.convert("L")) > 128
        assert bright[side // 2, side // 2] == (images in ("grey", "colour"))  # ink is dark, intensity is bright
        assert bright[side // 2, 2] != bright[side // 2, side // 2]


@pytest.mark.parametrize(("images", "channels"), [("symbols", 3), ("grey", 3), ("colour", 1), ("faces", 1)])
def test_images_that_cannot_be_are_refused(images: str, channels: int) -> None:
    with pytest.raises(ValueError, match=images):
        space_of(images, 28, channels)
