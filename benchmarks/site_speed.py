"""How fast the studio without a server draws, in headless Chromium on this machine.

    python benchmarks/site_speed.py [--rounds 10] [--throttle 6 | --slow 6]
    python benchmarks/site_speed.py --webgpu

writes the site, visits it twice (from the second visit on its pages are isolated, and several threads draw) and draws
strokes with the mouse. It prints the time from the pointer's release until the first frame with the 16 drawings has
been handed to the screen, how much processor time all of Chromium's processes took meanwhile, how many frames the
animation shows a second, and what the first visit loads.

`--throttle` is DevTools' throttling: it slows the page's own thread so many times, and no worker. `--slow` slows all of
Chromium, workers too: its processes are stopped for all but one N-th of the time, some milliseconds at a stretch (on
Linux). Processor time says something on a machine that is not idle, the time on the clock does not.

`--webgpu` has WebAssembly and WebGPU make the same 16 drawings, as the page does before it chooses: on the machine's
GPU if Chromium finds one, otherwise on one that Chromium emulates, which is slow. It prints the times and the largest
difference in the probability of ink.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import http.server
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import allograph
from allograph.export.site import WEBGPU_FILES, write_site

RUNNING = 0.003
"""Seconds that Chromium runs at a stretch where it is slowed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--throttle", type=float, default=1)
    parser.add_argument("--slow", type=float, default=1)
    parser.add_argument("--webgpu", action="store_true")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    program = os.environ.get("ALLOGRAPH_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as top, sync_playwright() as playwright:
        folder = Path(top) / "studio"
        write_site({"omniglot": allograph.load("omniglot")}, folder)
        sizes = {path: len(gzip.compress(path.read_bytes(), 9)) for path in folder.rglob("*") if path.is_file()}
        later = sum(size for path, size in sizes.items() if path.name in WEBGPU_FILES)
        print(f"first visit: {(sum(sizes.values()) - later) / 1e6:.2f} MB gzipped; WebGPU {later / 1e6:.2f} MB")
        graphics = "--enable-unsafe-webgpu" if options.webgpu else "--disable-gpu"
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", graphics])
        with served(Path(top)) as address:
            if options.webgpu:
                compare(browser.new_page(), f"{address}/studio/embedding.html")
                return
            page = browser.new_page(viewport={"width": 1440, "height": 844})
            for _ in range(2):
                page.goto(f"{address}/studio/")
                page.wait_for_selector("html[data-ready=yes]", timeout=120_000)
                page.evaluate("async () => { await navigator.serviceWorker.ready; }")
            page.wait_for_timeout(5000)
            if options.throttle > 1:
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": options.throttle})
            with slowed(options.slow):
                measure(page, options.rounds)
        browser.close()


WATCH = """() => {
    addEventListener("pointerup", ({ timeStamp }) => {
        window.seen = new Promise((done) => {
            const observer = new MutationObserver(() => {
                observer.disconnect();
                requestAnimationFrame(() => setTimeout(() => done(performance.now() - timeStamp)));
            });
            observer.observe(document.documentElement, { attributeFilter: ["data-latency"] });
        });
    }, { capture: true });
    window.frames_a_second = () => new Promise((done) => {
        const started = performance.now();
        let count = 0;
        requestAnimationFrame(function on(now) {
            count++;
            if (now - started > 1000) done((1000 * count) / (now - started));
            else requestAnimationFrame(on);
        });
    });
}"""


def compare(page: Any, address: str) -> None:
    page.goto(address)
    found = page.evaluate(
        """async () => {
            const { Engine } = await import("./browser/engine.js");
            const { compare } = await import("./browser/backend.js");
            const wasm = new Engine("wasm");
            await wasm.ask("models");
            const { name } = await wasm.ask("adapter", [true]);
            return { name, ...(await compare(wasm, new Engine("webgpu"), 3)) };
        }"""
    )
    print(f"{found['name']}: {found['why']}; the probability of ink differs by {found['apart']:.1g} at most")


def measure(page: Any, rounds: int) -> None:
    latencies, taken, frames = [], [], []
    page.evaluate(WATCH)
    for number in range(rounds):
        if page.locator("#clear").is_enabled():
            page.click("#clear")
        box = page.locator("#pad").bounding_box()
        place = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke(number)]
        page.mouse.move(*place[0])
        page.mouse.down()
        for point in place[1:]:
            page.mouse.move(*point, steps=4)
        before = processor_time()
        page.mouse.up()
        latencies.append(float(page.evaluate("() => window.seen")))
        taken.append(processor_time() - before)
        frames.append(float(page.evaluate("() => window.frames_a_second()")))
        page.wait_for_timeout(3000)
    threads = page.evaluate("() => (crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1)")
    each = ", ".join(f"{latency:.0f}" for latency in latencies)
    print(f"16 drawings on the screen, {threads} threads: median {statistics.median(latencies):.0f} ms ({each})")
    print(f"processor time of all processes: median {statistics.median(taken):.0f} ms")
    print(f"frames a second while the drawings grow: median {statistics.median(frames):.0f}")


@contextmanager
def slowed(times: float) -> Iterator[None]:
    """Chromium's processes run for one of so many parts of the time."""
    processes = [process for process in descendants() if "chrom" in name_of(process)] if times > 1 else []
    done = threading.Event()

    def signal_all(which: signal.Signals) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, which)

    def turns() -> None:
        while not done.wait(RUNNING):
            signal_all(signal.SIGSTOP)
            time.sleep(RUNNING * (times - 1))
            signal_all(signal.SIGCONT)

    thread = threading.Thread(target=turns)
    if processes:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if processes:
            thread.join()
        signal_all(signal.SIGCONT)


def stroke(number: int) -> list[tuple[float, float]]:
    shift = 0.05 * (number % 8)
    return [(0.2 + shift, 0.2), (0.5, 0.45 + shift / 2), (0.7 - shift, 0.8)]


def processor_time() -> float:
    """Processor time of this process's children and theirs, milliseconds."""
    total = 0
    for process in descendants():
        with contextlib.suppress(OSError):
            numbers = stat_of(process)
            total += int(numbers[11]) + int(numbers[12])
    return 1000 * total / os.sysconf("SC_CLK_TCK")


def descendants() -> list[int]:
    """This process's children and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int(stat_of(int(entry.name))[1])

    def below(process: int | None) -> bool:
        return process == os.getpid() or (process is not None and below(parents.get(process)))

    return [process for process, parent in parents.items() if below(parent)]


def stat_of(process: int) -> list[str]:
    """From the process's state on."""
    return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()


def name_of(process: int) -> str:
    try:
        return Path("/proc", str(process), "comm").read_text()
    except OSError:
        return ""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder on a plain file server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    main()
