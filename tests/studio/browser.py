"""The studio's page in a real Chromium, and what a person does there."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SYMBOL = (
    ((0.32, 0.2), (0.3, 0.5), (0.34, 0.8)),
    ((0.34, 0.8), (0.55, 0.78), (0.72, 0.7)),
    ((0.6, 0.22), (0.7, 0.36), (0.62, 0.48)),
)
"""Strokes of a symbol, in shares of the drawing area."""


def chromium() -> str | None:
    """The program, or None where there is none: of ALLOGRAPH_CHROMIUM, else the system's."""
    return os.environ.get("ALLOGRAPH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browsing(*options: str) -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    program = chromium()
    assert program
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", *options])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """An open page, with what went wrong on it and where it sent requests."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._sent)
        self.page.goto(self.url)
        self.page.wait_for_selector("html[data-ready=yes]")

    def draw(self, strokes=SYMBOL, on: str = "#pad") -> None:
        """Strokes with the mouse."""
        self.page.locator(on).scroll_into_view_if_needed()
        box = self.page.locator(on).bounding_box()
        mouse = self.page.mouse
        for stroke in strokes:
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
            mouse.move(*points[0])
            mouse.down()
            for point in points[1:]:
                mouse.move(*point, steps=6)
            mouse.up()

    def wait_for_drawings(self, count: int = 16) -> None:
        self.page.wait_for_function(
            "n => document.getElementById('results').dataset.state === 'shown'"
            " && document.querySelectorAll('#grid .cell').length === n",
            arg=count,
        )

    def inked(self, selector: str) -> int:
        """Pixels of the first such canvas that are not clear."""
        return self.page.locator(selector).first.evaluate(
            """canvas => {
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const context = copy.getContext("2d", { willReadFrequently: true });
                context.drawImage(canvas, 0, 0);
                const { data } = context.getImageData(0, 0, copy.width, copy.height);
                let count = 0;
                for (let i = 3; i < data.length; i += 4) count += data[i] > 40;
                return count;
            }"""
        )

    def picture_of(self, selector: str) -> str:
        return self.page.locator(selector).first.evaluate("c => c.toDataURL()")

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _sent(self, request: Any) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.elsewhere.append(request.url)


def smooth(points: Sequence[tuple[float, float]], between: int = 6) -> tuple[tuple[float, float], ...]:
    """A hand's way through these points (Catmull and Rom's spline)."""
    ends = [points[0], *points, points[-1]]
    way = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for t in (k / between for k in range(between)):
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            way.append(
                tuple(sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) / 2 for axis in (0, 1))
            )
    return (*way, points[-1])


def circle(x: float, y: float, radius: float, points: int = 24) -> tuple[tuple[float, float], ...]:
    """A closed stroke."""
    turn = 2 * math.pi / points
    return tuple((x + radius * math.cos(k * turn), y + radius * math.sin(k * turn)) for k in range(points + 1))
