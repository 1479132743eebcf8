"""Whatever picture a symbol comes in, the model sees the same drawing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from allograph.data import ConceptDataset
from allograph.errors import AllographError
from allograph.imaging import preprocess
from allograph.imaging.placement import OMNIGLOT
from allograph.imaging.widths import stroke_width

SIZE = 52
Agreement = Callable[[np.ndarray, np.ndarray], float]
Draw = Callable[..., np.ndarray]
OnPaper = Callable[..., Image.Image]


@pytest.fixture(scope="module")
def plain(symbol: np.ndarray, on_paper: OnPaper) -> np.ndarray:
    """The symbol as the model sees it, taken from the cleanest of pictures."""
    return preprocess(on_paper(symbol), SIZE).drawing


def test_the_drawing_is_placed_and_drawn_as_in_omniglot(plain: np.ndarray) -> None:
    assert plain.dtype == np.float32
    assert set(np.unique(plain)) == {0, 1}
    spans = [np.nonzero(plain.any(axis))[0] for axis in (0, 1)]
    assert max(s[-1] - s[0] + 1 for s in spans) == pytest.approx(OMNIGLOT.ink * SIZE, abs=1.1)
    for span in spans:
        assert (span[0] + span[-1] + 1) / 2 == pytest.approx(OMNIGLOT.centre * SIZE, abs=1.1)
    large = np.kron(plain, np.ones((4, 4))) > 0
    assert stroke_width(large) / 4 == pytest.approx(OMNIGLOT.pen * SIZE, abs=0.6)


def _as_mode(picture: Image.Image, mode: str) -> Image.Image:
    grey = np.asarray(picture.convert("L"), np.float32)
    if mode == "I;16":
        return Image.fromarray((grey * 16 + 7).astype(np.uint16))  # 12 of 16 bits, as scanners write
    if mode == "I":
        return Image.fromarray(grey.astype(np.int32) * 1000)
    if mode == "F":
        return Image.fromarray(grey / 255)
    return picture.convert(mode)  # to 1 bit by dithering, which leaves a dot here and there on grey paper


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK", "YCbCr", "I;16", "I", "F"])
@pytest.mark.parametrize("light_ink", [False, True])
def test_every_mode_and_polarity_gives_the_same_drawing(
    symbol: np.ndarray, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement, mode: str, light_ink: bool
) -> None:
    colours = ((240, 240, 240), (15, 15, 15)) if light_ink else ((15, 15, 15), (240, 240, 240))
    exemplar = preprocess(_as_mode(on_paper(symbol, *colours), mode), SIZE)
    assert agreement(exemplar.drawing, plain) > 0.9
    ink, paper = exemplar.style.ink, exemplar.style.paper
    assert (ink[0] > 128) == light_ink
    assert (paper[0] > 128) != light_ink
    assert exemplar.style.has_alpha == (mode in ("LA", "RGBA"))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64, bool])
def test_arrays_of_any_type_are_taken_as_black_on_white(
    symbol: np.ndarray, plain: np.ndarray, agreement: Agreement, kind: type
) -> None:
    scale = {np.uint8: 255, np.uint16: 65535}.get(kind, 1)
    array = (symbol > 0.5) if kind is bool else (symbol * scale).astype(kind)
    exemplar = preprocess(array, SIZE)
    assert agreement(exemplar.drawing, plain) > 0.9
    assert exemplar.style.ink == (0, 0, 0, 255)
    assert exemplar.style.paper == (255, 255, 255, 255)


def test_a_colour_array_keeps_its_colours(symbol: np.ndarray, on_paper: OnPaper) -> None:
    style = preprocess(np.asarray(on_paper(symbol, (200, 30, 30), (250, 240, 200))), SIZE).style
    assert style.ink == pytest.approx((200, 30, 30, 255), abs=4)
    assert style.paper == pytest.approx((250, 240, 200, 255), abs=4)


def test_ink_as_light_as_its_paper_is_found_by_its_colour(
    symbol: np.ndarray, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement
) -> None:
    red, green = (200, 60, 40), (40, 136, 60)  # of equal luminance
    assert agreement(preprocess(on_paper(symbol, red, green), SIZE).drawing, plain) > 0.9


def test_the_transparent_parts_of_a_sheet_are_paper(
    symbol: np.ndarray, plain: np.ndarray, agreement: Agreement
) -> None:
    for colour in ((0, 0, 0), (255, 255, 255), (30, 90, 200)):
        sheet = np.dstack([np.full((*symbol.shape, 3), colour), symbol * 255]).astype(np.uint8)
        exemplar = preprocess(Image.fromarray(sheet), SIZE)
        assert agreement(exemplar.drawing, plain) > 0.9
        assert exemplar.style.ink == (*colour, 255)
        assert exemplar.style.paper[3] == 0


def test_a_sticker_cut_out_of_paper_shows_its_ink(
    symbol: np.ndarray, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement
) -> None:
    picture = on_paper(symbol).convert("RGBA")
    y, x = np.mgrid[0:240, 0:240]
    disc = (np.hypot(x - 120, y - 120) < 110).astype(np.uint8) * 255
    picture.putalpha(Image.fromarray(disc))
    assert agreement(preprocess(picture, SIZE).drawing, plain) > 0.9


@pytest.mark.parametrize(
    "file", ["drawing.png", "drawing.jpg", "drawing.bmp", "drawing.gif", "drawing.webp", "drawing.tif"]
)
def test_files_of_every_kind_are_read(
    tmp_path: Path, symbol: np.ndarray, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement, file: str
) -> None:
    on_paper(symbol).save(tmp_path / file)
    assert agreement(preprocess(str(tmp_path / file), SIZE).drawing, plain) > 0.9


def test_a_cameras_orientation_mark_is_obeyed(
    tmp_path: Path, symbol: np.ndarray, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement
) -> None:
    picture = on_paper(symbol).crop((0, 10, 240, 230))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn to the right
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    exemplar = preprocess(tmp_path / "turned.jpg", SIZE)
    assert (exemplar.style.width, exemplar.style.height) == picture.size == exemplar.picture.size
    assert agreement(exemplar.drawing, plain) > 0.9


def test_a_photo_under_uneven_light_is_read(
    draw: Draw, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement
) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:600, 0:600] / 600
    for colours in (((40, 40, 60), (235, 230, 220)), ((235, 230, 220), (60, 75, 70))):
        sheet = np.asarray(on_paper(draw(600, 22, (60, -70)), *colours), np.float64)
        light = 1.0 - 0.5 * x - 0.15 * y**2 - 0.15 * (x + y > 1.1)
        photo = sheet * light[..., None] + rng.normal(0, 5, sheet.shape)
        exemplar = preprocess(Image.fromarray(photo.clip(0, 255).astype(np.uint8)), SIZE)
        assert agreement(exemplar.drawing, plain) > 0.8


def test_specks_smudges_and_a_dark_rim_are_left_out(
    draw: Draw, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement
) -> None:
    ink = draw(480, 20)
    rng = np.random.default_rng(1)
    for x, y in rng.integers(5, 470, (60, 2)):
        ink[y : y + 3, x : x + 3] = 1  # dust
    ink[20:60, 400:440] = np.maximum(ink[20:60, 400:440], 0.3)  # a smudge
    ink[:, :5] = 1  # the scanner's edge
    assert agreement(preprocess(on_paper(ink), SIZE).drawing, plain) > 0.88


@pytest.mark.parametrize(("side", "pen"), [(240, 3), (240, 6), (240, 16), (240, 26), (48, 2.2), (3000, 125)])
def test_any_pen_and_any_size_becomes_the_models_pen(
    draw: Draw, on_paper: OnPaper, plain: np.ndarray, agreement: Agreement, side: int, pen: float
) -> None:
    exemplar = preprocess(on_paper(draw(side, pen)), SIZE)
    assert agreement(exemplar.drawing, plain) > 0.6  # corners and ends differ with the pen, the strokes do not
    assert exemplar.drawing.sum() == pytest.approx(plain.sum(), rel=0.15)
    across = exemplar.style.stroke_width * exemplar.style.frame[2] / SIZE
    assert across == pytest.approx(pen, rel=0.2, abs=0.6)


def test_a_symbol_that_fills_its_picture_is_not_taken_for_paper(draw: Draw, on_paper: OnPaper) -> None:
    ink = draw(240, 50, scale=0.78)
    assert 0.35 < ink.mean() < 0.5
    dark, light = preprocess(on_paper(ink), SIZE), preprocess(on_paper(1 - ink), SIZE)
    assert dark.style.ink[0] < 128 < light.style.ink[0]


def test_ink_can_be_forced(symbol: np.ndarray, on_paper: OnPaper) -> None:
    # Two inks on grey: whichever is asked for is found.
    grey = np.array(on_paper(symbol, (250, 250, 250), (128, 128, 128)))
    grey[40:200, 20:28] = 10
    picture = Image.fromarray(grey)
    dark, light = preprocess(picture, SIZE, ink="dark"), preprocess(picture, SIZE, ink="light")
    assert dark.style.ink[0] < 60
    assert light.style.ink[0] > 200
    columns = np.nonzero(dark.drawing.any(0))[0]
    assert columns[-1] - columns[0] < 6  # the dark one is a single bar
    with pytest.raises(AllographError, match="ink is auto, dark or light"):
        preprocess(picture, SIZE, ink="red")  # type: ignore[arg-type]


def test_a_dot_stays_a_dot(on_paper: OnPaper) -> None:
    y, x = np.mgrid[0:200, 0:200]
    drawing = preprocess(on_paper((np.hypot(x - 60, y - 90) < 15).astype(float)), SIZE).drawing
    assert 1 <= drawing.sum() <= 16


Part = tuple[float, float, float, float]


def _parts(*parts: Part, side: int = 300) -> np.ndarray:
    """Return the ink of ellipses (x, y, half width, half height) as (side, side)."""
    y, x = np.mgrid[0:side, 0:side] + 0.5
    return np.max([(np.hypot((x - a) / u, (y - b) / v) < 1).astype(float) for a, b, u, v in parts], axis=0)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([(150, 100, 15, 15), (150, 200, 15, 15)], id="colon"),
        pytest.param([(150, 60, 9, 9), (150, 180, 9, 70)], id="i"),
        pytest.param([(150, 60, 5, 5), (150, 180, 9, 70)], id="i with a fine dot"),
        pytest.param([(110, 60, 8, 8), (190, 60, 8, 8), (150, 180, 80, 8)], id="umlaut"),
        pytest.param([(150, 110, 70, 45), (150, 220, 90, 5)], id="blob over a thin line"),
        pytest.param([(150, 100, 60, 60), (150, 230, 20, 20)], id="large dot over a small one"),
    ],
)
@pytest.mark.parametrize("size", [28, 52])
def test_dots_and_blobs_are_parts_of_the_symbol(on_paper: OnPaper, parts: list[Part], size: int) -> None:
    from scipy import ndimage

    exemplar = preprocess(on_paper(_parts(*parts)), size)
    labels, count = ndimage.label(exemplar.drawing, np.ones((3, 3)))  # type: ignore[misc]
    assert count == len(parts)
    left, top, side = exemplar.style.frame
    for x, y, *_ in parts:  # each where it was
        column, row = int((x - left) / side * size), int((y - top) / side * size)
        assert labels[row - 1 : row + 2, column - 1 : column + 2].any()


def test_a_hairline_drawing_in_a_large_picture_does_not_fade(on_paper: OnPaper, agreement: Agreement) -> None:
    y, x = np.mgrid[0:1500, 0:1500]
    radius = np.hypot(x - 750, y - 750)
    thin, bold = (preprocess(on_paper((abs(radius - 600) < w / 2).astype(float)), SIZE).drawing for w in (1.5, 40))
    assert agreement(thin, bold) > 0.85


@settings(max_examples=12, deadline=None)
@given(x=st.integers(-55, 55), y=st.integers(-55, 55))
def test_shifting_the_source_gives_the_same_drawing(
    draw: Draw, on_paper: OnPaper, agreement: Agreement, x: int, y: int
) -> None:
    here, there = (preprocess(on_paper(draw(360, 12, s, 0.4)), SIZE) for s in ((0, 0), (x, y)))
    assert agreement(here.drawing, there.drawing) > 0.99
    assert np.subtract(there.style.frame, here.style.frame) == pytest.approx((x, y, 0), abs=0.01)


def test_a_crease_beside_the_symbol_is_no_ink(draw: Draw, on_paper: OnPaper) -> None:
    ink = draw()
    alone = preprocess(on_paper(ink), SIZE)
    ink[215, 30:210] = 0.9
    assert np.array_equal(preprocess(on_paper(ink), SIZE).drawing, alone.drawing)


@settings(max_examples=12, deadline=None)
@given(
    pen=st.floats(3, 24),
    ink=st.integers(0, 90),
    paper=st.integers(140, 255),
    noise=st.sampled_from([0.0, 4.0]),
    seed=st.integers(0, 99),
)
@example(pen=3.0, ink=90, paper=140, noise=0.0, seed=4)  # as dark ink and as light, other readings are preferred
@example(pen=3.0, ink=90, paper=140, noise=4.0, seed=32)
def test_inverting_the_source_gives_the_same_drawing(
    draw: Draw, on_paper: OnPaper, agreement: Agreement, pen: float, ink: int, paper: int, noise: float, seed: int
) -> None:
    picture = np.asarray(on_paper(draw(pen=pen), (ink,) * 3, (paper,) * 3), np.float64)
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    values = picture.clip(0, 255).round().astype(np.uint8)
    a, b = preprocess(Image.fromarray(values), SIZE), preprocess(Image.fromarray(255 - values), SIZE)
    assert agreement(a.drawing, b.drawing) > 0.99
    assert np.add(a.style.ink[:3], b.style.ink[:3]) == pytest.approx(255, abs=1)


@pytest.mark.parametrize("shape", [(9, 500), (1500, 1500), (8, 8)])
def test_the_least_of_pictures_are_taken_in(shape: tuple[int, int]) -> None:
    picture = np.full(shape, 255, np.uint8)
    picture[{9: np.s_[4], 1500: np.s_[700, 700], 8: np.s_[:, 3]}[shape[0]]] = 0
    exemplar = preprocess(picture, SIZE)
    assert exemplar.drawing.any()
    # A line and a dot of ink stay a line and a dot.
    rows, columns = np.nonzero(exemplar.drawing)
    assert {9: np.ptp(columns) > 30 > 3 >= np.ptp(rows), 1500: len(rows) < 40, 8: np.ptp(rows) > 20}[shape[0]]


@st.composite
def _small_pictures(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    shape = (height, width, *draw(st.sampled_from([(), (1,), (2,), (3,), (4,)])))
    ground, ink = draw(st.permutations([0.0, 1.0]))
    values = np.full(shape, ground)
    row, column = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    where = {"constant": np.s_[:0], "pixel": np.s_[row, column], "row": np.s_[row], "column": np.s_[:, column],
             "block": np.s_[row:, column:], "stripes": np.s_[row % 3 :: 2 + column % 5], "noise": np.s_[:]}  # fmt: skip
    kind = draw(st.sampled_from(sorted(where)))
    values[where[kind]] = ink if kind != "noise" else np.random.default_rng(row).random(shape)
    dtype = draw(st.sampled_from([np.uint8, bool, np.float32]))
    return values > 0.5 if dtype is bool else (values * (255 if dtype is np.uint8 else 1)).astype(dtype)


@settings(max_examples=60, deadline=None)
@given(picture=_small_pictures(), size=st.sampled_from([20, 28, 52]))
def test_any_small_array_gives_a_drawing_or_one_line(picture: np.ndarray, size: int) -> None:
    try:
        exemplar = preprocess(picture, size)
    except AllographError as error:
        assert "\n" not in str(error)
        return
    assert exemplar.drawing.shape == (size, size)
    assert set(np.unique(exemplar.drawing)) <= {0, 1}
    assert exemplar.drawing.any()


# ---------------------------------------------------------------- what cannot be taken in


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _refusal(image: object) -> str:
    with pytest.raises(AllographError) as caught:
        preprocess(image, SIZE)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


def test_bad_files_get_one_line_with_the_remedy(tmp_path: Path, symbol: np.ndarray, on_paper: OnPaper) -> None:
    path = tmp_path / "bad.png"
    assert "no such file" in _refusal(path)
    assert "is a folder; name an image file" in _refusal(tmp_path)
    path.write_bytes(b"")
    assert "is empty" in _refusal(path)
    path.write_bytes(b"dear diary, " * 50)
    assert "not an image" in _refusal(path)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n")
    assert "not an image" in _refusal(path)  # Pillow would run another program on it


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_cut_off_files_are_refused(tmp_path: Path, symbol: np.ndarray, on_paper: OnPaper, kind: str) -> None:
    path = tmp_path / "whole"
    on_paper(symbol).save(path, format=kind)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "whole is damaged or cut off" in _refusal(path) or "not an image" in _refusal(path)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_000, 8_500), (10_000, 9_500)])
def test_bombs_are_refused_from_their_header(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_header(width, height))
    message = _refusal(path)
    assert "bomb.png is too large" in message
    assert "80 million pixels" in message


def test_no_permission_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(b"x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # whoever runs the tests as root may read everything
    assert "permission denied; change its permissions" in _refusal(path)


def test_names_that_no_file_can_have_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AllographError, match="the name is too long; choose a shorter one"):
        preprocess(tmp_path / ("x" * 300), SIZE)
    assert "there is no file" in _refusal("a\0b")
    assert "no such file" in _refusal(tmp_path / "two\nlines.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)  # a folder that may not be searched, whoever runs the tests
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert "permission denied; change its permissions" in _refusal(tmp_path / "locked" / "x.png")


@pytest.mark.parametrize("thing", [None, [1, 2], 3.5, {"x.png"}])
def test_what_is_no_image_at_all_is_one_line(thing: object) -> None:
    assert f"not {type(thing).__name__}" in _refusal(thing)


def test_pictures_without_ink_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:200, 0:200]
    for values in (np.full((200, 200), 255.0), 128 + 12 * rng.standard_normal((200, 200)), 100 + 0.4 * x + 0.2 * y):
        assert "no ink" in _refusal(Image.fromarray(values.clip(0, 255).astype(np.uint8)))
    assert "transparent everywhere" in _refusal(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))


def test_unusable_arrays_and_sizes_are_refused() -> None:
    assert "(height, width" in _refusal(np.zeros((3, 40, 40)))
    assert "real numbers" in _refusal(np.zeros((40, 40), complex))
    assert "no ink" in _refusal(np.full((40, 40), np.nan))
    assert "too small (5 x 40 pixels)" in _refusal(np.zeros((40, 5)))


# ---------------------------------------------------------------- against the real thing


@pytest.mark.slow
def test_omniglots_own_drawings_come_through_unchanged_but_for_place_and_scale(omniglot: ConceptDataset) -> None:
    chosen = np.random.default_rng(0).choice(len(omniglot.images), 40, replace=False)
    sources = [bitmap > 0 for bitmap in omniglot.images.unpack(chosen)]
    exemplars = [preprocess(~source, 105) for source in sources]
    taken = [exemplar.drawing > 0 for exemplar in exemplars]
    widths = np.array([[stroke_width(drawing) for drawing in drawings] for drawings in (sources, taken)])
    assert np.median(widths[1]) == pytest.approx(np.median(widths[0]), abs=0.6)
    # Lines grow with the symbol, and all are drawn with the model's pen: so much ink is to be expected.
    scales = np.array([105 / exemplar.style.frame[2] for exemplar in exemplars])
    pens = np.array([exemplar.style.pen_width for exemplar in exemplars])
    expected = np.array([source.mean() for source in sources]) * scales * pens / widths[0]
    assert np.mean([drawing.mean() for drawing in taken]) == pytest.approx(expected.mean(), rel=0.05)
