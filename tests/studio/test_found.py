"""What the page shows of a picture that is opened, and how it is put right, in a real headless Chromium."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.imaging.inspection import inspect_picture
from studio.browser import Visit
from studio.live_server import drawing
from studio.test_page import drop

pytestmark = pytest.mark.slow

WIDE_AND_NARROW = [(1440, "light"), (390, "dark")]


def two_symbols() -> Image.Image:
    """A hook of one part on the left, two bars beside it."""
    picture = Image.new("RGB", (400, 200), "white")
    draw = ImageDraw.Draw(picture)
    draw.line([(60, 40), (60, 150), (140, 150)], "black", 8)
    for x in (260, 320):
        draw.line([(x, 40), (x, 160)], "black", 8)
    return picture


def two_tones() -> Image.Image:
    """A letter so bold that nobody can tell its ink from its paper: three bars at a stem."""
    picture = Image.new("L", (200, 200), 255)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 39, 199), fill=0)
    for y in (0, 78, 156):
        draw.rectangle((0, y, 199, y + 43), fill=0)
    return picture


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def settled(visit: Visit, action: Callable[[], object]) -> None:
    """Does something that has pictures looked at, and waits for what was found and for the drawings."""
    visit.page.evaluate("() => { document.documentElement.dataset.latency = ''; }")
    action()
    visit.page.wait_for_function("() => document.documentElement.dataset.latency")
    visit.page.wait_for_selector("#found[aria-busy=false]")
    visit.wait_for_drawings()


def open_picture(visit: Visit, picture: Image.Image) -> None:
    settled(visit, lambda: drop(visit, "picture.png", png(picture), "image/png"))


def fact(visit: Visit, name: str) -> str:
    return visit.page.locator(f"#found-facts div:has(dt:text-is('{name}')) dd").inner_text()


def pixels(visit: Visit, selector: str) -> np.ndarray:
    """The red, green and blue of a canvas."""
    width, values = visit.page.locator(selector).evaluate(
        """canvas => {
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            return [canvas.width, Array.from(context.getImageData(0, 0, copy.width, copy.height).data)];
        }"""
    )
    return np.array(values, np.uint8).reshape(-1, width, 4)[..., :3]


def test_a_picture_is_shown_with_what_was_found_in_it(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#found").is_hidden()
    open_picture(visit, drawing(0, (300, 200)))
    wanted, _ = inspect_picture(png(drawing(0, (300, 200))))
    left, top, right, bottom = wanted.box
    assert fact(visit, "Ink") == "dark, #000000"
    assert fact(visit, "Paper") == "#ffffff"
    assert fact(visit, "Parts") == str(wanted.parts)
    size, place = fact(visit, "Box").split(" pixels, at ")
    got = np.array([*place.split(", "), *size.split(" × ")], int)
    assert np.abs(got - (left, top, right - left, bottom - top)).max() <= 1
    assert abs(float(fact(visit, "Strokes").split()[0]) - wanted.stroke_width) < 0.5
    red, green, blue = np.moveaxis(pixels(visit, "#found-ink").astype(int), -1, 0)
    assert ((red > green + 40) & (blue > green)).sum() > 500  # the mark
    seen = pixels(visit, "#found-seen")
    assert seen.shape == (28, 28, 3)
    assert set(np.unique(seen)) == {0, 255}
    assert page.locator("#ink-auto").get_attribute("aria-pressed") == "true"
    page.click("#clear")
    assert page.locator("#found").is_hidden()
    visit.draw()
    visit.wait_for_drawings()
    assert page.locator("#found").is_hidden()  # strokes drawn here need no search


def test_dark_and_light_choose_the_ink_and_automatic_undoes_it(visit: Visit) -> None:
    page = visit.page
    picture = Image.new("RGB", (300, 200), (128, 128, 128))  # grey paper with a dark hook and a light corner
    draw = ImageDraw.Draw(picture)
    draw.line([(40, 30), (40, 160), (130, 160), (130, 90)], (10, 10, 10), 9)
    draw.line([(180, 50), (180, 150), (250, 150)], (245, 245, 245), 9)
    open_picture(visit, picture)
    automatic = page.locator("#found-facts").inner_text(), visit.picture_of("#found-seen")
    first = visit.picture_of("#drawings")
    settled(visit, lambda: page.click("#ink-light"))
    assert fact(visit, "Ink").startswith("light")
    assert page.locator("#ink-light").get_attribute("aria-pressed") == "true"
    assert page.locator("#ink-auto").get_attribute("aria-pressed") == "false"
    light = visit.picture_of("#found-seen")
    page.wait_for_timeout(900)
    assert visit.picture_of("#drawings") != first
    settled(visit, lambda: page.click("#ink-dark"))
    assert fact(visit, "Ink").startswith("dark")
    assert visit.picture_of("#found-seen") != light
    settled(visit, lambda: page.click("#ink-auto"))
    assert (page.locator("#found-facts").inner_text(), visit.picture_of("#found-seen")) == automatic


def drag(visit: Visit, start: tuple[float, float], end: tuple[float, float], finger: bool) -> None:
    """From one place to another, in shares of the picture that is cropped."""
    box = visit.page.locator("#crop-area").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    if not finger:
        visit.page.mouse.move(*points[0])
        visit.page.mouse.down()
        visit.page.mouse.move(*points[1], steps=5)
        visit.page.mouse.up()
        return
    touch = visit.page.context.new_cdp_session(visit.page)
    for kind, (x, y) in zip(("touchStart", "touchMove"), points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("visit", WIDE_AND_NARROW, indirect=True)
def test_a_box_is_drawn_and_the_crop_is_what_is_drawn_after(visit: Visit) -> None:
    page = visit.page
    open_picture(visit, two_symbols())
    assert fact(visit, "Parts") == "3"
    whole = visit.picture_of("#pad"), visit.picture_of("#found-seen")
    page.click("#crop")
    assert page.locator("#cropping").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    drag(visit, (0.1, 0.12), (0.5, 0.95), finger=page.viewport_size["width"] < 500)  # not from a corner
    assert page.locator("#crop-place").inner_text().endswith("from the top")
    settled(visit, lambda: page.click("#crop-use"))
    assert fact(visit, "Parts") == "1"
    assert fact(visit, "Picture") == "cropped"
    assert visit.picture_of("#pad") != whole[0]
    assert visit.picture_of("#found-seen") != whole[1]
    width, height = page.locator("#exemplars img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert max(abs(width - 160), abs(height - 166)) <= 3
    page.click("#crop")  # once more: the whole picture is there, with the box that was drawn
    assert " of 400 × 200 pixels" in page.locator("#crop-place").inner_text()
    page.keyboard.press("Escape")
    settled(visit, lambda: page.click("#ink-auto"))
    assert (visit.picture_of("#pad"), visit.picture_of("#found-seen")) == whole


def test_corners_are_moved_by_the_keyboard(visit: Visit) -> None:
    page = visit.page
    open_picture(visit, two_symbols())
    page.locator("#crop").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Upper left corner"
    for key in ["ArrowLeft"] * 30 + ["ArrowUp"] * 30:
        page.keyboard.press(key)
    for _ in range(2):
        page.keyboard.press("Tab")
    for key in ["Shift+ArrowRight"] * 10 + ["Shift+ArrowDown"] * 10 + ["Shift+ArrowLeft"] * 4:
        page.keyboard.press(key)
    assert page.locator("#crop-place").inner_text() == (
        "240 × 200 of 400 × 200 pixels, 0 from the left, 0 from the top"
    )
    page.locator("#crop-use").focus()
    settled(visit, lambda: page.keyboard.press("Enter"))
    assert fact(visit, "Parts") == "1"
    page.keyboard.press("Control+z")  # undoes the crop, not the picture
    page.wait_for_selector("#found[aria-busy=false]")
    assert fact(visit, "Parts") == "3"


def test_a_crop_is_as_fine_as_the_file(visit: Visit) -> None:
    large = two_symbols().resize((3200, 1600), Image.Resampling.LANCZOS)
    open_picture(visit, large)
    visit.page.click("#crop")
    drag(visit, (0.0, 0.0), (0.25, 1.0), finger=False)
    settled(visit, lambda: visit.page.click("#crop-use"))
    sides = visit.page.locator("#exemplars img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert max(sides) == 1024  # of 1600; the page shows 512 of them


def test_strokes_on_a_picture_stay_where_they_are_when_it_is_cropped(visit: Visit) -> None:
    page = visit.page
    open_picture(visit, two_symbols())
    settled(visit, lambda: visit.draw((((0.2, 0.35), (0.2, 0.5)),)))
    before = visit.picture_of("#pad")
    page.click("#crop")
    drag(visit, (0.0, 0.0), (0.5, 1.0), finger=False)
    settled(visit, lambda: page.click("#crop-use"))
    image = page.locator("#exemplars img").evaluate(
        """image => {
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const context = canvas.getContext("2d", { willReadFrequently: true });
            context.drawImage(image, 0, 0);
            const at = (x, y) => context.getImageData(x, y, 1, 1).data[0];
            return [at(80, 60), at(120, 60)];
        }"""
    )
    assert image[0] < 60 < 200 < image[1]
    settled(visit, lambda: page.click("#ink-auto"))
    assert visit.picture_of("#pad") == before


def test_several_pictures_are_opened_at_once(visit: Visit, tmp_path: Path) -> None:
    """Of one symbol: what is no picture and what shows no ink is said, and the rest is drawn after."""
    page = visit.page
    for number in range(3):
        drawing(number).save(tmp_path / f"{number}.png")
    Image.new("RGB", (64, 64), "white").save(tmp_path / "blank.png")
    (tmp_path / "notes.png").write_text("dear diary")
    names = ("0.png", "notes.png", "1.png", "blank.png", "2.png")
    settled(visit, lambda: page.set_input_files("#file", [tmp_path / name for name in names]))
    assert page.locator("#exemplars img").count() == 4
    said = page.locator("#alert").inner_text()
    assert "notes.png is not a picture" in said
    assert "Not used: exemplar 3" in said
    assert fact(visit, "Parts") == str(inspect_picture(png(drawing(0)))[0].parts)
    page.locator("#exemplars .thumb").nth(2).click()
    assert "no ink" in page.locator("#refusal").inner_text()
    assert page.locator("#found-facts").is_hidden()
    page.locator("#exemplars .thumb").nth(3).click()
    assert page.locator("#refusal").is_hidden()
    settled(visit, lambda: page.set_input_files("#file", [tmp_path / "1.png"] * 9))
    assert page.locator("#exemplars img").count() == 8
    assert "room for" in page.locator("#alert").inner_text()
    visit.complaints.clear()  # Chromium notes the answer 422


def test_a_picture_without_ink_is_refused_with_what_helps(visit: Visit) -> None:
    page = visit.page
    drop(visit, "blank.png", png(Image.new("RGB", (64, 64), "white")), "image/png")
    page.wait_for_selector("#refusal:not([hidden])")
    said = page.locator("#refusal").inner_text()
    assert "no ink" in said
    assert "choose dark or light" in said
    assert "--" not in said
    for choice in ("ink-auto", "ink-dark", "ink-light", "crop"):
        assert page.locator(f"#{choice}").is_enabled()
    assert page.locator("#found-views").is_hidden()
    assert page.locator("#empty").is_visible()
    visit.complaints.clear()


def test_two_tones_are_refused_until_one_is_chosen(visit: Visit) -> None:
    page = visit.page
    drop(visit, "bold.png", png(two_tones()), "image/png")
    page.wait_for_selector("#refusal:not([hidden])")
    assert "cannot tell ink from paper; choose dark or light" in page.locator("#refusal").inner_text()
    with page.expect_request("**/api/write") as sent:
        settled(visit, lambda: page.click("#ink-dark"))
    assert sent.value.post_data_json["exemplars"][0]["ink"] == "dark"
    assert fact(visit, "Ink") == "dark, #000000"
    assert page.locator("#refusal").is_hidden()
    assert fact(visit, "Confidence").endswith(" %")
    visit.complaints.clear()


def test_a_picture_is_looked_at_once_for_each_model(visit: Visit) -> None:
    page = visit.page
    looked: list[Any] = []
    page.on("request", lambda one: one.url.endswith("/inspect") and looked.append(one.post_data_json["model"]))
    open_picture(visit, drawing(1))
    settled(visit, lambda: page.click("#new-seed"))
    assert looked == ["bending"]
    page.select_option("#model", "colour")  # takes pictures as they are
    page.wait_for_selector("#found", state="hidden")
    assert looked == ["bending"]


@pytest.mark.parametrize("visit", WIDE_AND_NARROW, indirect=True)
def test_axe_finds_no_serious_fault_in_what_is_found(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit.page

    def faults() -> list[str]:
        found = axe.Axe().run(page).response["violations"]
        return [f"{one['id']}: {one['nodes']}" for one in found if one["impact"] in ("serious", "critical")]

    open_picture(visit, two_symbols())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults() == []
    page.click("#crop")
    assert faults() == []
    page.click("#crop-cancel")
    drop(visit, "blank.png", png(Image.new("RGB", (64, 64), "white")), "image/png")
    page.wait_for_selector("#refusal:not([hidden])")
    assert faults() == []
    visit.complaints.clear()
