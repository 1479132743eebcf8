"""A symbol to draw in many ways: a hook, a bar and a dot."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

_HOOK = [(0.2, 0.0), (0.2, 0.7), (0.35, 0.95), (0.7, 1.0), (0.9, 0.75)]
_BAR = [(0.0, 0.3), (0.8, 0.2)]
_DOT = [(0.75, 0.5), (0.75, 0.501)]


def _draw(side: int = 240, pen: float = 10, shift: tuple[int, int] = (0, 0), scale: float = 0.5) -> np.ndarray:
    over = 4
    sheet = Image.new("L", (side * over, side * over))
    draw = ImageDraw.Draw(sheet)
    for points in (_HOOK, _BAR, _DOT):
        path = np.concatenate([np.linspace(a, b, 60) for a, b in pairwise(points)])
        for x, y in (path - 0.5) * scale * side + side / 2 + shift:
            draw.ellipse([over * (x - pen / 2), over * (y - pen / 2), over * (x + pen / 2), over * (y + pen / 2)], 255)
    return np.asarray(sheet.reduce(over), np.float64) / 255


def _on_paper(
    ink: np.ndarray, colour: tuple[int, ...] = (20, 20, 30), paper: tuple[int, ...] = (245, 243, 238)
) -> Image.Image:
    mixed = np.array(paper) * (1 - ink[..., None]) + np.array(colour) * ink[..., None]
    return Image.fromarray(mixed.round().astype(np.uint8))


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.asarray(a) > 0.5, np.asarray(b) > 0.5
    return float((a & b).sum() / max((a | b).sum(), 1))


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    """draw(side, pen, shift, scale): the symbol's ink, float (side, side) in [0, 1], with strokes `pen` pixels wide."""
    return _draw


@pytest.fixture(scope="session")
def symbol() -> np.ndarray:
    """The symbol's ink at 240 x 240."""
    return _draw()


@pytest.fixture(scope="session")
def on_paper() -> Callable[..., Image.Image]:
    """on_paper(ink, colour, paper): an RGB picture of ink."""
    return _on_paper


@pytest.fixture(scope="session")
def agreement() -> Callable[..., float]:
    """agreement(a, b): the intersection of two inks over their union."""
    return _agreement
