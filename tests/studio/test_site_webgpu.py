"""WebGPU in the studio without a server, on the GPU that Chromium emulates: what it draws, and when it is chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from allograph import weights
from allograph.cli import main
from commands.family import build, card
from models.small import small_sequential, with_random_weights
from studio.browser import Visit, browsing, chromium
from studio.live_server import drawing, encoded
from studio.plain_server import served

pytest.importorskip("playwright", reason="the Python package playwright is not installed")
pytest.importorskip("onnx", reason="onnx is not installed: pip install 'allograph[export]'")
from allograph.export.site import RUNTIME, WEBGPU_FILES

if not chromium():
    pytest.skip("no Chromium here: apt-get install chromium, or set ALLOGRAPH_CHROMIUM", allow_module_level=True)
if not RUNTIME.is_dir():
    pytest.skip("onnxruntime-web is not here: make runtime", allow_module_level=True)

pytestmark = pytest.mark.slow

PATIENCE = 600_000
"""Milliseconds that a page gets: the emulated GPU is slow, above all in compiling what it runs."""

NEAR = 1e-3
"""In the probability of ink, as browser/backend.js demands."""

SEQUENTIAL = {"image_size": 28, "patch": 8, "hidden": 16, "latent": 4, "embedding": 8, "heads": 2, "steps": 3}


@pytest.fixture(scope="module")
def gpu_browser() -> Iterator[Any]:
    with browsing("--enable-unsafe-webgpu") as one:
        page = one.new_page()
        page.goto("chrome://version")
        emulates = page.evaluate("async () => (await navigator.gpu?.requestAdapter())?.info.isFallbackAdapter")
        page.close()
        if not emulates:
            pytest.skip("this Chromium emulates no GPU")
        yield one


@pytest.fixture(scope="module")
def gpu_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with small models: one that is compiled quickly, then two of both kinds that can be exported."""
    top = tmp_path_factory.mktemp("gpu")
    plain = small_sequential(image_size=28, steps=1, context=True, attention="none", embedding=0, prior="standard")
    full = small_sequential(**SEQUENTIAL, context=True, context_by="inference", attention="stretch")
    for name, config in (("plain", plain), ("sequential", full)):
        weights.save(top / f"{name}.safetensors", with_random_weights(config, 0).float(), card("bending"))
    # Strong random weights magnify rounding: at full strength a window is 3e-4 elsewhere, and a pixel 0.012.
    bending = build("bending")
    with torch.no_grad():
        for parameter in bending.parameters():
            parameter.mul_(0.3)
    weights.save(top / "bending.safetensors", bending, card("bending"))
    models = [str(top / f"{name}.safetensors") for name in ("plain", "sequential", "bending")]
    assert main(["studio", *(f"--model={one}" for one in models), "--export", str(top / "some" / "where")]) == 0
    with served(top) as address:
        yield f"{address}/some/where/"


def visiting(browser: Any, url: str, **options: Any) -> Visit:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    one = Visit(context.new_page(), url)
    one.open()
    return one


def asked_for(visit: Visit) -> list[Any]:
    """Notes what of WebGPU's runtime the page asks for from now on."""
    asked: list[Any] = []
    visit.page.on("request", lambda request: request.url.endswith(WEBGPU_FILES) and asked.append(request))
    return asked


def draw(visit: Visit) -> None:
    visit.draw()
    visit.wait_for_drawings()


def said(visit: Visit, text: str) -> str:
    """The line about backends, once it holds this."""
    visit.page.wait_for_function("text => document.getElementById('backend').textContent.includes(text)", arg=text)
    return visit.page.locator("#backend").inner_text()


def remembered(visit: Visit) -> Any:
    return json.loads(visit.page.evaluate("localStorage['allograph backend /some/where/'] ?? 'null'"))


def remember(visit: Visit, backend: str) -> None:
    kept = {**remembered(visit), "backend": backend, "why": f"{backend} was faster"}
    visit.page.evaluate("kept => { localStorage['allograph backend /some/where/'] = kept; }", json.dumps(kept))


def done_with(visit: Visit) -> None:
    visit.page.context.close()
    assert visit.complaints == []
    assert visit.elsewhere == []


def test_webgpu_makes_the_same_drawings(gpu_browser: Any, gpu_site: str) -> None:
    """Of both kinds of models; free energies are computed on the processor all the same."""
    visit = Visit(gpu_browser.new_page(), gpu_site)
    visit.page.set_default_timeout(PATIENCE)
    visit.page.goto(f"{gpu_site}embedding.html")
    made = visit.page.evaluate(
        """async (image) => {
            const { Engine } = await import("./browser/engine.js");
            const made = {};
            for (const backend of ["wasm", "webgpu"]) {
                const engine = new Engine(backend);
                for (const model of ["sequential", "bending"]) {
                    const exemplars = [{ image, ink: "dark" }];
                    const drawings = await engine.ask("write", [{ model, exemplars, seed: 7 }, 4]);
                    const energy = await engine.ask("energy", [{ model, exemplars, seed: 7, drawing: exemplars[0] }]);
                    (made[model] ??= []).push({ ...drawings, energy, growth: Array.from(drawings.growth) });
                }
                (made.ink ??= []).push((await engine.ask("probe")).logits.map((v) => 1 / (1 + Math.exp(-v))));
                engine.close();
            }
            return { ...made, ink: made.ink.map((values) => Array.from(values)) };
        }""",
        encoded(drawing(3)),
    )
    wasm, gpu = made.pop("ink")
    assert np.ptp(wasm) > 0.5
    np.testing.assert_allclose(gpu, wasm, atol=NEAR)
    for wasm, gpu in made.values():
        assert np.unique(wasm["growth"]).size > 50
        np.testing.assert_allclose(gpu["growth"], wasm["growth"], atol=2.55)  # of 255
        for name in ("write_windows", "read_windows"):
            np.testing.assert_allclose(gpu[name], wasm[name], atol=2e-4)
        assert gpu["energy"] == wasm["energy"]
    visit.page.close()


