"""The kinds of pictures that went wrong for people: each gives the symbol that it shows, or says what to do."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, TiffImagePlugin
from scipy import ndimage

from allograph.data.folders import left_out, load_folder, passed_over
from allograph.errors import AllographError
from allograph.imaging import preprocess
from allograph.imaging.finding import find_in
from allograph.imaging.paper import departure

SIZE = 105
Agreement = Callable[[np.ndarray, np.ndarray], float]


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of the inputs, beside the data; else the test skips."""
    data = os.environ.get("ALLOGRAPH_DATA")
    shared = Path(data).parent if data else Path(__file__).resolve().parents[3] / "shared"
    folder = shared / "cases" / "inputs"
    if not folder.is_dir():
        pytest.skip(f"the inputs are not in {folder}")
    return folder


def four(side: int = 300, ink: int = 255, pen: int = 8) -> Image.Image:
    """An open four with a dot, light on black: a mask."""
    mask = Image.new("L", (side * 4, side * 4))
    draw = ImageDraw.Draw(mask)
    unit = side * 4 / 300
    for line in (((118, 75), (70, 172), (236, 172)), ((188, 124), (188, 236))):
        draw.line([(x * unit, y * unit) for x, y in line], fill=ink, width=round(pen * unit), joint="curve")
    draw.ellipse([78 * unit, 212 * unit, 94 * unit, 228 * unit], fill=ink)
    return mask.resize((side, side), Image.Resampling.BOX)


def on(paper: np.ndarray, mask: Image.Image, colour: tuple[int, int, int] = (24, 24, 36)) -> Image.Image:
    share = np.asarray(mask, float)[..., None] / 255
    return Image.fromarray((paper * (1 - share) + np.array(colour) * share).round().clip(0, 255).astype(np.uint8))


def sheet(side: int = 300) -> np.ndarray:
    return np.full((side, side, 3), (249, 248, 243), float)


@pytest.fixture(scope="module")
def wanted() -> np.ndarray:
    return preprocess(on(sheet(), four()), SIZE).drawing


def parts(drawing: np.ndarray) -> int:
    return ndimage.label(drawing > 0.5, np.ones((3, 3)))[1]  # type: ignore[misc]


# ---------------------------------------------------------------- the inputs themselves

_THE_FOUR = ["alpha-100.png", "rotated-pale.png", "page-on-desk.png", "shadow.png", "min-is-white-16.tif", "ruled.png"]


@pytest.mark.parametrize("name", _THE_FOUR)
def test_the_four_is_found_whatever_lies_around_it(cases: Path, wanted: np.ndarray, name: str) -> None:
    exemplar = preprocess(cases / name, SIZE)
    assert parts(exemplar.drawing) == 2
    angle = 5.0 if name == "rotated-pale.png" else 0.0  # the card is turned
    turned = ndimage.rotate(wanted, angle, reshape=False, order=1) > 0.5
    near = ndimage.binary_dilation(turned, iterations=4)
    assert (exemplar.drawing > 0.5)[~near].sum() <= 0.03 * exemplar.drawing.sum()
    drawn = ndimage.binary_dilation(exemplar.drawing > 0.5, iterations=4)
    assert drawn[turned].mean() > 0.95


def test_a_ruled_sheet_does_not_lend_its_colour(cases: Path) -> None:
    style = preprocess(cases / "ruled.png", SIZE).style
    red, green, blue, _ = style.ink  # type: ignore[attr-defined]
    assert red < 80
    assert green < 80
    assert blue < 130


def test_a_letter_cropped_to_its_box_is_dark_ink(cases: Path) -> None:
    found = find_in(cases / "tight-R.png")
    assert found.dark is True
    assert not found.warnings
    assert parts(found.mask) == 1
    # An R has one hole; light ink would have other parts.
    assert ndimage.label(~np.pad(found.mask, 1, constant_values=False))[1] >= 2  # type: ignore[misc]


def test_a_disc_and_a_dot_are_ink(cases: Path) -> None:
    for name in ("disc.png", "dot.png"):
        found = find_in(cases / name)
        assert found.dark is True, name
        assert parts(preprocess(cases / name, SIZE).drawing) == 1


def test_every_dot_of_a_letter_stays(cases: Path) -> None:
    for size in (28, 52, 105):
        assert parts(preprocess(cases / "theh.png", size).drawing) == 4


def test_the_first_frame_with_ink_is_taken_and_said(cases: Path) -> None:
    exemplar = preprocess(cases / "first-frame-blank.gif", SIZE)
    assert exemplar.drawing.any()
    assert any("using frame or page 2 of 2" in note for note in exemplar.notes)
    pages = preprocess(cases / "two-pages.tif", SIZE)
    assert any("using frame or page 1 of 2" in note for note in pages.notes)


def test_a_folder_above_the_class_folders_names_them(cases: Path) -> None:
    with pytest.raises(AllographError, match=r"name one of them, .*ds-nested/train or .*ds-nested/val"):
        load_folder(cases / "ds-nested")


