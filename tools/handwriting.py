"""A hand and a camera for tests and examples: the program itself fills in a sheet and photographs it.

    python tools/handwriting.py fill SHEET.pdf FOLDER        page-1.png ..., every box written by the model
    python tools/handwriting.py photograph PAGE.png PHOTO.jpg --seed 3

Letters come from the font inside Pillow; the model makes new drawings of them. A photograph shows a curved and turned
page from an angle, in uneven light, out of focus, noisy, and compressed.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont
from skimage.measure import find_contours

import allograph
from allograph.typography.layout import BOX, GUIDES, Page
from allograph.typography.shapes import Shape, unlikeness

SCALE = 8
"""Pixels per millimetre of a filled page."""

_PICTURE_SCALE = 12
_INK = (28, 34, 66)
_BEYOND = 1.1
"""How far the grid on which a page is bent reaches beyond it."""

_PATCH = 24
_TRIES = 8


@dataclass(frozen=True)
class Camera:
    """The conditions of a photograph.

    - `turn`: degrees in the picture's plane; `tilt`, `pan`: degrees by which the page leans away, down and across
    - `distance`: of the camera, in page heights: the nearer, the stronger the perspective
    - `curl`: height of the paper's bulge, share of its width; `barrel`: of the lens, share of the half diagonal
    - `side`: longer side of the picture, pixels
    - `blur`: standard deviation, pixels; `noise`: of 255; `shade`: share of the light that the darkest place lacks
    - `quality`: of the JPEG
    """

    turn: float = 0.0
    tilt: float = 0.0
    pan: float = 0.0
    distance: float = 2.0
    curl: float = 0.0
    barrel: float = 0.0
    side: int = 3000
    blur: float = 0.8
    noise: float = 3.0
    shade: float = 0.3
    quality: int = 80

    @classmethod
    def at_random(cls, random: np.random.Generator, turn: float = 20.0, tilt: float = 35.0) -> Camera:
        """Largest angles in degrees: of the turn, and of leaning towards either side."""
        return cls(
            turn=random.uniform(-turn, turn),
            tilt=random.uniform(-tilt, tilt),
            pan=random.uniform(-tilt, tilt),
            distance=random.uniform(1.2, 2.5),
            curl=random.uniform(-0.02, 0.02),
            barrel=random.uniform(-0.015, 0.015),
            side=int(random.integers(2400, 3600)),
            blur=random.uniform(0.5, 1.8),
            noise=random.uniform(1, 6),
            shade=random.uniform(0.1, 0.6),
            quality=int(random.integers(50, 92)),
        )


def printed(symbol: str, guides: Mapping[str, float] = GUIDES["lines"]) -> Image.Image:
    """A symbol of Pillow's own font in a box of the sheet, standing on its baseline, in `_PICTURE_SCALE` px a mm."""
    size = tuple(round(side * _PICTURE_SCALE) for side in BOX)
    picture = Image.new("L", size, 255)
    cap = (guides["baseline"] - guides["cap_height"]) * _PICTURE_SCALE
    font = ImageFont.load_default(cap / 0.72)
    place = size[0] / 2, guides["baseline"] * _PICTURE_SCALE
    ImageDraw.Draw(picture).text(place, symbol, 20, font, anchor="ms")
    return picture


def written(symbols: Sequence[str], model: str = "omniglot-bending", seed: int = 0) -> dict[str, Image.Image]:
    """Each symbol in the model's hand, in the frame of `printed`: the most similar of several drawings."""
    writer, made = allograph.load(model), {}
    for symbol in symbols:
        copied = printed(symbol)
        drawings = writer.write(copied, _TRIES, seed=seed, temperature=0.5, ink="dark")
        wanted = _traced(copied)
        made[symbol] = min(drawings, key=lambda drawing: unlikeness(_traced(drawing), wanted))
    return made


def _traced(picture: Image.Image) -> Shape:
    """The edges of clean black ink on white, coarsely."""
    strength = np.asarray(ImageChops.invert(picture.convert("L").reduce(3)), float)
    return Shape(tuple(edge[:-1, ::-1] for edge in find_contours(np.pad(strength, 1), 128)), picture.size, 1.0)


def rendered(sheet: Path) -> list[Image.Image]:
    """The pages of a PDF."""
    import pypdfium2

    document = pypdfium2.PdfDocument(sheet)
    return [page.render(scale=SCALE * 25.4 / 72).to_pil().convert("RGB") for page in document]


def fill(picture: Image.Image, page: Page, drawings: Mapping[tuple[str, int], Image.Image]) -> Image.Image:
    """The page with the drawing of (symbol, number) in every box that has one."""
    filled = picture.copy()
    for cell in page.cells:
        if (drawing := drawings.get((cell.symbol, cell.number))) is None:
            continue
        size = tuple(round(side * SCALE) for side in BOX)
        strength = ImageChops.invert(drawing.convert("L").resize(size, Image.Resampling.LANCZOS))
        left, top = (round(value * SCALE) for value in cell.corner)
        filled.paste(_INK, (left, top), strength)
    return filled