def test_the_address_chooses(gpu_browser: Any, gpu_site: str) -> None:
    for backend, name in (("wasm", "WebAssembly"), ("webgpu", "WebGPU")):
        visit = visiting(gpu_browser, f"{gpu_site}?backend={backend}")
        asked = asked_for(visit)
        draw(visit)
        assert said(visit, "asks for it") == f"{name} makes the drawings: the page's address asks for it."
        assert asked == []  # of what it has not asked for at first
        visit.elsewhere.clear()  # the address of the visit has more to it
        done_with(visit)


def test_webassembly_draws_where_the_processor_emulates_the_gpu(gpu_browser: Any, gpu_site: str) -> None:
    visit = visiting(gpu_browser, gpu_site)
    asked = asked_for(visit)
    draw(visit)
    why = "the processor emulates the GPU"
    assert said(visit, why) == f"WebAssembly makes the drawings: {why}."
    visit.page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    assert asked == []
    done_with(visit)


def test_both_race_and_the_winner_draws_at_later_visits_without_a_network(gpu_browser: Any, gpu_site: str) -> None:
    """After the first drawings; and where the GPU is lost WebAssembly draws."""
    visit = visiting(gpu_browser, f"{gpu_site}?backend=race")
    asked = asked_for(visit)
    visit.page.evaluate(
        """() => new MutationObserver((_, observer) => {
            window.drawn = Date.now();
            observer.disconnect();
        }).observe(document.documentElement, { attributeFilter: ["data-latency"] })"""
    )
    draw(visit)
    line = said(visit, "WebGPU draws in")
    assert "swiftshader" in line
    assert {request.url.rpartition("/")[2] for request in asked} == set(WEBGPU_FILES)
    assert min(request.timing["startTime"] for request in asked) > visit.page.evaluate("drawn") + 2000
    kept = remembered(visit)
    assert line == f"{'WebGPU' if kept['backend'] == 'webgpu' else 'WebAssembly'} makes the drawings: {kept['why']}."
    draw(visit)
    visit.page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    visit.page.context.set_offline(True)
    asked.clear()
    for backend, name in (("wasm", "WebAssembly"), ("webgpu", "WebGPU")):
        remember(visit, backend)
        visit.page.reload()
        visit.page.wait_for_selector("html[data-ready=yes]")
        draw(visit)
        assert said(visit, "was faster") == f"{name} makes the drawings: {backend} was faster."
        assert bool(asked) == (backend == "webgpu")
    draw(visit)
    assert visit.complaints == []
    gpu_browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    assert said(visit, "failed").startswith("WebAssembly makes the drawings: WebGPU failed: ")
    draw(visit)
    assert remembered(visit)["backend"] == "wasm"
    visit.page.context.close()


RACE = """async (change) => {
    const { race } = await import("./browser/backend.js");
    const { Engine } = await import("./browser/engine.js");
    const real = new Engine("wasm");
    await real.ask("models");
    const wasm = {
        async ask(method, given) {
            const answer = await real.ask(method, given);
            if (method === "probe" && change === "slower") answer.took += 1e6;
            if (method === "probe" && change === "other") {
                answer.logits[answer.logits.findIndex((logit) => Math.abs(logit) < 1)] += 0.1;
            }
            return answer;
        },
    };
    const { engine, why } = await race(wasm, true);
    const drawn = engine && (await engine.ask("write", [{ seed: 1 }, 2])).growth.length;
    engine?.close();
    return { drawn, why };
}"""
"""A race against WebAssembly's real engine, whose answers are changed on their way."""


def test_webgpu_draws_where_it_is_faster_and_draws_the_same(gpu_browser: Any, gpu_site: str) -> None:
    visit = visiting(gpu_browser, gpu_site)
    won = visit.page.evaluate(RACE, "slower")
    assert won["drawn"] > 0
    assert remembered(visit)["backend"] == "webgpu"
    refused = visit.page.evaluate(RACE, "other")
    assert refused["drawn"] is None
    assert refused["why"].startswith("WebGPU failed: its drawings differ by 0.02")
    assert remembered(visit)["backend"] == "wasm"
    done_with(visit)


def test_files_that_do_not_arrive_are_tried_again_at_the_next_visit(gpu_browser: Any, gpu_site: str) -> None:
    visit = visiting(gpu_browser, gpu_site, service_workers="block")  # whose requests the test cannot stop
    visit.page.route(f"**/{WEBGPU_FILES[-1]}", lambda route: route.abort())
    failed = visit.page.evaluate(RACE, "")
    assert failed["why"].startswith(f"WebGPU failed: runtime/{WEBGPU_FILES[-1]}: ")
    assert remembered(visit) is None
    visit.page.context.close()
