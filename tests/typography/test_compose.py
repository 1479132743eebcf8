"""Lines of text: one hand a line, ground truth that fits the pictures, the same files however the job went."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import allograph
from allograph.cli import main
from allograph.errors import AllographError
from allograph.runtime.distributed import Processes
from allograph.typography.bank import Bank, make_bank, read_bank
from allograph.typography.compose import ComposeSettings, compose
from allograph.typography.hand import Hand, Style, set_line, split_line
from commands.pictures import contents

PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"
TEXT = "a game\nGamma  igl\n\nall eggs\nümlaut\nmy 88 lamas\nsticky AGE\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture(scope="session")
def bank(hand: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Six drawings of each symbol, five of them the model's."""
    path = tmp_path_factory.mktemp("bank") / "bank.npz"
    assert make_bank(path, hand, allograph.load("omniglot-bending"), 6) == []
    return read_bank(path)


def run(text: Path, hand: Path, output: Path, layout: str = "kraken", **settings):
    return compose(text, hand, output, None, ComposeSettings(layout, lines=2, **settings))  # pyright: ignore


def ink_of(picture: Path) -> np.ndarray:
    with Image.open(picture) as image:
        return np.asarray(image.convert("L")) < 128


@pytest.mark.slow
def test_kraken_pairs_say_what_their_pictures_show(text: Path, hand: Path, tmp_path: Path) -> None:
    report = run(text, hand, tmp_path / "out")
    assert report.lines == 4
    (problem,) = report.problems
    assert "2 lines are left out" in problem.message and "ü" in problem.message and "\n" not in problem.message
    truths = sorted((tmp_path / "out" / "000").glob("*.gt.txt"))
    assert [path.read_text() for path in truths] == ["a game\n", "Gamma igl\n", "all eggs\n", "my 88 lamas\n"]
    for truth in truths:
        ink = ink_of(truth.with_name(truth.name.replace(".gt.txt", ".png")))
        assert 30 < ink.shape[0] < 110 and 0.02 < ink.mean() < 0.3
        assert not ink[:, 0].any() and not ink[:, -1].any()
    assert (tmp_path / "out" / "000" / "000001.png").exists()


def test_calamari_pairs_are_black_and_white(text: Path, hand: Path, tmp_path: Path) -> None:
    run(text, hand, tmp_path / "out", "calamari")
    with Image.open(tmp_path / "out" / "000" / "000003.bin.png") as picture:
        assert picture.mode == "1"
    assert (tmp_path / "out" / "000" / "000003.gt.txt").read_text() == "all eggs\n"