def photograph(page: Image.Image, camera: Camera, random: np.random.Generator) -> Image.Image:
    """The page as the camera sees it, through a JPEG file."""
    width = page.width / page.height
    # The grid reaches beyond the page, which has no edge of patches then.
    across, down = np.meshgrid(np.linspace(-1, 1, 33) * _BEYOND, np.linspace(-1, 1, 41) * _BEYOND)
    x, y = across * width / 2, down / 2
    z = camera.curl * width * (1 - across**2) * (1 + 0.3 * down)
    turn, tilt, pan = (math.radians(angle) for angle in (camera.turn, camera.tilt, camera.pan))
    y, z = y * math.cos(tilt) - z * math.sin(tilt), y * math.sin(tilt) + z * math.cos(tilt)
    x, z = x * math.cos(pan) + z * math.sin(pan), -x * math.sin(pan) + z * math.cos(pan)
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    u, v = x / (1 + z / camera.distance), y / (1 + z / camera.distance)
    on_page = (abs(across) <= 1) & (abs(down) <= 1)
    u, v = (one - (one[on_page].min() + one[on_page].max()) / 2 for one in (u, v))
    far = np.hypot(u, v)[on_page].max()
    lens = 1 + camera.barrel * ((u**2 + v**2) / far**2 - 0.5)
    u, v = u * lens, v * lens
    size = np.array([np.ptp(u[on_page]), np.ptp(v[on_page])]) * random.uniform(1.06, 1.25)
    scale = camera.side / size.max()
    middle = random.uniform(-0.02, 0.02, 2)
    size = np.round(size * scale).astype(int)
    pixels = np.stack([(u + middle[0]) * scale + size[0] / 2, (v + middle[1]) * scale + size[1] / 2], -1)
    table = _table((int(size[0]), int(size[1])), random)
    seen = _laid(page, table, pixels)
    seen = seen.filter(ImageFilter.GaussianBlur(camera.blur))
    levels = np.asarray(seen, np.float32) * _light(seen.size, camera.shade, random)[..., None]
    levels *= random.uniform((0.85, 0.85, 0.75), (1.0, 1.0, 1.0)).astype(np.float32)
    levels += random.normal(0, camera.noise, levels.shape).astype(np.float32)
    stream = io.BytesIO()
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=camera.quality)
    return Image.open(stream).convert("RGB")


def _laid(page: Image.Image, table: Image.Image, pixels: np.ndarray) -> Image.Image:
    """The page on the table, the corners of its patches at `pixels` (rows, columns, 2)."""
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

    rows, columns = pixels.shape[:2]
    reach = [0.5 + 0.5 * _BEYOND * np.linspace(-1, 1, count) for count in (columns, rows)]
    on_page = np.stack(np.meshgrid(reach[0] * page.width, reach[1] * page.height), -1).reshape(-1, 2)
    at = pixels.reshape(-1, 2)
    # Where the corners of small squares of the picture come from; what lies beyond the grid is no part of the page.
    xs, ys = (np.append(np.arange(0, side, _PATCH), side) for side in table.size)
    corners = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2).astype(float)
    source = LinearNDInterpolator(at, on_page)(corners)
    beyond = np.isnan(source).any(1)
    source[beyond] = NearestNDInterpolator(at, on_page)(corners[beyond])
    source = source.reshape(len(ys), len(xs), 2)
    mesh = []
    for j in range(len(ys) - 1):
        for i in range(len(xs) - 1):
            quad = source[j, i], source[j + 1, i], source[j + 1, i + 1], source[j, i + 1]
            target = int(xs[i]), int(ys[j]), int(xs[i + 1]), int(ys[j + 1])
            mesh.append((target, tuple(float(value) for corner in quad for value in corner)))
    seen = page.convert("RGBA").transform(table.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    laid = table.copy()
    laid.paste(seen, (0, 0), seen)
    return laid


def _table(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A background with a grain, lighter or darker."""
    small = random.normal(0, 1, (size[1] // 40 + 2, size[0] // 6 + 2))
    grain = np.asarray(Image.fromarray(small.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    colour = random.uniform(40, 170) * np.array([1.0, 0.9, 0.75])
    return Image.fromarray((colour + 10 * grain[..., None]).clip(0, 255).astype(np.uint8))


def _light(size: tuple[int, int], shade: float, random: np.random.Generator) -> np.ndarray:
    """A slope of light, a soft shadow's edge across it, and darker corners."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    angle, edge = random.uniform(0, 2 * math.pi), random.uniform(-0.4, 0.4)
    along = x * math.cos(angle) + y * math.sin(angle)
    shadow = 1 / (1 + np.exp(-(along - edge) / random.uniform(0.04, 0.3)))
    light = 1 - shade * (0.3 * (along + 1.5) / 3 + 0.6 * shadow) - 0.08 * (x**2 + y**2)
    return light.astype(np.float32)


def _pages(sheet: Path) -> list[Page]:
    """The symbols that the pages of a sheet ask for, read from the pages themselves."""
    from allograph.typography.marks import find_page

    return [find_page(picture, str(sheet)).page for picture in rendered(sheet)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    filling = commands.add_parser("fill")
    filling.add_argument("sheet", type=Path)
    filling.add_argument("folder", type=Path)
    taking = commands.add_parser("photograph")
    taking.add_argument("page", type=Path)
    taking.add_argument("photo", type=Path)
    for command in (filling, taking):
        command.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.command == "fill":
        given.folder.mkdir(parents=True, exist_ok=True)
        for number, (picture, page) in enumerate(zip(rendered(given.sheet), _pages(given.sheet), strict=True), 1):
            hands = [written(page.symbols, seed=given.seed + box) for box in range(page.boxes)]
            drawings = {(symbol, box): drawing for box, hand in enumerate(hands, 1) for symbol, drawing in hand.items()}
            fill(picture, page, drawings).save(given.folder / f"page-{number}.png")
    else:
        random = np.random.default_rng(given.seed)
        photo = photograph(Image.open(given.page).convert("RGB"), Camera.at_random(random), random)
        photo.save(given.photo, quality=90)


if __name__ == "__main__":
    main()
