"""The studio without a server: a folder behind a plain file server, below a sub-path, in a real headless Chromium."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

import allograph
from allograph import weights
from allograph.cli import main
from allograph.generation.noise import normal, philox
from allograph.generation.samples import SampleRequest
from allograph.imaging import outline
from allograph.imaging.render import stroke_field
from allograph.imaging.topology import parts_and_holes
from export.test_noise import KNOWN
from studio.browser import SYMBOL, Visit, chromium, smooth
from studio.live_server import drawing
from studio.plain_server import served
from studio.test_found import (  # noqa: F401  # what the browser finds out by itself; the rest is the same page
    test_a_picture_is_shown_with_what_was_found_in_it,
    test_a_picture_without_ink_is_refused_with_what_helps,
    test_dark_and_light_choose_the_ink_and_automatic_undoes_it,
    test_several_pictures_are_opened_at_once,
)
from studio.test_page import (  # noqa: F401  # what makes sense without a server is tested here again
    WIDTHS,
    drop,
    test_a_finger_draws_and_the_page_stays_where_it_is,
    test_a_pen_draws_wider_where_it_presses,
    test_a_symbol_is_drawn_and_new_drawings_grow,
    test_axe_finds_no_serious_fault,
    test_results_are_saved_as_png_and_svg,
    test_the_keyboard_reaches_everything,
    test_the_numbers_of_a_second_drawing,
    test_the_slider_holds_a_step_and_windows_are_shown,
    test_the_zip_holds_what_the_collection_shows,
    test_what_is_no_image_is_refused_kindly_and_nothing_is_lost,
)

pytest.importorskip("playwright", reason="the Python package playwright is not installed")
pytest.importorskip("onnx", reason="onnx is not installed: pip install 'allograph[export]'")
from allograph.export.site import RUNTIME, WEBGPU_FILES

pytestmark = pytest.mark.slow

if not chromium():
    pytest.skip("no Chromium here: apt-get install chromium, or set ALLOGRAPH_CHROMIUM", allow_module_level=True)
if not RUNTIME.is_dir():
    pytest.skip("onnxruntime-web is not here: make runtime", allow_module_level=True)

SYMBOLS = sorted(
    path for path in (Path(__file__).parents[2] / "examples" / "symbols").iterdir() if path.suffix != ".md"
)
MOST_BYTES = 12_000_000
"""Of all that is loaded at the first visit, gzipped."""


@pytest.fixture(scope="module")
def small_site(model_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with a small model, two folders below the host's top."""
    top = tmp_path_factory.mktemp("small")
    assert main(["studio", "--model", str(model_files["bending"]), "--export", str(top / "some" / "where")]) == 0
    with served(top) as address:
        yield f"{address}/some/where/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the model that ships."""
    if weights.DEFAULT not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    folder = tmp_path_factory.mktemp("site") / "studio"
    assert main(["studio", "--export", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with served(folder.parent) as address:
        yield f"{address}/studio/"


def visiting(browser: Any, url: str, width: int = 1440, scheme: str = "light") -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width == min(WIDTHS)
    )
    context.set_default_timeout(60_000)
    one = Visit(context.new_page(), url)
    one.open()
    return one


@pytest.fixture
def visit(browser: Any, small_site: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """For the tests of the page; see there."""
    one = visiting(browser, small_site, *getattr(request, "param", (1440, "light")))
    yield one
    one.page.context.close()
    assert one.complaints == []
    assert one.elsewhere == []


@pytest.fixture(scope="module")
def open_page(browser: Any, site: str) -> Iterator[Any]:
    """One page with the model that ships, for what is asked of its modules."""
    one = visiting(browser, site)
    yield one.page
    one.page.context.close()
    assert one.complaints == []
    assert one.elsewhere == []


def png(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def encoded_pad(page: Any, strokes: tuple[Any, ...]) -> str:
    """What the pad sends of these strokes."""
    return page.evaluate(
        """async strokes => {
            const { Pad } = await import("./pad.js");
            const pad = new Pad(document.createElement("canvas"), () => {});
            pad.strokes = strokes.map((stroke) => stroke.map(([x, y]) => [x, y, 1]));
            return pad.encode();
        }""",
        strokes,
    )


# -------------------------------------------------------------------- the same results


@pytest.mark.parametrize(("key", "counter", "numbers"), KNOWN)
def test_both_generators_give_the_published_numbers(
    key: tuple[int, int], counter: tuple[int, ...], numbers: tuple[int, ...], open_page: Any
) -> None:
    assert tuple(philox(key, np.array([counter], np.uint32))[0]) == numbers
    asked = "async ([key, counter]) => (await import('./browser/noise.js')).philox(key, counter)"
    assert tuple(open_page.evaluate(asked, [key, counter])) == numbers


@pytest.mark.parametrize("text", ["", "write\n0\nabc\n15", "invent\n4294967295\n3", "ä" * 70])
def test_the_noise_is_the_servers(text: str, open_page: Any) -> None:
    asked = "async (text) => Array.from((await import('./browser/noise.js')).normal(text, 1001))"
    np.testing.assert_allclose(open_page.evaluate(asked, text), normal(text, 1001), atol=1e-6)


def taken_in(page: Any, image: str, ink: str) -> np.ndarray:
    asked = """async ([image, ink]) => {
        const { takeIn } = await import("./browser/intake.js");
        const blob = new Blob([Uint8Array.from(atob(image), (c) => c.charCodeAt(0))]);
        const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        context.drawImage(bitmap, 0, 0);
        return Array.from(takeIn(context.getImageData(0, 0, bitmap.width, bitmap.height), 52, ink).drawing);
    }"""
    return np.array(page.evaluate(asked, [image, ink])).reshape(52, 52)


def strokes_of(seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        smooth([tuple(map(float, p)) for p in rng.uniform(0.1, 0.9, (4, 2))]) for _ in range(rng.integers(1, 5))
    )


def test_strokes_are_taken_in_as_on_the_server(open_page: Any) -> None:
    space = allograph.load().space
    for strokes in (SYMBOL, *map(strokes_of, range(12))):
        image = encoded_pad(open_page, strokes)
        wanted = space.preprocess(base64.b64decode(image), "dark").image[0]
        assert np.array_equal(taken_in(open_page, image, "dark"), wanted)


def test_wide_strokes_of_large_pictures_are_taken_in_as_on_the_server(open_page: Any) -> None:
    space = allograph.load().space
    for pen in (30, 80):
        strength = Image.new("L", (3600, 2800))
        ImageDraw.Draw(strength).line([(500, 400), (3000, 900), (1200, 2300), (2900, 2200)], 255, 4 * pen)
        picture = Image.new("RGBA", (900, 700))
        picture.putalpha(strength.resize(picture.size))
        image = png(picture)
        wanted = space.preprocess(base64.b64decode(image), "dark").image[0]
        assert np.array_equal(taken_in(open_page, image, "dark"), wanted)


@pytest.mark.parametrize("diagonal", [True, False])
def test_parts_are_numbered_by_their_first_pixels(diagonal: bool, open_page: Any) -> None:
    for share in (0.3, 0.5, 0.7):
        shape = np.random.default_rng(0).random((40, 31)) < share
        labels, count = ndimage.label(shape, np.ones((3, 3)) if diagonal else None)
        firsts = [int(np.flatnonzero(labels == part)[0]) for part in range(1, count + 1)]
        wanted = np.concatenate([[0], np.argsort(np.argsort(firsts)) + 1])[labels]
        asked = """async ([data, diagonal]) => {
            const { labelled, mask } = await import("./browser/raster.js");
            const { labels, count } = labelled(mask(31, 40, Uint8Array.from(data)), diagonal);
            return [Array.from(labels), count];
        }"""
        got, parts = open_page.evaluate(asked, [shape.astype(int).ravel().tolist(), diagonal])
        assert parts == count
        assert np.array_equal(np.array(got).reshape(shape.shape), wanted)


def test_photos_are_taken_in_nearly_as_on_the_server(open_page: Any) -> None:
    space = allograph.load().space
    for path in SYMBOLS:
        with Image.open(path) as opened:
            picture = opened.convert("RGBA" if "A" in opened.getbands() else "RGB")
        picture.thumbnail((1024, 1024))
        wanted = space.preprocess(picture).image[0]
        got = taken_in(open_page, png(picture), "auto")
        either = np.maximum(got, wanted).sum()
        assert (got * wanted).sum() > 0.85 * either, path.name


def test_drawings_are_the_servers(open_page: Any) -> None:
    """For the same strokes, seed and number; the browser's weights are in half precision."""
    writer = allograph.load()
    image = encoded_pad(open_page, SYMBOL)
    answer = open_page.evaluate(
        """async (image) => {
            const { Browser } = await import("./browser/client.js");
            const source = window.source ??= new Browser();
            const [{ name: model, temperature }] = await source.models();
            const recipe = { model, exemplars: [{ image, ink: "dark" }], seed: 7, temperature };
            const made = await source.write(recipe, 20);
            const outlines = await source.outlines(made.set, [1, 18]);
            return { ...made, outlines, growth: Array.from(made.growth) };
        }""",
        image,
    )
    exemplar = writer.space.preprocess(base64.b64decode(image), "dark")
    requests = (SampleRequest((exemplar,), 7, start) for start in (0, 16))
    batches = [batch for request in requests for batch in writer.draw_batches([request], history=True)]
    canvases = np.concatenate([batch.canvases for batch in batches])[:20]
    (once,) = writer.with_attempts(1).draw_batches([SampleRequest((exemplar,), 7, 0)])
    assert (once.drawings != canvases[:16, -1]).any((1, 2, 3)).sum() >= 2, "some drawings were made again"
    wanted = np.stack([exemplar.style.grow(drawing).levels for drawing in canvases])
    got = np.array(answer["growth"], np.float32).reshape(wanted.shape)
    apart = np.abs(got - wanted.astype(np.float32)) / 255
    assert apart.mean() < 1e-3
    assert (apart > 0.1).mean() < 1e-3
    for name in ("write_windows", "read_windows"):
        windows = np.concatenate([getattr(block, name) for block in batches])[:20]
        np.testing.assert_allclose(np.array(answer[name]), windows, atol=0.02)
    for traced in answer["outlines"]:
        field = stroke_field(canvases[traced["number"] - 1, -1, 0], exemplar.style)
        ours, theirs = (len(path.split("Q")) for path in (outline(field), traced["path"]))
        assert abs(ours - theirs) <= 0.05 * ours + 2


def test_parts_and_holes_are_counted_as_by_the_server(open_page: Any) -> None:
    exemplar = allograph.load().space.preprocess(base64.b64decode(encoded_pad(open_page, SYMBOL)), "dark")
    (batch,) = allograph.load().with_attempts(1).draw_batches([SampleRequest((exemplar,), 1, 0)], history=True)
    inked = (batch.canvases[:, 1::2, 0] > 0).reshape(-1, 52, 52)
    noise = np.random.default_rng(0).normal(size=(20, 52, 52))
    blots = ndimage.gaussian_filter(noise, (0, 2, 2)) > 0.02
    masks = [*inked, *blots, inked[0] & False, ~(inked[0] & False), ~inked[-1], inked[-1][:, :20]]
    counted = open_page.evaluate(
        """async (masks) => {
            const { mask } = await import("./browser/raster.js");
            const { partsAndHoles } = await import("./browser/topology.js");
            return masks.map(([width, height, data]) => partsAndHoles(mask(width, height, Uint8Array.from(data))));
        }""",
        [[*one.shape[::-1], one.ravel().astype(int).tolist()] for one in masks],
    )
    assert counted == [list(parts_and_holes(one)) for one in masks]
    assert len({tuple(one) for one in counted}) > 10


def test_free_energies_are_the_servers(open_page: Any) -> None:
    writer = allograph.load()
    images = [encoded_pad(open_page, strokes) for strokes in (SYMBOL, strokes_of(3))]
    answer = open_page.evaluate(
        """async ([image, second]) => {
            const { Browser } = await import("./browser/client.js");
            const source = window.source ??= new Browser();
            const [{ name: model }] = await source.models();
            const drawing = { image: second, ink: "dark" };
            return source.energy({ model, exemplars: [{ image, ink: "dark" }], seed: 3, drawing });
        }""",
        images,
    )
    exemplar, measured = (
        torch.from_numpy(writer.space.preprocess(base64.b64decode(image), "dark").image)[None] for image in images
    )
    shape = writer.model.noise_shape
    noise = torch.stack(
        [torch.from_numpy(normal(f"energy\n3\n{k}", shape[0] * shape[1])).view(shape) for k in range(16)]
    )
    for name, context in (("without", None), ("given", exemplar[None])):
        with torch.inference_mode():
            energy = writer.model.infer(measured, context, noise).free_energy
        assert answer[name]["free_energy"] == pytest.approx(float(energy.total.mean()), rel=0.005)
        assert sum(answer[name]["kl"]) == pytest.approx(float(energy.kl.mean(0).sum()), rel=0.02)


# -------------------------------------------------------------------- the page, where its own tests watch requests


def after(visit: Visit, action: Callable[[], object], count: int = 16) -> None:
    """Does something that asks for new drawings, and waits for them."""
    visit.page.evaluate("() => { document.documentElement.dataset.latency = ''; }")
    action()
    visit.page.wait_for_function("() => document.documentElement.dataset.latency")
    visit.wait_for_drawings(count)


def first_step(visit: Visit) -> str:
    visit.page.locator("#time").fill("1")
    return visit.picture_of("#drawings")


def test_a_seed_brings_drawings_back(visit: Visit) -> None:
    page = visit.page
    after(visit, visit.draw)
    first = first_step(visit)
    after(visit, lambda: page.click("#new-seed"))
    other = first_step(visit)
    assert other != first
    after(visit, lambda: page.click("#again"))
    assert first_step(visit) == other
    after(visit, lambda: (page.fill("#seed", "0"), page.press("#seed", "Enter")))
    assert first_step(visit) == first
    page.locator("#temperature").fill("0.3")
    after(visit, lambda: page.locator("#temperature").dispatch_event("change"))
    assert first_step(visit) != first
    after(visit, lambda: page.select_option("#n", "64"), 64)


def test_a_result_becomes_the_exemplar_and_another_one(visit: Visit) -> None:
    page = visit.page
    after(visit, visit.draw)
    before = visit.picture_of("#pad")
    page.locator("#grid .cell").nth(3).click()
    after(visit, lambda: page.click("#result-exemplar"))
    assert visit.picture_of("#pad") != before
    page.locator("#grid .cell").first.click()
    after(visit, lambda: page.click("#result-add"))
    assert page.locator("#exemplars img").count() == 2
    with_two = first_step(visit)
    after(visit, lambda: page.locator("#exemplars .drop").first.click())
    assert first_step(visit) != with_two


def test_without_a_gpu_webassembly_draws_and_nothing_of_webgpu_is_loaded(visit: Visit) -> None:
    """With one, see test_site_webgpu.py."""
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    assert visit.page.locator("#backend").inner_text() == "WebAssembly makes the drawings: it is ready at once."
    after(visit, visit.draw)
    visit.page.wait_for_function("() => document.getElementById('backend').textContent.includes('no GPU')")
    assert not set(asked) & set(WEBGPU_FILES)


def test_pictures_and_examples_are_drawn_anew(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    stream = io.BytesIO()
    drawing(2, (300, 200)).save(stream, "JPEG")
    after(visit, lambda: drop(visit, "photo.jpg", stream.getvalue(), "image/jpeg"))
    drawing(4).save(tmp_path / "glyph.png")
    after(visit, lambda: page.set_input_files("#file", tmp_path / "glyph.png"))
    for number in range(8):
        after(visit, page.locator("#examples button").nth(number).click)
        assert visit.inked("#drawings") > 16 * 100


# -------------------------------------------------------------------- the site itself


def test_the_first_visit_is_small(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in WEBGPU_FILES]
    worker = (folder / "sw.js").read_text()
    assert all(f'"{path.relative_to(folder).as_posix()}"' in worker for path in files if path.name != "sw.js")
    assert not any(name in worker for name in WEBGPU_FILES)
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) < MOST_BYTES


def test_pages_have_a_strict_policy_and_name_no_other_place(folder: Path) -> None:
    for path in folder.glob("*.html"):
        text = path.read_text()
        policy = text.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy
        assert "'unsafe-eval'" not in policy
        assert "http" not in policy
        assert 'src="/' not in text
        assert 'href="/' not in text
    assert "onnxruntime-web 1.30.0: MIT" in (folder / "licences.txt").read_text()
    described = json.loads((folder / "site.json").read_text())
    assert [model["name"] for model in described["models"]] == ["allograph"]


def test_loading_is_shown(browser: Any, site: str) -> None:
    page = browser.new_page()
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
            window.said = [];
            const status = document.getElementById("status");
            new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
        })"""
    )
    page.goto(site)
    page.wait_for_selector("html[data-ready=yes]", timeout=60_000)
    said = page.evaluate("said")
    assert any(line.startswith("Loading ") and line.endswith(" MB") for line in said)
    assert said[-1] == ""
    page.close()


def test_it_works_offline_after_the_first_visit(browser: Any, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    with served(folder.parent) as address:
        first = Visit(context.new_page(), f"{address}/studio/")
        first.open()
        first.page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    context.set_offline(True)
    first.page.close()
    again = Visit(context.new_page(), first.url)
    again.open()
    assert again.page.evaluate("crossOriginIsolated")  # so several threads compute
    again.draw()
    again.wait_for_drawings()
    again.draw(on="#second")
    again.page.wait_for_selector("#steps .bars")
    assert again.complaints == first.complaints == []
    assert again.elsewhere == first.elsewhere == []
    context.close()


def resident(browser: Any, page: Any) -> int:
    """Bytes that the browser's pages and their workers hold in memory."""
    page.request_gc()
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [Path("/proc", str(one["id"]), "statm") for one in processes if one["type"] == "renderer"]
    return sum(int(page.read_text().split()[1]) for page in pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of processes as Linux shows it")
def test_memory_stays_flat_over_200_drawings(browser: Any, small_site: str) -> None:
    visit = visiting(browser, small_site)
    visit.draw()
    visit.wait_for_drawings()
    visit.page.evaluate(
        """async () => {
            const { Browser } = await import("./browser/client.js");
            const source = new Browser();
            const [{ name: model, temperature }] = await source.models();
            const image = document.querySelector("#exemplars img").src.split(",")[1];
            const exemplars = [{ image, ink: "dark" }];
            window.draw = async (first, last) => {
                for (let seed = first; seed <= last; seed++) {
                    const made = await source.write({ model, exemplars, seed, temperature }, 2);
                    await source.outlines(made.set, [1]);
                }
            };
        }"""
    )
    visit.page.evaluate("draw(1, 40)")
    before = resident(browser, visit.page)
    visit.page.evaluate("draw(41, 140)")
    assert resident(browser, visit.page) < 1.15 * before
    visit.page.context.close()


def draw_on_embedded_pad(page: Any) -> Any:
    """One stroke; returns the pad's frame."""
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready=yes]").wait_for(timeout=60_000)
    box = frame.locator("#pad").bounding_box()
    assert box
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 100, steps=8)
    page.mouse.up()
    return frame


