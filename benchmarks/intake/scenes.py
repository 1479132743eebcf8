"""Pictures with a known truth: ink laid on paper, and what light, lens and scanner do to it."""

from __future__ import annotations

__all__ = ["INKS", "PAPERS", "Scene", "enlarged", "field", "grain", "lay", "scene", "shade", "warped"]

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from benchmarks.intake.shapes import Shape
from PIL import Image
from scipy import ndimage

INKS = ((18, 18, 24), (22, 30, 90), (30, 30, 34), (120, 20, 30), (20, 80, 50), (60, 60, 66))
PAPERS = ((255, 255, 255), (249, 248, 244), (240, 232, 212), (228, 230, 232), (247, 239, 190), (214, 226, 240))


@dataclass
class Scene:
    """A picture and what is right.

    - `ink`: the coverage (h, w) of the symbol, upright, at the picture's size or smaller; None where there is none
    - `picture`: what is handed in: red, green, blue, 0 to 255, as float (h, w, 3), until a condition makes it final
    - `dark`: whether the ink is darker than its paper; None where the question has no meaning
    """

    ink: np.ndarray | None
    picture: Any
    dark: bool | None = True


def enlarged(made: Scene, megapixels: float) -> Scene:
    """The scene with its picture enlarged to this size."""
    picture = made.picture
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))
    elif isinstance(picture, bytes):
        picture = Image.open(BytesIO(picture))
    if picture.mode in ("1", "P"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    factor = (1e6 * megapixels / (picture.width * picture.height)) ** 0.5
    size = max(1, round(factor * picture.width)), max(1, round(factor * picture.height))
    if picture.mode.startswith("I"):  # 16 bits
        values = picture.convert("I").resize(size, Image.Resampling.BICUBIC)
        return Scene(made.ink, Image.fromarray(np.asarray(values).clip(0, 65535).astype(np.uint16)), made.dark)
    return Scene(made.ink, picture.resize(size, Image.Resampling.BICUBIC), made.dark)


def lay(shape: Shape, width: int, height: int, share: float, random: np.random.Generator, pen: float | None = None,
        anywhere: bool = True) -> np.ndarray:  # fmt: skip
    """The coverage of a sheet: the symbol takes the fraction `share` of what the sheet has room for."""
    unit = shape.ink(256, None if pen is None else pen)
    scale = min(width / unit.shape[1], height / unit.shape[0]) * share
    ink = shape.ink(max(3.0, 256 * scale), pen)[: max(height, 1), : max(width, 1)]
    sheet = np.zeros((height, width), np.float32)
    free = height - ink.shape[0], width - ink.shape[1]
    spread = 0.5 if anywhere else 0.0
    top, left = (round(max(f, 0) * (0.5 + spread * random.uniform(-0.9, 0.9))) for f in free)
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return sheet


def scene(shape: Shape, random: np.random.Generator, *, side: int | tuple[int, int] | None = None, share: float = 0.5,
          pen: float | None = None, ink: tuple[int, ...] | None = None, paper: tuple[int, ...] | None = None,
          light: bool = False, anywhere: bool = True) -> Scene:  # fmt: skip
    """A clean drawing: ink of one colour on paper of another."""
    if side is None:
        side = int(random.integers(240, 520))
    width, height = (side, round(side * random.uniform(0.75, 1.33))) if isinstance(side, int) else side
    coverage = lay(shape, width, height, share, random, pen, anywhere)
    colour = np.array(INKS[random.integers(len(INKS))] if ink is None else ink, np.float32)
    ground = np.array(PAPERS[random.integers(len(PAPERS))] if paper is None else paper, np.float32)
    if light:
        colour, ground = ground, colour
    picture = ground + (colour - ground) * coverage[..., None]
    luminance = np.array((0.299, 0.587, 0.114)) @ (colour - ground)
    return Scene(coverage, picture, None if abs(luminance) < 12 else bool(luminance < 0))


def field(random: np.random.Generator, shape: tuple[int, int], spread: float) -> np.ndarray:
    """Smooth noise of standard deviation 1, whose bumps are `spread` pixels wide."""
    factor = max(1, int(spread / 3))
    small = random.standard_normal((-(-shape[0] // factor) + 2, -(-shape[1] // factor) + 2)).astype(np.float32)
    small = ndimage.gaussian_filter(small, spread / factor)
    large = np.asarray(Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
    return (large - large.mean()) / max(float(large.std()), 1e-9)


def grain(
    random: np.random.Generator, shape: tuple[int, int], strength: float, scales: tuple[float, ...]
) -> np.ndarray:
    """Texture of several scales, (h, w, 1), to be added."""
    total = sum(field(random, shape, scale) for scale in scales)
    return (strength * np.asarray(total) / len(scales) ** 0.5)[..., None]


def shade(picture: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The picture under light that falls to `factor` (h, w)."""
    return picture * factor[..., None]


def warped(values: np.ndarray, corners: np.ndarray, size: tuple[int, int], fill: float) -> np.ndarray:
    """`values` (h, w[, c]) in the quadrilateral `corners` (4, 2), x first, clockwise from the upper left, on a sheet of
    `size` (width, height)."""
    height, width = values.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    rows, target = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        target += [u, v]
    coefficients = np.linalg.solve(np.array(rows), np.array(target)).tolist()
    planes = values[..., None] if values.ndim == 2 else values
    done = [
        np.asarray(Image.fromarray(np.ascontiguousarray(planes[..., c], np.float32)).transform(
            size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=fill))
        for c in range(planes.shape[-1])
    ]  # fmt: skip
    return done[0] if values.ndim == 2 else np.stack(done, -1)
