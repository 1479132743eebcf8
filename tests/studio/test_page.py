"""The page, used as a person uses it, in a real headless Chromium."""

from __future__ import annotations

import base64
import io
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from allograph import weights
from allograph.studio import Limits, ModelRegistry
from commands.family import build, card
from studio.browser import Visit, chromium
from studio.live_server import drawing, encoded, running

pytestmark = pytest.mark.slow

pytest.importorskip("playwright", reason="the Python package playwright is not installed")
if not chromium():
    pytest.skip("no Chromium here: apt-get install chromium, or set ALLOGRAPH_CHROMIUM", allow_module_level=True)

WIDTHS = (390, 1440)


def drop(visit: Visit, name: str, content: bytes, kind: str) -> None:
    """Drops a file on the page."""
    visit.page.evaluate(
        """([name, text, type]) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            for (const kind of ["dragover", "drop"])
                document.getElementById("sheet").dispatchEvent(
                    new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [name, base64.b64encode(content).decode(), kind],
    )


@pytest.mark.parametrize("visit", [(w, s) for w in WIDTHS for s in ("light", "dark")], indirect=True)
def test_a_symbol_is_drawn_and_new_drawings_grow(visit: Visit) -> None:
    page = visit.page
    assert page.locator("#empty").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visit.draw()
    visit.wait_for_drawings()
    assert visit.inked("#drawings") > 16 * 100
    page.wait_for_function("() => document.getElementById('step').textContent === '2 / 2'")
    assert "16 new drawings" in page.locator("#status").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    undone = visit.picture_of("#pad")
    page.keyboard.press("Control+z")
    assert visit.picture_of("#pad") != undone
    page.click("#clear")
    assert page.locator("#empty").is_visible()
    assert page.locator("#grid .cell").count() == 0
    assert visit.inked("#pad") == 0


def test_every_drawing_lies_in_its_cell(visit: Visit) -> None:
    page = visit.page
    visit.draw()

    def check(count: int) -> None:
        visit.wait_for_drawings(count)
        page.locator("#time").fill("2")
        for time in ("1", "2"):
            page.locator("#time").fill(time)
            within, elsewhere = ink_of_cells(page)
            assert len(within) == count
            assert min(within) > 20
            assert elsewhere == 0

    check(16)
    for count in (64, 4, 32):
        page.select_option("#n", str(count))
        check(count)
    for width in (700, 1300):  # 32 drawings have four columns, then six
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        check(32)
    page.click("#clear")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def ink_of_cells(page: Any) -> tuple[list[int], int]:
    """How many pixels are not clear within each cell, and between them."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById("drawings");
            const same = new OffscreenCanvas(canvas.width, canvas.height);
            const copy = same.getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const { data, width } = copy.getImageData(0, 0, canvas.width, canvas.height);
            const ink = new Set();
            for (let i = 0; i < width * canvas.height; i++) if (data[4 * i + 3] > 10) ink.add(i);
            const all = ink.size;
            const origin = canvas.getBoundingClientRect();
            const ratio = canvas.width / origin.width;
            const within = [...document.querySelectorAll("#grid .cell")].map((cell) => {
                const box = cell.getBoundingClientRect();
                const at = (length) => Math.round(length * ratio);
                let count = 0;
                for (let y = at(box.top - origin.top); y < at(box.bottom - origin.top); y++)
                    for (let x = at(box.left - origin.left); x < at(box.right - origin.left); x++)
                        count += ink.has(y * width + x);
                return count;
            });
            return [within, all - within.reduce((sum, count) => sum + count, 0)];
        }"""
    )


def test_the_slider_holds_a_step_and_windows_are_shown(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()
    page.wait_for_timeout(900)  # until it is traced
    page.locator("#time").fill("1")
    assert page.locator("#step").inner_text() == "1 / 2"
    first = visit.picture_of("#drawings")
    page.wait_for_timeout(300)
    assert visit.picture_of("#drawings") == first  # it is held
    page.locator("#time").press("ArrowRight")
    assert page.locator("#step").inner_text() == "2 / 2"
    assert visit.picture_of("#drawings") != first
    assert visit.inked("#read-windows") == 0
    page.locator("#time").fill("1")
    page.check("#windows")
    assert visit.picture_of("#drawings") != first
    assert visit.inked("#read-windows") > 0
    page.uncheck("#windows")
    assert visit.picture_of("#drawings") == first
    page.click("#play")
    page.wait_for_function("() => document.getElementById('step').textContent === '2 / 2'")


def test_settings_change_the_drawings_and_a_seed_brings_them_back(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()

    def shown() -> str:
        page.locator("#time").fill("1")
        return visit.picture_of("#drawings")

    def after(action: Any) -> str:
        with page.expect_response("**/api/write"):
            action()
        visit.wait_for_drawings()
        return shown()

    first = shown()
    other = after(lambda: page.click("#new-seed"))
    assert other != first
    assert after(lambda: page.click("#again")) == other
    assert after(lambda: (page.fill("#seed", "0"), page.press("#seed", "Enter"))) == first
    page.locator("#temperature").fill("0.3")
    with page.expect_response("**/api/write"):
        page.locator("#temperature").dispatch_event("change")
    page.select_option("#n", "4")
    visit.wait_for_drawings(4)
    with page.expect_response("**/api/write"):
        page.select_option("#model", "draw")  # takes no exemplar: drawings come from nothing
    visit.wait_for_drawings(4)
    page.click("#clear")
    visit.wait_for_drawings(4)


def test_a_result_becomes_the_exemplar_and_a_further_one(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()
    before = visit.picture_of("#pad")
    page.locator("#grid .cell").nth(3).click()
    assert page.locator("#result-title").inner_text() == "Drawing 4 of 16"
    page.keyboard.press("ArrowRight")
    assert page.locator("#result-title").inner_text() == "Drawing 5 of 16"
    with page.expect_response("**/api/write"):
        page.click("#result-exemplar")
    assert page.locator("#result").is_hidden()
    assert visit.picture_of("#pad") != before
    visit.wait_for_drawings()
    page.locator("#grid .cell").first.click()
    with page.expect_request("**/api/write") as sent:
        page.click("#result-add")
    assert len(sent.value.post_data_json["exemplars"]) == 2
    page.click("#exemplars .more")
    with page.expect_request(lambda r: r.url.endswith("write") and len(r.post_data_json["exemplars"]) == 3):
        visit.draw(((((0.2, 0.2), (0.8, 0.8))),))
    with page.expect_request(lambda r: r.url.endswith("write") and len(r.post_data_json["exemplars"]) == 2):
        page.locator("#exemplars .drop").first.click()


def test_results_are_saved_as_png_and_svg(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()
    page.locator("#grid .cell").first.click()
    with page.expect_download() as png:
        page.click("#result-png")
    with Image.open(png.value.path()) as picture:
        assert picture.size == (1024, 1024)
    with page.expect_download() as svg:
        page.click("#result-svg")
    assert svg.value.suggested_filename == "drawing-001.svg"
    assert Path(svg.value.path()).read_text().startswith("<svg ")
    page.keyboard.press("Escape")
    assert page.locator("#result").is_hidden()


def test_the_exemplars_are_sent_once(visit: Visit) -> None:
    page = visit.page
    sent: list[tuple[str, dict[str, Any]]] = []
    page.on("request", lambda r: r.method == "POST" and sent.append((r.url.rpartition("/")[2], r.post_data_json)))
    with page.expect_response(lambda r: r.url.endswith("/outlines") and 16 in r.request.post_data_json["numbers"]):
        visit.draw()
    page.click("#collect-all")
    page.wait_for_function("() => document.querySelectorAll('#classes img').length === 16")
    page.locator("#grid .cell").first.click()
    with page.expect_download():
        page.click("#result-svg")
    by_set = [(name, body) for name, body in sent if "drawing_set" in body]
    assert {name for name, _ in by_set} == {"outlines", "picture"}
    assert not any("exemplars" in body for _, body in by_set)
    assert all(len(body["exemplars"]) == 1 for name, body in sent if name == "write")
    assert {name for name, _ in sent} == {"write", "outlines", "picture"}


@pytest.fixture
def model_file(model_files: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(model_files["bending"], tmp_path / "bending.safetensors"))


@contextmanager
def restarted(browser: Any, model_file: Path) -> Iterator[Any]:
    """A page with four drawings, whose server has been stopped and, by the function that this gives, started again."""
    with ExitStack() as first, ExitStack() as second:
        server = first.enter_context(running(ModelRegistry([str(model_file)])))
        visit = Visit(browser.new_page(), server.address.url)
        second.callback(visit.page.close)
        visit.open()
        visit.page.select_option("#n", "4")
        visit.draw()
        visit.wait_for_drawings(4)
        visit.page.wait_for_timeout(900)  # until the outlines are there
        first.close()
        yield visit, lambda: second.enter_context(running(ModelRegistry([str(model_file)]), port=server.address.port))


def test_the_page_goes_on_after_the_server_restarts(browser: Any, model_file: Path) -> None:
    with restarted(browser, model_file) as (visit, start):
        page = visit.page
        page.locator("#grid .cell").first.click()
        page.click("#result-svg")
        page.wait_for_selector("#alert:not([hidden])")
        assert "Is it still running?" in page.locator("#alert").inner_text()
        start()
        with page.expect_download() as svg:
            page.click("#result-svg")
        assert Path(svg.value.path()).read_text().startswith("<svg ")
        page.click("#result-collect")
        page.wait_for_selector("#classes img")
        page.click("#collect-all")
        page.wait_for_function("() => document.querySelectorAll('#classes img').length === 4")
        assert page.locator("#alert").is_hidden()


def test_after_a_restart_with_other_weights_the_page_shows_their_drawings(browser: Any, model_file: Path) -> None:
    with restarted(browser, model_file) as (visit, start):
        page = visit.page
        weights.save(model_file, build("digits"), card("digits"))
        start()
        with page.expect_response(lambda r: r.url.endswith("/write") and r.ok) as written:
            page.click("#collect-all")
        visit.wait_for_drawings(4)
        assert written.value.json()["size"] == 28
        assert page.locator("#alert").is_hidden()
        page.click("#collect-all")
        page.wait_for_function("() => document.querySelectorAll('#classes img').length === 4")


def test_a_page_whose_drawings_were_dropped_shows_no_error(browser: Any, registry: ModelRegistry) -> None:
    with running(registry, Limits(drawing_sets=1)) as server:
        visit = Visit(browser.new_page(), server.address.url)
        visit.open()
        visit.page.select_option("#n", "4")
        visit.draw()
        visit.wait_for_drawings(4)
        server.post("write", {"model": "draw", "n": 1})
        with visit.page.expect_response(lambda r: r.url.endswith("/outlines") and r.ok):
            pass
        server.post("write", {"model": "draw", "n": 1})
        visit.page.locator("#grid .cell").first.click()
        with visit.page.expect_download() as png:
            visit.page.click("#result-png")
        with Image.open(png.value.path()) as picture:
            assert picture.size == (1024, 1024)
        assert visit.page.locator("#alert").is_hidden()
        visit.page.close()


def test_the_zip_holds_what_the_collection_shows(visit: Visit) -> None:
    page = visit.page
    page.select_option("#n", "4")
    visit.draw()
    visit.wait_for_drawings(4)
    page.click("#collect-all")
    page.wait_for_function("() => document.querySelectorAll('#classes img').length === 4")
    page.fill("#classes input", "Hook")
    page.press("#classes input", "Enter")
    page.locator("#classes .thumb").nth(1).click()  # removed
    page.click("#clear")
    visit.draw(((((0.2, 0.3), (0.8, 0.3))), (((0.5, 0.3), (0.5, 0.8)))))
    visit.wait_for_drawings(4)
    page.locator("#grid .cell").nth(2).click()
    page.click("#result-collect")
    page.wait_for_function("() => document.querySelectorAll('#classes .class').length === 2")
    shown = [
        [image.get_attribute("src").split(",")[1] for image in row.locator("img").all()]
        for row in page.locator("#classes .class").all()
    ]
    with page.expect_download() as download:
        page.click("#download")
    with zipfile.ZipFile(download.value.path()) as file:
        held = {name: base64.b64encode(file.read(name)).decode() for name in file.namelist()}
    assert list(held) == [f"collection/Hook/{k:04d}.png" for k in (1, 2, 3)] + ["collection/symbol 2/0001.png"]
    assert list(held.values()) == shown[0] + shown[1]


def test_an_image_is_dropped_pasted_and_opened(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    stream = io.BytesIO()
    drawing(2, (300, 200)).save(stream, "JPEG")
    with page.expect_request("**/api/write") as sent:
        drop(visit, "photo.jpg", stream.getvalue(), "image/jpeg")
    visit.wait_for_drawings()
    image = sent.value.post_data_json["exemplars"][0]["image"]
    with Image.open(io.BytesIO(base64.b64decode(image))) as picture:
        assert picture.size == (300, 200)
    drawing(4).save(tmp_path / "glyph.png")
    with page.expect_request("**/api/write"):
        page.set_input_files("#file", tmp_path / "glyph.png")
    with page.expect_request("**/api/write"):
        page.evaluate(
            """text => {
                const transfer = new DataTransfer();
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                transfer.items.add(new File([bytes], "p.png", { type: "image/png" }));
                document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
            }""",
            encoded(drawing(1)),
        )
    with page.expect_request("**/api/write"):
        page.locator("#examples button").nth(6).click()
    visit.wait_for_drawings()


def test_what_is_no_image_is_refused_kindly_and_nothing_is_lost(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()
    before = visit.picture_of("#pad")
    drop(visit, "notes.txt", b"dear diary", "text/plain")
    page.wait_for_selector("#alert:not([hidden])")
    assert "notes.txt is not a picture" in page.locator("#alert").inner_text()
    assert visit.picture_of("#pad") == before
    assert page.locator("#grid .cell").count() == 16
    visit.draw(((((0.1, 0.1), (0.2, 0.1))),))
    page.wait_for_selector("#alert", state="hidden")


def test_the_numbers_of_a_second_drawing(visit: Visit) -> None:
    page = visit.page
    visit.draw()
    visit.wait_for_drawings()
    visit.draw(on="#second")
    page.wait_for_selector("#steps .bars")
    assert page.locator("#energy dd").count() == 3
    assert page.locator("#steps .bars li").count() == 3
    first = page.locator("#energy dd").first.inner_text()
    assert float(first) > 0
    page.click("#second-clear")
    page.wait_for_selector("#steps .bars", state="detached")
    page.locator("#grid .cell").first.click()
    page.click("#result-measure")
    page.wait_for_selector("#steps .bars")


def test_a_pen_draws_wider_where_it_presses(visit: Visit) -> None:
    def width(pressure: float) -> int:
        visit.page.click("#clear") if visit.page.locator("#clear").is_enabled() else None
        visit.page.evaluate(
            """pressure => {
                const pad = document.getElementById("pad"), box = pad.getBoundingClientRect();
                pad.setPointerCapture = () => {};
                const send = (type, x) => pad.dispatchEvent(new PointerEvent(type, { pointerId: 7, pointerType: "pen",
                    pressure, clientX: box.left + x * box.width, clientY: box.top + box.height / 2, bubbles: true }));
                send("pointerdown", 0.2); send("pointermove", 0.5); send("pointermove", 0.8); send("pointerup", 0.8);
            }""",
            pressure,
        )
        return visit.inked("#pad")

    assert width(0.9) > 1.2 * width(0.2) > 0


@pytest.mark.parametrize("visit", [(390, "light")], indirect=True)
def test_a_finger_draws_and_the_page_stays_where_it_is(visit: Visit) -> None:
    page = visit.page
    touch = page.context.new_cdp_session(page)

    def stroke(pad: str, *points: tuple[float, float]) -> None:
        box = page.locator(pad).bounding_box()
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
        for kind, (x, y) in zip(kinds, points, strict=True):
            place = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    stroke("#pad", (0.3, 0.2), (0.3, 0.5), (0.3, 0.8))
    visit.wait_for_drawings()
    page.locator("#second").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    for x in (0.3, 0.7):
        stroke("#second", (x, 0.2), (x, 0.5), (x, 0.8))
        assert page.evaluate("scrollY") == before
    page.wait_for_selector("#steps .bars")
    assert page.evaluate("scrollY") == before
    assert visit.inked("#second") > 100


def test_the_keyboard_reaches_everything(visit: Visit) -> None:
    page = visit.page
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    visit.wait_for_drawings()
    page.locator("#grid .cell").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#result").is_visible()
    assert page.evaluate("document.getElementById('result').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "cell"
    reached = set()
    page.locator("#pad").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"undo", "clear", "open", "play", "time", "windows", "n", "temperature", "seed", "model"} <= reached


@pytest.mark.parametrize("visit", [(390, "light"), (1440, "dark")], indirect=True)
def test_axe_finds_no_serious_fault(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit.page

    def faults() -> list[str]:
        found = axe.Axe().run(page).response["violations"]
        return [
            f"{one['id']}: {[node['html'] for node in one['nodes']]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    assert faults() == []
    visit.draw()
    visit.wait_for_drawings()
    visit.draw(on="#second")
    page.wait_for_selector("#steps .bars")
    page.click("#collect-all")
    page.wait_for_selector("#classes img")
    page.click("#exemplars .more")
    assert faults() == []
    page.locator("#grid .cell").first.click()
    assert faults() == []