def test_a_pad_on_a_page_of_another_site(browser: Any, small_site: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        f"""<!doctype html><title>Elsewhere</title><script src="{small_site}allograph-pad.js" defer></script>
        <allograph-pad n="3" seed="5"></allograph-pad>"""
    )
    with served(tmp_path) as address:
        page = browser.new_page()
        page.goto(address)
        page.evaluate(
            """() => document.querySelector("allograph-pad").addEventListener("drawings", ({ detail }) => {
                window.drawn = detail;
            })"""
        )
        draw_on_embedded_pad(page)
        page.wait_for_function("() => window.drawn")
        drawn = page.evaluate("() => drawn")
        assert drawn["seed"] == 5
        assert [one["number"] for one in drawn["outlines"]] == [1, 2, 3]
        assert all(one["path"].startswith("M") for one in drawn["outlines"])
        page.close()


def test_a_pad_on_another_page(browser: Any, small_site: str) -> None:
    """The example page: a script tag, the element, its attributes, events and method."""
    visit = Visit(browser.new_page(), small_site)
    page = visit.page
    page.on("console", visit._heard)
    page.on("request", visit._sent)
    page.goto(f"{small_site}embedding.html")
    frame = draw_on_embedded_pad(page)
    page.wait_for_function("() => document.getElementById('said').textContent === '8 drawings'")
    frame.locator("#grid button").nth(2).click()
    page.wait_for_selector("#chosen img")
    assert page.locator("#chosen img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 256
    assert page.locator("#said").inner_text() == "Drawing 3"
    page.evaluate("() => document.querySelector('allograph-pad').clear()")
    page.wait_for_function("() => document.getElementById('said').textContent.startsWith('Draw;')")
    assert frame.locator("#grid button").count() == 0
    assert page.locator("iframe").get_attribute("title") == "Draw a letter"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    for inside in (page, browser.new_page()):
        if inside is not page:
            inside.goto(f"{small_site}pad.html")
            inside.wait_for_selector("html[data-ready=yes]")
        found = axe.Axe().run(inside).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    inside.close()
    assert visit.complaints == []
    assert visit.elsewhere == []
    page.close()


# -------------------------------------------------------------------- what is refused


def test_a_folder_that_holds_files_is_left_alone(
    model_files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    asked = ["studio", "--model", str(model_files["bending"]), "--export", str(tmp_path)]
    assert main(asked) == 2
    assert "already holds files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert main([*asked, "--overwrite"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "index.html").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "draw"], "models of kind draw cannot be exported"),
        (["--model", "colour"], "cannot be exported"),
        (["--runtime", "."], "make runtime"),
    ],
)
def test_what_cannot_be_a_site_is_refused_in_a_line(
    options: list[str],
    reason: str,
    model_files: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if options[0] == "--model":
        options = ["--model", str(model_files[options[1]])]
    assert main(["studio", *options, "--export", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
    assert not (tmp_path / "site").exists()
