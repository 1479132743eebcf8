"""The font: light and smooth outlines, standing on the line, of which repeats differ; in every format."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont
from fontTools.ufoLib import UFOReader
from PIL import Image, ImageDraw, ImageFont

import allograph
from allograph.errors import AllographError
from allograph.imaging.curves import fit_closed
from allograph.typography.design import Design, design_of
from allograph.typography.font import FontNames, build_font, write_font
from allograph.typography.glyphs import Drawing, Glyph, collect, glyph_name, outlined
from allograph.typography.metrics import CAP_HEIGHT, Frame, frames_of
from allograph.typography.scripts import cautions
from allograph.typography.shapes import Shape
from allograph.typography.spacing import bearings, kern, profile_of
from studio.browser import browsing, chromium
from typography.reading import blurred

NAMES = FontNames("My Hand", designer="Somebody", license="Do as you like.")


@pytest.fixture(scope="session")
def design(hand: Path) -> Design:
    glyphs, problems = collect(hand, allograph.load("omniglot-bending"), 5, workers=2)
    assert problems == []
    design, problems = design_of(glyphs, hand)
    assert problems == []
    return design


@pytest.fixture(scope="session")
def ttf(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("font") / "MyHand.ttf"
    write_font(path, design, NAMES)
    return path


def shaped(path: Path, text: str, **features: bool) -> list[str]:
    """The glyphs that HarfBuzz sets."""
    import uharfbuzz

    font: Any = uharfbuzz.Font(uharfbuzz.Face(path.read_bytes()))
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer, features)
    return [font.glyph_to_string(info.codepoint) for info in buffer.glyph_infos]


def ink_box(picture: Image.Image) -> tuple[int, int, int, int]:
    return picture.point(lambda level: 255 * (level < 128)).getbbox() or (0, 0, 0, 0)


def polygon(*points: tuple[float, float]) -> Drawing:
    return outlined(Shape((np.array(points, float),), (100, 100), 6.0), Frame(10.0, 80.0))


def bar(width: float = 6.0, top: float = 10.0, bottom: float = 80.0, left: float = 20.0) -> Drawing:
    return polygon((left, top), (left + width, top), (left + width, bottom), (left, bottom))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["aaaa", "abab", "aaaaaaaa", "a a a a", "gag egg", "tti ti itt", "A. A. A"])
def test_repeats_differ_at_distances_of_one_two_and_three(ttf: Path, text: str) -> None:
    text = text.replace("b", "e")
    for rand in (True, False):
        names = shaped(ttf, text, rand=rand)
        assert len(names) == len(text)
        for distance in (1, 2, 3):
            for here, there in zip(range(len(text)), range(distance, len(text)), strict=False):
                if text[here] == text[there] and text[here] not in " .":
                    assert names[here] != names[there], (names, distance)


def test_features_choose_drawings(ttf: Path) -> None:
    assert shaped(ttf, "aea", rand=False, calt=False) == ["a", "e", "a"]
    assert shaped(ttf, "aea", rand=False) == ["a", "e.alt1", "a.alt2"]
    assert shaped(ttf, "aea", ss03=True) == ["a.alt2", "e.alt2", "a.alt2"]
    assert shaped(ttf, "aea", calt=False, rand=False, salt=True) == ["a.alt1", "e.alt1", "a.alt1"]


def test_outlines_are_light(ttf: Path, design: Design) -> None:
    font = TTFont(ttf)
    table: Any = font["glyf"]
    points = [len(table[name].coordinates) for name in design.drawings]
    assert np.mean(points) < 40, np.mean(points)
    cubic = build_font(design, NAMES, cff=True)
    glyphs, counts = cubic.getGlyphSet(), []
    for name in design.drawings:
        pen = RecordingPen()
        glyphs[name].draw(pen)
        counts.append(sum(len(points) for kind, points in pen.value if kind in ("lineTo", "curveTo")))
    assert np.mean(counts) < 40, np.mean(counts)


def test_the_first_drawing_is_the_persons_own_on_the_guide_lines(ttf: Path, design: Design, hand: Path) -> None:
    for symbol, top in (("A", CAP_HEIGHT), ("m", None), ("a", None)):
        _, low, _, high = design.drawings[glyph_name(symbol)].box
        assert abs(low) < 90
        if top is not None:
            assert abs(high - top) < 110
    assert design.drawings["g"].box[1] < -80
    # Set by FreeType, the glyph looks as the picture does.
    for symbol in "AGegsy8":
        (path,) = hand.glob(f"U+{ord(symbol):04X}*/01.png")
        with Image.open(path) as picture:
            wanted = picture.convert("L")
        left, top, _, bottom = ink_box(wanted)
        _, low, _, high = design.drawings[glyph_name(symbol)].box
        size = (bottom - top) * 1000 / (high - low)
        font = ImageFont.truetype(io.BytesIO(ttf.read_bytes()), size, layout_engine=ImageFont.Layout.BASIC)
        page = Image.new("L", wanted.size, 255)
        ImageDraw.Draw(page).text((20, 20), symbol, 0, font)
        set_ = Image.new("L", wanted.size, 255)
        set_.paste(page.crop(ink_box(page)), (left, top))
        assert (blurred(set_) * blurred(wanted)).sum() > 0.95, symbol


def test_a_font_has_what_programs_ask_for(ttf: Path, design: Design) -> None:
    font = TTFont(ttf)
    tables: Any = font
    assert tables["name"].getDebugName(1) == "My Hand" and tables["name"].getDebugName(6) == "MyHand-Regular"
    characters = font.getBestCmap()
    assert characters is not None and characters[0x20] == "space" and characters[0xA0] == "uni00A0"
    assert {feature.FeatureTag for feature in tables["GSUB"].table.FeatureList.FeatureRecord} >= {
        "aalt", "calt", "rand", "salt", "ss01", "ss05",
    }  # fmt: skip
    assert tables["OS/2"].sTypoAscender == tables["hhea"].ascent >= max(d.box[3] for d in design.drawings.values())
    assert -tables["hhea"].descent >= -min(d.box[1] for d in design.drawings.values())
    assert tables["OS/2"].usWinAscent >= max(tables["head"].yMax, tables["hhea"].ascent)
    assert tables["OS/2"].usWinDescent >= max(-tables["head"].yMin, -tables["hhea"].descent)
    for name, drawing in design.drawings.items():
        advance, left = tables["hmtx"][name]
        assert left >= 0 and advance > drawing.box[2] - drawing.box[0]


def test_every_format_holds_the_same_font(design: Design, ttf: Path, tmp_path: Path) -> None:
    for ending in (".otf", ".woff2", ".ufo"):
        write_font(tmp_path / f"MyHand{ending}", design, NAMES)
    for path in (tmp_path / "MyHand.otf", tmp_path / "MyHand.woff2"):
        font = TTFont(path)
        assert font.getGlyphOrder() == TTFont(ttf).getGlyphOrder()
        metrics: Any = font["hmtx"]
        reference: Any = TTFont(ttf)["hmtx"]
        assert {k: v[0] for k, v in metrics.metrics.items()} == {k: v[0] for k, v in reference.metrics.items()}
    assert shaped(tmp_path / "MyHand.otf", "aaaa", rand=False) == ["a", "a.alt1", "a.alt2", "a.alt3"]
    sources: Any = UFOReader(tmp_path / "MyHand.ufo")
    assert "feature calt" in sources.readFeatures()
    assert set(design.drawings) < set(sources.getGlyphSet().keys())
    again = tmp_path / "again.ttf"
    write_font(again, design, NAMES)
    assert again.read_bytes() == ttf.read_bytes()
    with pytest.raises(AllographError, match="exists already"):
        write_font(again, design, NAMES)
    with pytest.raises(AllographError, match="exists already"):
        write_font(tmp_path / "MyHand.ufo", design, NAMES)
    with pytest.raises(AllographError, match=r"does not end in \.ttf"):
        write_font(tmp_path / "MyHand.pfb", design, NAMES)


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="no Chromium")
def test_a_page_in_a_browser_shows_different_letters(ttf: Path) -> None:
    page_of = (
        "<style>@font-face{{font-family:Hand;src:url({0})}}span{{font:120px Hand;display:inline-block}}</style>"
        "<span>gggg</span><br><span>gegege</span>"
    )
    html = ttf.with_suffix(".html")
    html.write_text(page_of.format(ttf.name))
    with browsing() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 400})
        page.goto(html.as_uri())
        page.wait_for_function("document.fonts.status === 'loaded' && document.fonts.check('120px Hand')")
        for number, letters in enumerate((4, 6)):
            shot = Image.open(io.BytesIO(page.locator("span").nth(number).screenshot())).convert("L")
            pieces = letters_in(np.asarray(shot) < 128)
            assert len(pieces) >= letters - 1  # two may touch
            for place, piece in enumerate(pieces):
                assert all(not np.array_equal(piece, other) for other in pieces[place + 1 :])


def letters_in(ink: np.ndarray) -> list[np.ndarray]:
    """Parts of a line between white columns."""
    held = np.concatenate([[False], ink.any(0), [False]])
    starts, ends = np.flatnonzero(held[1:] & ~held[:-1]), np.flatnonzero(~held[1:] & held[:-1])
    return [ink[:, first:last] for first, last in zip(starts, ends, strict=True)]


def test_corners_stay_and_curves_are_few() -> None:
    square = np.array([(0, 0), (0, 100), (100, 100), (100, 0)], float)
    curves = fit_closed(square, 1.0, 10.0)
    ends = np.array([curve[3] for curve in curves])
    assert len(curves) == 4 and all(np.linalg.norm(ends - corner, axis=1).min() < 1.5 for corner in square)
    angle = np.linspace(0, 2 * math.pi, 400, endpoint=False)
    circle = 100 * np.stack([np.cos(angle), np.sin(angle)], -1)
    curves = fit_closed(circle, 0.5, 10.0)
    assert len(curves) <= 5
    t = np.linspace(0, 1, 50)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], -1)
    assert all(np.abs(np.linalg.norm(weights @ curve, axis=1) - 100).max() < 1.0 for curve in curves)
    for one, other in zip(curves, [*curves[1:], curves[0]], strict=True):
        assert np.allclose(one[3], other[0])
        arriving, leaving = one[3] - one[2], other[1] - other[0]
        assert arriving @ leaving > 0.99 * np.linalg.norm(arriving) * np.linalg.norm(leaving)


def test_white_space_follows_the_shapes() -> None:
    straight = bar()
    hollow = polygon((20, 10), (60, 10), (60, 16), (26, 16), (26, 74), (60, 74), (60, 80), (20, 80))
    left, right = bearings(profile_of(hollow.edges))
    assert right < left  # open on the right
    assert bearings(profile_of(straight.edges))[0] == pytest.approx(bearings(profile_of(straight.edges))[1])
    slant = profile_of(polygon((20, 80), (50, 10), (56, 10), (26, 80)).edges)
    mirrored = profile_of(polygon((20, 10), (50, 80), (56, 80), (26, 10)).edges)
    bars = profile_of(straight.edges)
    assert kern(mirrored, slant, 120) != 0 or kern(slant, mirrored, 120) != 0
    assert kern(slant, slant, 120) == pytest.approx(kern(mirrored, mirrored, 120), abs=2)
    assert kern(bars, bars, 2 * bearings(bars)[0]) == 0


def test_sizes_are_estimated_where_no_guide_line_tells() -> None:
    def shape(top: float, bottom: float, size: tuple[int, int] = (100, 100)) -> Shape:
        return Shape((np.array([(10, top), (40, top), (40, bottom), (10, bottom)], float),), size, 5.0)

    one_frame = {
        (symbol, Path(symbol)): shape(top, bottom)
        for symbol, top, bottom in (("A", 10, 80), ("B", 11, 80), ("x", 34, 81), ("a", 33, 80), ("g", 33, 100))
    }
    frames = frames_of(one_frame, {})
    assert len({(frame.scale, frame.baseline) for frame in frames.values()}) == 1
    assert frames[Path("g")].baseline == pytest.approx(80, abs=1)
    assert frames[Path("A")].scale * 70 == pytest.approx(CAP_HEIGHT, rel=0.05)
    cropped = {
        ("A", Path("A")): shape(0, 70, (50, 70)),
        ("g", Path("g")): shape(0, 30, (50, 30)),
        (".", Path(".")): shape(0, 5, (50, 5)),
    }
    frames = frames_of(cropped, {})
    assert frames[Path("A")].baseline == pytest.approx(70)
    assert frames[Path("g")].baseline < 30 and frames[Path(".")].baseline == pytest.approx(5, abs=5)
    known = {Path("A"): Frame(3.0, 12.0)}
    assert frames_of(cropped, known)[Path("A")] == known[Path("A")]


def test_marks_stand_over_letters_and_ligatures_replace_their_parts(tmp_path: Path) -> None:
    import uharfbuzz

    dot = bar(top=0.0, bottom=8.0, width=8.0)
    glyphs = [
        Glyph("a", "a", (bar(top=40), bar(top=38)), 1),
        Glyph("f", "f", (bar(), bar(width=8)), 1),
        Glyph("i", "i", (bar(top=30), bar(top=35)), 1),
        Glyph("\u0301", glyph_name("\u0301"), (dot, dot), 1),
        Glyph("fi", "f_i", (bar(width=30), bar(width=28)), 1),
        Glyph("fl", "f_l", (bar(width=30), bar(width=28)), 1),
        Glyph("\u05d0", glyph_name("\u05d0"), (bar(width=20), bar(width=22)), 1),
    ]
    design, problems = design_of(glyphs, tmp_path)
    assert len(problems) == 1 and "U+006C" in problems[0].message
    path = tmp_path / "marks.ttf"
    write_font(path, design, NAMES)
    assert shaped(path, "fia", rand=False) == ["f_i", "a.alt1"]
    assert len(set(shaped(path, "\u05d0\u05d0", rand=False))) == 2
    font: Any = uharfbuzz.Font(uharfbuzz.Face(path.read_bytes()))
    buffer = uharfbuzz.Buffer()
    buffer.add_str("a\u0301")
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    _, mark = buffer.glyph_positions
    base_box, mark_name = design.drawings["a"].box, font.glyph_to_string(buffer.glyph_infos[1].codepoint)
    mark_box = design.drawings[mark_name].box
    assert mark.x_advance == 0
    assert mark_box[1] + mark.y_offset > base_box[3]
    assert any("Arabic" in line for line in cautions(["\u0628"])) and not list(cautions("aA\u05d0"))


def test_folders_that_make_no_font_are_one_line_each(hand: Path, tmp_path: Path) -> None:
    with pytest.raises(AllographError, match="no class folder"):
        collect(tmp_path, None, 5)
    folder = tmp_path / "mixed"
    for name in ("alpha", "U+0041-A", "A", "B", "U+0007-bell"):
        (folder / name).mkdir(parents=True)
    (folder / "B" / "b.png").write_text("no picture")
    source = next(hand.glob("U+0041*/01.png"))
    (folder / "U+0041-A" / "a.png").write_bytes(source.read_bytes())
    (folder / "A" / "a.png").write_bytes(source.read_bytes())
    glyphs, problems = collect(folder, None, 5)
    assert [glyph.symbol for glyph in glyphs] == ["A"] and len(glyphs[0].drawings) == 1
    messages = "\n".join(problem.message for problem in problems)
    for words in ("alpha: the name is no character", "same character as", "B: no picture can be used", "U+0007"):
        assert words in messages
    assert all("\n" not in problem.message for problem in problems)
    with pytest.raises(AllographError, match="cannot be called"):
        FontNames("手")
