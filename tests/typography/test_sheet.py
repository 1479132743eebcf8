"""The sheet: what it asks for, what its code says, and that a photograph of it is read right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

import handwriting
from allograph.errors import AllographError, Problem
from allograph.typography import characters
from allograph.typography.labels import Labels
from allograph.typography.layout import BOX, Page, pages_of
from allograph.typography.marks import find_page
from allograph.typography.naming import MAX_CODE_POINTS, check_text, class_name, class_text
from allograph.typography.read_sheet import PageRead, read_sheets
from allograph.typography.sheet import write_sheet
from typography.reading import wrong_cells

drawable = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zs", "Zl", "Zp")), min_size=1, max_size=MAX_CODE_POINTS
)


@given(drawable)
def test_a_class_folder_names_its_symbol_on_every_file_system(text: str) -> None:
    name = class_name(text)
    assert class_text(name) == text
    assert len(name.encode()) <= 255
    assert not set(name) & set('<>:"/\\|?*') and name[-1] not in ". " and name[0] == "U"


@given(st.lists(drawable, min_size=2, max_size=6, unique=True))
def test_two_symbols_never_share_a_folder_where_case_does_not_count(texts: list[str]) -> None:
    assert len({class_name(text).lower() for text in texts}) == len(texts)


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", " ", "A" * (MAX_CODE_POINTS + 1), "\u0378"])
def test_what_no_name_can_hold_is_refused(text: str) -> None:
    with pytest.raises(AllographError):
        check_text(text)


def test_folders_of_other_makers_name_single_characters() -> None:
    assert class_text("A") == "A"
    assert class_text("e\u0301") == "é"
    assert class_text("U+0041") == class_text("U+0041-whatever") == "A"
    assert class_text("alpha") is None


def test_symbols_are_characters_with_their_marks_each_once() -> None:
    assert characters.of_text("ab a\nક્ષ e\u0301") == ("a", "b", "ક્ષ", "e\u0301")
    armenian = characters.of_script("Armenian")
    assert {"Ա", "ֆ"} <= set(armenian) and len(armenian) > 70
    assert "".join(characters.of_script("latin")[:26]) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    with pytest.raises(AllographError, match="Armenian"):
        characters.of_script("Armenina")


def test_a_file_of_symbols_has_ligatures_on_lines_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "chars.txt"
    path.write_text("abc\n=ffi\nd=\n", "utf-8")
    assert characters.of_file(path) == ("a", "b", "c", "ffi", "d", "=")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AllographError, match="UTF-8"):
        characters.of_file(path)
    path.write_text("a\x07", "utf-8")
    with pytest.raises(AllographError, match=r"U\+0007"):
        characters.of_file(path)


@given(st.lists(drawable, min_size=1, max_size=40, unique=True), st.integers(1, 5), st.sampled_from(["a4", "letter"]))
def test_the_code_of_a_page_says_all_that_is_on_it(symbols: list[str], boxes: int, paper: str) -> None:
    pages = pages_of(symbols, boxes=boxes, paper=paper)
    assert [symbol for page in pages for symbol in page.symbols] == symbols
    for page in pages:
        assert Page.from_code(page.code) == page
        width, height = page.size
        for cell in page.cells:
            assert 0 < cell.corner[0] < width - BOX[0] and 0 < cell.corner[1] < height - BOX[1] - 17
    assert Page.from_code("https://example.org") is None
    with pytest.raises(AllographError, match="later version"):
        Page.from_code("ALLOGRAPH2:anything")


def test_many_boxes_and_many_symbols_go_on_several_pages() -> None:
    symbols = [chr(0x4E00 + 7 * k) for k in range(150)]
    pages = pages_of(symbols, boxes=2)
    assert pages[0].guides == "square"
    assert len(pages) == 5 and all(page.pages == 5 for page in pages)
    with pytest.raises(AllographError, match="boxes"):
        pages_of("A", boxes=1000)


def test_every_page_of_a_printed_sheet_is_found_upside_down_too(tmp_path: Path) -> None:
    pages = pages_of([chr(0x4E00 + 7 * k) for k in range(70)], paper="letter")
    path = tmp_path / "sheet.pdf"
    write_sheet(path, pages, Labels(pages[0].symbols, system=False))
    for page, picture in zip(pages, handwriting.rendered(path), strict=True):
        for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180):
            found = find_page(picture.transpose(turn), "scan")
            assert found.page == page and found.dots > 60


def test_labels_say_which_symbols_no_font_has(tmp_path: Path) -> None:
    assert Labels("AB", system=False).missing == ("A", "B")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    with pytest.raises(AllographError, match=r"broken\.ttf cannot be read"):
        Labels("A", [broken])


@pytest.mark.slow
@pytest.mark.parametrize("number", [2001, 2002, 2003])
def test_cells_of_a_photograph_are_read_right(
    number: int, filled: Image.Image, page: Page, written: dict[str, Image.Image]
) -> None:
    random = np.random.default_rng(number)
    camera = handwriting.Camera.at_random(random)
    assert wrong_cells(handwriting.photograph(filled, camera, random), page, written) == []


@pytest.mark.slow
def test_cells_are_read_right_at_the_limits_that_are_promised(
    filled: Image.Image, page: Page, written: dict[str, Image.Image]
) -> None:
    camera = handwriting.Camera(
        turn=-20, tilt=35, pan=-30, distance=1.2, curl=0.02, barrel=0.015, blur=1.6, noise=5, shade=0.6, quality=50
    )
    photo = handwriting.photograph(filled, camera, np.random.default_rng(5))
    assert wrong_cells(photo, page, written) == []


def test_a_scan_becomes_a_folder_of_classes(hand: Path, page: Page, filled: Image.Image) -> None:
    index = json.loads((hand / "sheet.json").read_text())
    (sheet,) = index["sheets"].values()
    assert sheet["read"]["1"]["empty"] == ["?", "."]
    classes = {class_text(folder.name) for folder in hand.iterdir() if folder.is_dir()}
    assert classes == set(page.symbols[:-2])
    with Image.open(hand / "U+0041-A" / "01.png") as picture:
        assert picture.size == (index["cells"]["width"], index["cells"]["height"])
        levels = np.asarray(picture)
    assert levels.max() == 255 and levels.min() < 40 and (levels > 250).mean() > 0.8
    previews = list(hand.glob("sheet-*-1.png"))
    assert len(previews) == 1


@pytest.mark.slow
def test_a_page_twice_and_a_page_missing_are_one_line_each(filled: Image.Image, tmp_path: Path) -> None:
    pages = pages_of("ABC" * 1 + "".join(chr(0x561 + k) for k in range(38)) + "DEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    assert len(pages) == 2
    write_sheet(tmp_path / "s.pdf", pages, Labels("A", system=False))
    picture = handwriting.rendered(tmp_path / "s.pdf")[0]
    left, top = (value * handwriting.SCALE for value in pages[0].cells[1].corner)
    ImageDraw.Draw(picture).line([(left + 50, top + 60), (left + 90, top + 120)], (0, 0, 90), 5)
    for name in ("one.png", "two.png"):
        picture.save(tmp_path / name)
    out = tmp_path / "out"
    first, twice, missing = read_sheets([tmp_path / "one.png", tmp_path / "two.png"], out)
    assert isinstance(first, PageRead) and [path.parent.name for path in first.files] == ["U+0042-B"]
    assert isinstance(twice, Problem) and "was read from one.png; leave one out" in twice.message
    assert isinstance(missing, Problem) and "page 2 of 2" in missing.message
    before = first.files[0].read_bytes()
    again, _ = read_sheets([tmp_path / "two.png"], out)
    assert isinstance(again, Problem) and "--overwrite" in again.message
    again, _ = read_sheets([tmp_path / "two.png"], out, overwrite=True)
    assert isinstance(again, PageRead) and again.files == first.files
    assert first.files[0].read_bytes() == before


@pytest.mark.slow
def test_pictures_without_a_sheet_are_one_line_each(blank: Image.Image, tmp_path: Path) -> None:
    Image.effect_noise((900, 1200), 40).save(tmp_path / "noise.png")
    half = blank.crop((0, 0, blank.width, blank.height // 2))
    half.save(tmp_path / "half.png")
    (tmp_path / "text.jpg").write_text("no picture")
    covered = blank.copy()
    ImageDraw.Draw(covered).rectangle((blank.width * 0.7, 0, blank.width * 0.87, blank.height * 0.13), "white")
    covered.save(tmp_path / "covered.png")
    names = ["noise.png", "half.png", "text.jpg", "covered.png", "absent.png"]
    problems = list(read_sheets([tmp_path / name for name in names], tmp_path / "out"))
    assert all(isinstance(problem, Problem) and "\n" not in problem.message for problem in problems)
    words = ["no mark of a sheet", "not all of its 4", "cannot be read as a picture"]
    words += ["code in the upper right", "no file"]
    for word, problem in zip(words, problems, strict=True):
        assert isinstance(problem, Problem) and word in problem.message
    assert not (tmp_path / "out").exists()


def test_a_damaged_index_is_not_written_over(filled: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "sheet.json").write_text("{")
    with pytest.raises(AllographError, match="damaged"):
        list(read_sheets([tmp_path / "a.png"], tmp_path))
    assert (tmp_path / "sheet.json").read_text() == "{"