def test_formats_of_phones_and_old_programs_are_read_in_folders(cases: Path) -> None:
    pytest.importorskip("pillow_heif")
    folder = load_folder(cases / "heic-set")
    assert not folder.problems
    assert len(folder.dataset.images) == 2


# ---------------------------------------------------------------- the same kinds, made here


@pytest.mark.parametrize("rule", [(120, 160, 220), (230, 140, 140), (150, 150, 150), (90, 90, 100)])
@pytest.mark.parametrize("pen", [(24, 24, 36), (30, 50, 170), (180, 30, 40)])
@pytest.mark.parametrize("squared", [False, True])
def test_rules_of_any_colour_are_no_ink(
    wanted: np.ndarray, agreement: Agreement, rule: tuple[int, int, int], pen: tuple[int, int, int], squared: bool
) -> None:
    paper = sheet()
    paper[9::22, :] = rule
    if squared:
        paper[:, 9::22] = rule
    exemplar = preprocess(on(paper, four(), pen), SIZE)
    assert agreement(exemplar.drawing, wanted) > 0.8
    assert np.abs(np.subtract(exemplar.style.ink[:3], pen)).max() < 40  # type: ignore[attr-defined]


def test_dotted_paper_is_no_ink(wanted: np.ndarray, agreement: Agreement) -> None:
    paper = sheet()
    for y in range(10, 300, 20):
        for x in range(10, 300, 20):
            paper[y : y + 3, x : x + 3] = (150, 150, 160)
    assert agreement(preprocess(on(paper, four()), SIZE).drawing, wanted) > 0.85


@pytest.mark.parametrize("desk", [(60, 58, 64), (130, 100, 70), (20, 20, 24)])
def test_a_page_on_a_desk(wanted: np.ndarray, agreement: Agreement, desk: tuple[int, int, int]) -> None:
    picture = np.full((520, 560, 3), desk, np.uint8)
    picture[90:390, 120:420] = np.asarray(on(sheet(), four()))
    exemplar = preprocess(Image.fromarray(picture), SIZE)
    assert agreement(exemplar.drawing, wanted) > 0.8  # it was enlarged less
    assert np.abs(np.subtract(exemplar.style.paper[:3], (249, 248, 243))).max() < 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("fall", [0.75, 0.45])
def test_a_hard_shadow(wanted: np.ndarray, agreement: Agreement, fall: float) -> None:
    picture = np.asarray(on(sheet(), four()), float)
    y, x = np.mgrid[0:300, 0:300]
    picture[x + y / 2 > 210] *= fall
    assert agreement(preprocess(Image.fromarray(picture.astype(np.uint8)), SIZE).drawing, wanted) > 0.8


@pytest.mark.parametrize("side", [300, 997, 1024])
def test_the_edge_of_a_hard_shadow_is_no_ink(side: int) -> None:
    mask = np.asarray(four(side))
    picture = np.asarray(on(sheet(side), four(side)), np.float32) / 255
    y, x = np.mgrid[:side, :side]
    picture[x + y / 2 > 0.7 * side] *= 0.45
    strength = departure(picture, np.ones((side, side), bool), "near", "dark")
    rows = slice(side // 8, -side // 8)  # at the rim a shadow has a corner, which a square does not reach
    assert strength[rows][mask[rows] == 0].max() < 0.4  # a pixel beside the edge is blurred by it
    assert strength[rows][mask[rows] == 255].min() > 0.6


def test_a_scanners_dark_edges(wanted: np.ndarray, agreement: Agreement) -> None:
    picture = np.asarray(on(sheet(), four())).copy()
    picture[:14], picture[:, -11:] = 12, 16
    assert agreement(preprocess(Image.fromarray(picture), SIZE).drawing, wanted) > 0.85


@pytest.mark.parametrize("alpha", [30, 100, 250])
def test_even_transparency_is_no_ink(wanted: np.ndarray, agreement: Agreement, alpha: int) -> None:
    picture = on(sheet(), four()).convert("RGBA")
    picture.putalpha(alpha)
    assert agreement(preprocess(picture, SIZE).drawing, wanted) > 0.95


@pytest.mark.parametrize("ink", [(24, 24, 36), (235, 210, 90), (196, 196, 194)])
@pytest.mark.parametrize("turn", [0, 7, 20])
def test_a_card_on_transparent_ground(agreement: Agreement, ink: tuple[int, int, int], turn: int) -> None:
    card = on(sheet(), four(), ink).convert("RGBA")
    straight = preprocess(on(sheet(), four().rotate(turn, Image.Resampling.BICUBIC)), SIZE).drawing
    drawing = preprocess(card.rotate(turn, Image.Resampling.BICUBIC, expand=True), SIZE).drawing
    assert agreement(drawing, straight) > 0.7


@pytest.mark.slow
def test_two_tones_without_margin_are_dark_on_light_or_said_to_be_undecided() -> None:
    font = pytest.importorskip("PIL.ImageFont").load_default(60)
    right = undecided = 0
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ023456789"
    for letter in letters:
        mask = Image.new("L", (120, 120))
        ImageDraw.Draw(mask).text((20, 20), letter, fill=255, font=font, stroke_width=3)
        cut = Image.eval(mask.crop(mask.getbbox()), lambda v: 255 - v)
        try:
            found = find_in(cut)
        except AllographError as error:
            assert "--ink" in str(error)
            undecided += 1
        else:
            right += found.dark is True or bool(found.warnings)
    assert right + undecided == len(letters)
    assert undecided <= 2


def test_deep_greys_are_read_as_eight_bits_are(tmp_path: Path, wanted: np.ndarray, agreement: Agreement) -> None:
    grey = np.asarray(on(sheet(), four()).convert("L"))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0  # white is 0
    Image.fromarray(65535 - grey.astype(np.uint16) * 257).save(tmp_path / "white-is-0.tif", tiffinfo=info)
    exemplar = preprocess(tmp_path / "white-is-0.tif", SIZE)
    assert agreement(exemplar.drawing, wanted) > 0.95
    assert exemplar.style.ink[0] < 60  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["1", "I;16"])
