"""Pictures of which a part is hidden, on their way to the model and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.imaging import space_of
from allograph.imaging.hidden_part import HALVES, half
from allograph.imaging.masks import dilated

SYMBOLS = space_of("symbols", 52, 1)


def cross(
    size: tuple[int, int] = (200, 160), ink: object = (10, 20, 90), paper: object = (250, 240, 220)
) -> Image.Image:
    """Two diagonals, whose ends are equally far from their crossing in the middle."""
    picture = Image.new("RGB" if len(paper) == 3 else "RGBA", size, paper)  # type: ignore[arg-type]
    pen, (x, y) = ImageDraw.Draw(picture), (size[0] // 2, size[1] // 2)
    pen.line([(x - 50, y - 50), (x + 50, y + 50)], ink, 9)  # type: ignore[arg-type]
    pen.line([(x - 50, y + 50), (x + 50, y - 50)], ink, 9)  # type: ignore[arg-type]
    return picture


@pytest.mark.parametrize("which", HALVES)
def test_half_a_symbol_lies_where_the_whole_would(which: str) -> None:
    """To a pixel: the found margin is that of an antialiased edge."""
    whole = SYMBOLS.preprocess(cross()).drawing > 0
    damaged = SYMBOLS.preprocess_damaged(cross((160, 160)), which)
    left, seen = damaged.visible.drawing > 0, ~damaged.hidden
    assert not (left & ~dilated(whole, 1)).any() and not (whole & ~dilated(left, 1) & seen).any()
    assert 0.4 < seen.mean() < 0.6
    assert not damaged.visible.drawing[damaged.hidden].any()


def test_the_hidden_part_is_unknown_whatever_the_picture_shows_there() -> None:
    mask, blot = half(cross(), "right"), cross()
    ImageDraw.Draw(blot).ellipse((110, 20, 190, 140), (40, 0, 0))
    one, two = (SYMBOLS.preprocess_damaged(picture, mask) for picture in (cross(), blot))
    np.testing.assert_array_equal(one.visible.drawing, two.visible.drawing)
    np.testing.assert_array_equal(one.hidden, two.hidden)


def test_what_is_seen_stays_to_the_last_bit_and_the_rest_is_drawn() -> None:
    picture = cross()
    damaged = SYMBOLS.preprocess_damaged(picture, "bottom")
    drawn = Image.new("RGB", picture.size, (1, 2, 3))
    mended = np.asarray(damaged.mended(drawn))
    np.testing.assert_array_equal(mended[:80], np.asarray(picture)[:80])
    assert (mended[80:] == (1, 2, 3)).all()
    assert damaged.mended(drawn.resize((100, 80))).size == (100, 80)
    assert damaged.marked.picture.size == picture.size != damaged.marked.picture.getpixel((10, 10))


def test_light_ink_transparent_paper_and_masks_of_other_kinds(tmp_path: Path) -> None:
    light = SYMBOLS.preprocess_damaged(cross(ink=(250, 250, 250), paper=(20, 40, 30)), "left")
    clear = SYMBOLS.preprocess_damaged(cross(ink=(0, 0, 0, 255), paper=(0, 0, 0, 0)), "left")
    expected = SYMBOLS.preprocess_damaged(cross(), "left")
    for damaged in (light, clear):
        assert (damaged.visible.drawing != expected.visible.drawing).mean() < 0.01
    mask = half(cross(), "left")
    mask.save(tmp_path / "mask.png")
    for other in (tmp_path / "mask.png", mask.convert("1"), np.asarray(mask), mask.resize((400, 320))):
        same = SYMBOLS.preprocess_damaged(cross(), other)
        assert (same.hidden != expected.hidden).mean() < 0.03


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (Image.new("L", (200, 160), 0), "hides nothing"),
        (Image.new("L", (200, 160), 255), "hides all"),
        (Image.new("L", (100, 160), 0), "covers the whole picture"),
        (half(cross(), "right").rotate(0, translate=(90, 0)), "nothing that the symbol could reach"),
    ],
)
def test_masks_that_make_no_sense_are_refused_with_the_remedy(mask: Image.Image, said: str) -> None:
    with pytest.raises(AllographError, match=said) as caught:
        SYMBOLS.preprocess_damaged(cross(), mask)
    assert "\n" not in str(caught.value)


def test_a_mask_that_leaves_no_ink_is_refused() -> None:
    mask = Image.new("L", (200, 160), 0)
    ImageDraw.Draw(mask).rectangle((40, 20, 160, 140), 255)
    with pytest.raises(AllographError, match="the image"):
        SYMBOLS.preprocess_damaged(cross(), mask)


@pytest.mark.parametrize(("images", "channels"), [("grey", 1), ("colour", 3)])
def test_pictures_keep_what_is_seen_too(images: str, channels: int) -> None:
    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    space = space_of(images, 20, channels)
    damaged = space.preprocess_damaged(picture, "top")
    assert damaged.hidden[:10].all() and not damaged.hidden[10:].any()
    np.testing.assert_array_equal(damaged.visible.image[:, 10:], space.preprocess(picture).image[:, 10:])
    drawn = damaged.visible.style.render(np.zeros((channels, 20, 20), np.float32))
    mended = np.asarray(damaged.mended(drawn))
    assert mended.shape[:2] == (40, 40) and not mended[:19].any() and mended[21:].any()
