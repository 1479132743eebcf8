"""The pictures of the studio in the documentation, from a real headless Chromium.

    python tools/studio_pictures.py [-o docs] [--all]

writes docs/studio.png (light, 1440 pixels wide); with --all also studio-dark.png, studio-phone.png,
studio-phone-dark.png, studio-empty.png and studio-result.png. Needs Chromium and the Python package playwright, and
draws with the model that ships.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from allograph.studio import ModelRegistry
from studio.browser import Visit, browsing, circle, smooth
from studio.live_server import running

ROOT = Path(__file__).resolve().parents[1]
SYMBOL = (
    smooth(
        ((0.27, 0.38), (0.3, 0.25), (0.41, 0.21), (0.49, 0.3), (0.46, 0.46), (0.4, 0.6), (0.43, 0.74), (0.55, 0.78))
    ),
    smooth(((0.55, 0.78), (0.67, 0.71), (0.73, 0.52), (0.73, 0.33), (0.69, 0.2))),
    circle(0.33, 0.62, 0.055, 14),
)
AGAIN = tuple(tuple((0.06 + 0.9 * x + 0.04 * y, 0.02 + 0.95 * y - 0.03 * x) for x, y in stroke) for stroke in SYMBOL)
COLOURS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    wanted = [("studio", 1440, 900, "light", full)]
    if options.all:
        wanted += [
            ("studio-dark", 1440, 900, "dark", growing),
            ("studio-phone", 390, 844, "light", full),
            ("studio-phone-dark", 390, 844, "dark", growing),
            ("studio-tablet", 820, 1100, "light", growing),
            ("studio-empty", 1440, 900, "light", lambda visit: None),
            ("studio-result", 1440, 900, "light", opened),
        ]
    with running(ModelRegistry()) as server, browsing() as browser:
        for name, width, height, scheme, act in wanted:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
            )
            visit = Visit(context.new_page(), server.address.url)
            visit.open()
            act(visit)
            save(visit.page.screenshot(full_page=width < 900), options.output / f"{name}.png")
            latency = visit.page.evaluate("document.documentElement.dataset.latency")
            print(f"{options.output / name}.png ({latency} ms from the stroke's end to the drawings)")
            assert not visit.complaints, visit.complaints
            context.close()


def drawn(visit: Visit) -> None:
    visit.draw(SYMBOL)
    visit.wait_for_drawings()
    visit.page.wait_for_timeout(4000)  # until all are traced


def growing(visit: Visit) -> None:
    """A step is held, with the windows."""
    drawn(visit)
    visit.page.check("#windows")
    visit.page.wait_for_timeout(2500)
    visit.page.locator("#time").fill("4")


def full(visit: Visit) -> None:
    """Some drawings are collected and a second one is measured."""
    page: Any = visit.page
    drawn(visit)
    for index in (0, 2, 5, 7):
        page.locator("#grid .cell").nth(index).click()
        page.click("#result-collect")
        page.wait_for_timeout(400)
    visit.page.locator("#second").scroll_into_view_if_needed()
    visit.draw(AGAIN, on="#second")
    page.wait_for_selector("#steps .bars")
    page.mouse.move(2, 2)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(400)


def opened(visit: Visit) -> None:
    drawn(visit)
    visit.page.locator("#grid .cell").nth(4).click()
    visit.page.wait_for_timeout(200)


def save(content: bytes, path: Path) -> None:
    """Saves a picture as a PNG with few colours, which suffice for the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(content)) as picture:
        small = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
