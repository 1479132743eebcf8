"""How fast the studio without a server draws, in headless Chromium on this machine.

    python benchmarks/site_speed.py [--rounds 10] [--throttle 6] [--screenshot docs/studio-390.png]

writes the site, visits it twice (from the second visit on its pages are isolated, and several threads draw), draws
strokes with the mouse, and prints for each stroke the time from its end until 16 drawings are there, and how much
processor time all of Chromium's processes took for them; then how many frames the animation shows a second, and what
the first visit loads. `--throttle` slows the page's own thread so many times; Chromium does not slow workers. Processor
time says something on a machine that is not idle, the time on the clock does not.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import os
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import allograph
from allograph.export.site import write_site


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--throttle", type=float, default=1)
    parser.add_argument("--screenshot", type=Path)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    program = os.environ.get("ALLOGRAPH_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as top, sync_playwright() as playwright:
        folder = Path(top) / "studio"
        write_site({"omniglot": allograph.load("omniglot")}, folder)
        loaded = sum(len(gzip.compress(path.read_bytes(), 9)) for path in folder.rglob("*") if path.is_file())
        print(f"first visit: {loaded / 1e6:.2f} MB gzipped")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        with served(Path(top)) as address:
            page = browser.new_page(viewport={"width": 390 if options.screenshot else 1440, "height": 844})
            for _ in range(2):
                page.goto(f"{address}/studio/")
                page.wait_for_selector("html[data-ready=yes]", timeout=120_000)
                page.evaluate("async () => { await navigator.serviceWorker.ready; }")
            page.wait_for_timeout(5000)
            if options.throttle > 1:
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": options.throttle})
            measure(page, options.rounds)
            if options.screenshot:
                page.wait_for_timeout(5000)
                page.screenshot(path=options.screenshot, full_page=True)
        browser.close()


def measure(page: Any, rounds: int) -> None:
    latencies, taken, frames = [], [], []
    for number in range(rounds):
        if page.locator("#clear").is_enabled():
            page.click("#clear")
        box = page.locator("#pad").bounding_box()
        place = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke(number)]
        page.evaluate("() => { document.documentElement.dataset.latency = ''; }")
        page.mouse.move(*place[0])
        page.mouse.down()
        for point in place[1:]:
            page.mouse.move(*point, steps=4)
        before = processor_time()
        page.mouse.up()
        page.wait_for_function("() => document.documentElement.dataset.latency")
        taken.append(processor_time() - before)
        latencies.append(float(page.evaluate("() => document.documentElement.dataset.latency")))
        count = "() => new Promise((done) => { let n = 0; const t = performance.now(); const on = (now) => { n++;"
        count += " if (now - t > 1000) done((1000 * n) / (now - t)); else requestAnimationFrame(on); };"
        frames.append(float(page.evaluate(f"{count} requestAnimationFrame(on); }})")))
        page.wait_for_timeout(3000)
    threads = page.evaluate("() => (crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1)")
    print(f"16 drawings after {rounds} strokes, {threads} threads: median {statistics.median(latencies):.0f} ms")
    print(f"processor time of all processes: median {statistics.median(taken):.0f} ms")
    print(f"frames a second while the drawings grow: median {statistics.median(frames):.0f}")


def stroke(number: int) -> list[tuple[float, float]]:
    shift = 0.05 * (number % 8)
    return [(0.2 + shift, 0.2), (0.5, 0.45 + shift / 2), (0.7 - shift, 0.8)]


def processor_time() -> float:
    """Of this process's children and theirs, milliseconds."""
    ticks, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                numbers = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)], ticks[int(entry.name)] = int(numbers[1]), int(numbers[11]) + int(numbers[12])

    def below(process: int) -> bool:
        while process in parents:
            process = parents[process]
            if process == os.getpid():
                return True
        return False

    return sum(1000 * ticks[process] / os.sysconf("SC_CLK_TCK") for process in ticks if below(process))


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