def test_page_xml_has_the_lines_words_and_glyphs_where_their_ink_is(text: Path, hand: Path, tmp_path: Path) -> None:
    run(text, hand, tmp_path / "out", "page-xml", style=Style(paper="aged", rules=True, noise=0.3))
    files = sorted((tmp_path / "out" / "000").glob("*.xml"))
    root = ElementTree.parse(files[0]).getroot()
    page = root.find(f"{PAGE}Page")
    assert page is not None
    picture = files[0].with_name(page.get("imageFilename", ""))
    with Image.open(picture) as image:
        assert image.size == (int(page.get("imageWidth", 0)), int(page.get("imageHeight", 0)))
        levels = np.asarray(image.convert("L"), float)
    lines = page.findall(f"{PAGE}TextRegion/{PAGE}TextLine")
    assert [line.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode") for line in lines] == ["a game", "Gamma igl"]
    paper = np.median(levels)
    for line in lines:
        words = line.findall(f"{PAGE}Word")
        texts = [word.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode") or "" for word in words]
        assert " ".join(texts) == line.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode")
        for word, said in zip(words, texts, strict=True):
            glyphs = word.findall(f"{PAGE}Glyph")
            assert "".join(glyph.findtext(f"{PAGE}TextEquiv/{PAGE}Unicode") or "" for glyph in glyphs) == said
            for glyph in glyphs:
                left, top, right, bottom = box_of(glyph)
                inside = levels[top:bottom, left:right]
                assert inside.min() < paper - 60  # ink
        baseline = line.find(f"{PAGE}Baseline")
        assert baseline is not None and len(baseline.get("points", "").split()) > 3
        # Schema order: shape, baseline, words, text.
        assert [child.tag.removeprefix(PAGE) for child in line][:2] == ["Coords", "Baseline"]
        assert line[-1].tag == f"{PAGE}TextEquiv"


def box_of(element: ElementTree.Element) -> tuple[int, int, int, int]:
    coords = element.find(f"{PAGE}Coords")
    assert coords is not None
    points = np.array([[int(v) for v in pair.split(",")] for pair in coords.get("points", "").split()])
    return (*points.min(0).tolist(), *points.max(0).tolist())


def test_coco_boxes_are_read_back_by_its_own_library(text: Path, hand: Path, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    run(text, hand, tmp_path / "out", "coco")
    data = COCO(tmp_path / "out" / "annotations.json")
    names = {one["id"]: one["name"] for one in data.loadCats(data.getCatIds())}
    assert len(data.getImgIds()) == 3 and set(names.values()) >= {"a", "g", "8"}
    boxes = data.loadAnns(data.getAnnIds())
    assert len({box["id"] for box in boxes}) == len(boxes)
    assert "".join(names[box["category_id"]] for box in boxes if box["image_id"] == 1) == "agameGammaigl"
    for image in data.loadImgs(data.getImgIds()):
        ink = ink_of(tmp_path / "out" / "images" / image["file_name"])
        assert ink.shape == (image["height"], image["width"])
        covered = np.zeros_like(ink)
        for box in data.loadAnns(data.getAnnIds(imgIds=[image["id"]])):
            left, top, width, height = box["bbox"]
            part = ink[int(top) : int(top + height) + 1, int(left) : int(left + width) + 1]
            assert part.any() and width > 0 and height > 0
            covered[int(top) : int(top + height) + 1, int(left) : int(left + width) + 1] = True
        assert not (ink & ~covered).any()  # no ink outside of all boxes


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["kraken", "coco"])
def test_a_stopped_job_and_several_processes_make_the_same_files(
    layout: str, text: Path, hand: Path, tmp_path: Path
) -> None:
    run(text, hand, tmp_path / "whole", layout)
    whole = contents(tmp_path / "whole")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    settings = ComposeSettings(layout, lines=2)  # pyright: ignore
    with pytest.raises(KeyboardInterrupt):
        compose(text, hand, tmp_path / "stopped", None, settings, progress=stop)
    missing = sorted(path for path in (tmp_path / "stopped").rglob("*1.*") if path.suffix in (".txt", ".json", ".png"))
    missing[0].unlink()
    run(text, hand, tmp_path / "stopped", layout)
    assert contents(tmp_path / "stopped") == whole

    class Alone(Processes):
        """One of several processes, run one after the other."""

        def by_first(self, work):
            return work()

        def by_each(self, work):
            return [work()]

    for rank in (1, 0):
        compose(text, hand, tmp_path / "shared", None, settings, processes=Alone(rank, 2))
        if rank == 1:
            assert contents(tmp_path / "shared").keys() < whole.keys()
    assert contents(tmp_path / "shared") == whole


def test_other_settings_are_not_mixed_in(text: Path, hand: Path, tmp_path: Path) -> None:
    run(text, hand, tmp_path / "out")
    before = contents(tmp_path / "out")
    for other, words in (({"seed": 1}, "seed"), ({"style": Style(60)}, "style")):
        with pytest.raises(AllographError, match=words):
            run(text, hand, tmp_path / "out", **other)
    assert contents(tmp_path / "out") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(AllographError, match="other files"):
        run(text, hand, tmp_path / "mine")


def test_bad_texts_are_one_line_each(hand: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"\xe9t\xe9 \xff")
    (tmp_path / "other.txt").write_text("ξζ", "utf-8")
    (tmp_path / "empty.txt").write_text("\n\n")
    for name, words in (("latin", "UTF-8"), ("other", "ξ"), ("empty", "no line"), ("absent", "cannot read")):
        with pytest.raises(AllographError, match=words):
            run(tmp_path / f"{name}.txt", hand, tmp_path / f"out-{name}")
    with pytest.raises(AllographError, match="no folder"):
        run(tmp_path / "other.txt", tmp_path / "nowhere", tmp_path / "out")


@pytest.mark.slow
def test_a_line_has_one_hand_and_lines_have_many(bank: Bank) -> None:
    style = Style()
    random = np.random.default_rng(0)
    hands = [Hand.at_random(random, style) for _ in range(200)]
    assert 0.08 < np.std([hand.slant for hand in hands]) < 0.15
    assert len({hand.ink for hand in hands}) > 50
    still = Style(variation=0)
    assert len({Hand.at_random(random, still).slant for _ in range(5)}) == 1
    line = set_line("a a a a a a a a", bank, style, np.random.default_rng(3))
    widths = [one.box[2] - one.box[0] for one in line.symbols]
    heights = [one.box[3] - one.box[1] for one in line.symbols]
    assert len({round(width, 3) for width in widths}) == 8  # no two alike
    across = [
        np.mean([one.box[3] - one.box[1] for one in set_line("a a a", bank, style, np.random.default_rng(k)).symbols])
        for k in range(12)
    ]
    assert np.std(heights) < 2.5 * np.std(across)
    again = set_line("a a a a a a a a", bank, style, np.random.default_rng(3))
    assert np.array_equal(line.coverage, again.coverage) and line.symbols == again.symbols


@pytest.mark.slow
def test_symbols_of_several_characters_are_found_first(bank: Bank) -> None:
    longer = Bank({**bank.drawings, "gg": bank.drawings["g"]}, 2)
    found, unknown = split_line("eggs?", longer)
    assert found == [("e", 0), ("gg", 1), ("s", 3)] and unknown == ["?"]


def test_text_to_the_left_is_set_from_the_right(bank: Bank) -> None:
    hebrew = Bank({"\u05d0": bank.drawings["a"], "\u05d1": bank.drawings["g"], "8": bank.drawings["8"]}, 1)
    line = set_line("\u05d0\u05d1 8", hebrew, Style(), np.random.default_rng(0))
    assert [one.symbol for one in line.symbols] == ["\u05d0", "\u05d1", "8"]  # in the order of the text
    lefts = [one.box[0] for one in line.symbols]
    assert lefts == sorted(lefts, reverse=True)


def test_the_command_says_what_it_did(
    text: Path, hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compose", "--text", str(text), "--glyphs", str(hand), "-o", str(tmp_path / "out"), "--model", "none"]
    assert main([*arguments, "--layout", "page-xml", "--lines", "2"]) == 1
    said = capsys.readouterr()
    assert "4 lines on 3 pages, for page-xml" in said.out and "left out" in said.err