def test_a_transparent_tone_of_a_png_is_no_paper(tmp_path: Path, wanted: np.ndarray, mode: str) -> None:
    mask = np.asarray(four()) > 127
    if mode == "1":
        Image.fromarray(~mask).save(tmp_path / "clear.png", transparency=255)
    else:
        Image.fromarray(np.where(mask, 900, 65535).astype(np.uint16)).save(tmp_path / "clear.png", transparency=65535)
    with Image.open(tmp_path / "clear.png") as opened:
        assert "transparency" in opened.info
    exemplar = preprocess(tmp_path / "clear.png", SIZE)
    assert exemplar.style.has_alpha  # type: ignore[attr-defined]
    assert exemplar.style.paper[3] == 0  # type: ignore[attr-defined]
    assert parts(exemplar.drawing) == 2


def test_arrays_of_nothing_but_0_and_1(wanted: np.ndarray, agreement: Agreement) -> None:
    ink = np.asarray(four()) > 127
    assert agreement(preprocess((~ink).astype(np.uint8), SIZE).drawing, wanted) > 0.9


def test_a_closed_picture_is_one_line(tmp_path: Path) -> None:
    on(sheet(), four()).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        pass
    with pytest.raises(AllographError, match="was closed before it was read; pass it while it is open"):
        preprocess(picture, SIZE)


@pytest.mark.parametrize("quality", [30, 90])
def test_half_of_a_jpeg_with_an_end_marker_is_refused_and_a_whole_one_is_not(tmp_path: Path, quality: int) -> None:
    stream = io.BytesIO()
    on(sheet(), four()).save(stream, "JPEG", quality=quality)
    data = stream.getvalue()
    assert preprocess(data, SIZE).drawing.any()
    start = data.index(b"\xff\xda")
    for share in (0.4, 0.6):
        cut = data[: start + int(share * (len(data) - start))] + b"\xff\xd9"
        with pytest.raises(AllographError, match="is damaged or cut off"):
            preprocess(cut, SIZE)


def test_what_is_no_picture_in_a_class_folder_is_named(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.ppm", "b/2.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        on(sheet(), four()).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "a" / ".hidden").write_text("x")
    folder = load_folder(tmp_path)
    assert len(folder.dataset.images) == 3
    assert passed_over(tmp_path) == [tmp_path / "a" / "notes.txt"]
    assert folder.passed_over == (tmp_path / "a" / "notes.txt",)
    assert left_out(folder.passed_over) == f"1 file is not a picture and was left out: {tmp_path / 'a' / 'notes.txt'}"


def test_drawings_without_pixels_are_rendered(tmp_path: Path, agreement: Agreement, wanted: np.ndarray) -> None:
    pytest.importorskip("resvg_py")
    pytest.importorskip("pypdfium2")
    (tmp_path / "four.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 300 300'><rect width='300' height='300' fill='white'/>"
        "<path d='M118 75 70 172H236M188 124V236' fill='none' stroke='#181824' stroke-width='8'/>"
        "<circle cx='86' cy='220' r='8'/></svg>"
    )
    blank, drawn = Image.new("RGB", (300, 300), "white"), on(sheet(), four())
    blank.save(tmp_path / "four.pdf", save_all=True, append_images=[drawn])
    for name in ("four.svg", "four.pdf"):
        assert agreement(preprocess(tmp_path / name, SIZE).drawing, wanted) > 0.8, name
    assert "using frame or page 2 of 2" in preprocess(tmp_path / "four.pdf", SIZE).notes[0]


def test_a_refusal_says_what_was_seen_and_which_flag_helps() -> None:
    y, x = np.mgrid[0:160, 0:160]
    halves = np.where((x // 8 + y // 8) % 2, 255, 0).astype(np.uint8)
    with pytest.raises(AllographError) as caught:
        found = find_in(halves)
        raise AllographError(" ".join(found.warnings))
    assert "--ink" in str(caught.value)
    with pytest.raises(AllographError, match=r"shows no ink .*between \d+ and \d+ % of white.*--ink"):
        find_in(np.full((60, 60), 200, np.uint8))
