"""Draw the example symbols: python examples/draw_symbols.py [FOLDER]

Eight symbols from scripts that Omniglot lacks, each a few strokes through hand-placed points, drawn by a simulated pen
and put on as many kinds of ground: a clean file, chalk, a transparent sheet, photographs, a scan. The same files come
out every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Stroke = list[tuple[float, float]]

# Points in a unit square, x to the right, y down. A stroke is a smooth curve through its points; a point given twice
# is a corner.
SYMBOLS: dict[str, list[Stroke]] = {
    # Thai ko kai
    "thai-ko-kai": [
        [
            (0.24, 0.95),
            (0.24, 0.72),
            (0.25, 0.55),
            (0.34, 0.47),
            (0.34, 0.47),
            (0.22, 0.38),
            (0.17, 0.29),
            (0.28, 0.13),
            (0.50, 0.05),
            (0.71, 0.12),
            (0.80, 0.32),
            (0.81, 0.60),
            (0.81, 0.95),
        ],
    ],
    # Tamil ka
    "tamil-ka": [
        [(0.12, 0.10), (0.45, 0.11), (0.80, 0.09)],
        [
            (0.47, 0.10),
            (0.47, 0.35),
            (0.46, 0.62),
            (0.44, 0.80),
            (0.30, 0.88),
            (0.14, 0.78),
            (0.12, 0.60),
            (0.26, 0.49),
            (0.47, 0.48),
            (0.68, 0.43),
            (0.86, 0.50),
            (0.92, 0.66),
            (0.84, 0.82),
            (0.66, 0.80),
        ],
    ],
    # Telugu ra
    "telugu-ra": [
        [(0.22, 0.20), (0.36, 0.33), (0.36, 0.33), (0.52, 0.21), (0.74, 0.03)],
        [
            (0.36, 0.36),
            (0.17, 0.50),
            (0.11, 0.68),
            (0.22, 0.87),
            (0.47, 0.95),
            (0.74, 0.88),
            (0.87, 0.69),
            (0.79, 0.49),
            (0.60, 0.39),
            (0.40, 0.35),
        ],
    ],
    # Linear B ka, a wheel
    "linear-b-ka": [
        [
            (0.49, 0.07),
            (0.23, 0.14),
            (0.07, 0.36),
            (0.09, 0.65),
            (0.28, 0.88),
            (0.55, 0.94),
            (0.81, 0.81),
            (0.94, 0.54),
            (0.87, 0.26),
            (0.69, 0.10),
            (0.47, 0.06),
        ],
        [(0.50, 0.08), (0.52, 0.48), (0.50, 0.92)],
        [(0.09, 0.51), (0.48, 0.49), (0.92, 0.52)],
    ],
    # Lao tho tam
    "lao-tho": [
        [
            (0.20, 0.26),
            (0.12, 0.33),
            (0.05, 0.24),
            (0.12, 0.13),
            (0.23, 0.17),
            (0.27, 0.35),
            (0.28, 0.62),
            (0.28, 0.93),
            (0.28, 0.93),
            (0.41, 0.60),
            (0.57, 0.28),
            (0.67, 0.13),
            (0.67, 0.13),
            (0.72, 0.35),
            (0.71, 0.56),
            (0.79, 0.68),
            (0.88, 0.72),
            (0.93, 0.84),
            (0.84, 0.93),
            (0.74, 0.85),
            (0.72, 0.66),
        ],
    ],
    # Bopomofo k
    "bopomofo-k": [
        [(0.08, 0.18), (0.45, 0.15), (0.92, 0.10)],
        [
            (0.50, 0.16),
            (0.38, 0.34),
            (0.27, 0.50),
            (0.27, 0.50),
            (0.50, 0.46),
            (0.76, 0.44),
            (0.79, 0.60),
            (0.70, 0.80),
            (0.57, 0.95),
            (0.44, 0.84),
        ],
    ],
    # Coptic shai
    "coptic-shai": [
        [
            (0.10, 0.12),
            (0.08, 0.34),
            (0.15, 0.52),
            (0.29, 0.56),
            (0.42, 0.46),
            (0.46, 0.16),
            (0.46, 0.16),
            (0.48, 0.44),
            (0.60, 0.56),
            (0.76, 0.52),
            (0.85, 0.34),
            (0.84, 0.11),
            (0.84, 0.11),
            (0.90, 0.50),
            (0.80, 0.76),
            (0.56, 0.92),
            (0.24, 0.93),
        ],
    ],
    # Lao nyo
    "lao-nyo": [
        [
            (0.24, 0.28),
            (0.15, 0.19),
            (0.24, 0.08),
            (0.37, 0.15),
            (0.34, 0.31),
            (0.20, 0.44),
            (0.20, 0.44),
            (0.40, 0.46),
            (0.40, 0.46),
            (0.19, 0.52),
            (0.11, 0.70),
            (0.22, 0.88),
            (0.48, 0.93),
            (0.76, 0.88),
            (0.84, 0.70),
            (0.83, 0.40),
            (0.84, 0.08),
        ],
    ],
}


def spline(points: Stroke, step: float = 0.004) -> np.ndarray:
    """Return points (n, 2) along a centripetal Catmull-Rom spline through `points`, about `step` apart."""
    parts: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if parts[-1] and parts[-1][-1] == point:
            parts.append([])
        parts[-1].append(point)
    pieces = []
    for part in parts:
        p = np.array(part)
        p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
            t = np.cumsum([0.0, *(np.sqrt(np.linalg.norm(v - u)) for u, v in ((a, b), (b, c), (c, d)))])
            s = np.linspace(t[1], t[2], max(2, round(np.linalg.norm(c - b) / step)))[:, None]
            ab, bc, cd = (
                ((v_t - s) * u + (s - u_t) * v) / (v_t - u_t)
                for u, v, u_t, v_t in ((a, b, t[0], t[1]), (b, c, t[1], t[2]), (c, d, t[2], t[3]))
            )
            abc = ((t[2] - s) * ab + (s - t[0]) * bc) / (t[2] - t[0])
            bcd = ((t[3] - s) * bc + (s - t[1]) * cd) / (t[3] - t[1])
            pieces.append(((t[2] - s) * abc + (s - t[1]) * bcd) / (t[2] - t[1]))
    return np.vstack(pieces)


def pen(name: str, size: tuple[int, int], box: tuple[float, float, float], width: float, seed: int) -> np.ndarray:
    """Return the ink of a symbol, float (height, width) in [0, 1], drawn in the square `box` = (left, top, side).

    The hand trembles a little and presses unevenly; both change slowly along the stroke.
    """
    rng = np.random.default_rng(seed)
    over = 3  # the ink is drawn this many times larger, then averaged
    sheet = Image.new("L", (size[0] * over, size[1] * over), 0)
    draw = ImageDraw.Draw(sheet)
    left, top, side = box
    for points in SYMBOLS[name]:
        path = spline(points) * side + (left, top)
        path = path + 0.006 * side * np.stack([_slow_noise(rng, len(path), 45) for _ in range(2)], 1)
        pressure = 1 + 0.10 * _slow_noise(rng, len(path), 60)
        for (x, y), p in zip(path, pressure, strict=True):
            r = width * p / 2
            draw.ellipse([over * (x - r), over * (y - r), over * (x + r), over * (y + r)], fill=255)
    return np.asarray(sheet.reduce(over), np.float64) / 255


def _slow_noise(rng: np.random.Generator, length: int, scale: int) -> np.ndarray:
    noise = np.convolve(rng.standard_normal(length + 6 * scale), np.hanning(4 * scale), "same")
    return noise[3 * scale : 3 * scale + length] / noise.std()


def grain(rng: np.random.Generator, size: tuple[int, int], radius: float) -> np.ndarray:
    """Return smooth noise (height, width) of mean 0 and standard deviation 1, with spots of about `radius` pixels."""
    factor = max(1.0, radius)
    small = rng.standard_normal((round(size[1] / factor) + 2, round(size[0] / factor) + 2)).astype(np.float32)
    noise = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    return (noise - noise.mean()) / noise.std()


def mix(paper: np.ndarray, colour: tuple[int, int, int], ink: np.ndarray) -> np.ndarray:
    """Lay ink of one colour on paper (height, width, 3), all in 0..255."""
    return paper * (1 - ink[..., None]) + np.array(colour) * ink[..., None]


def to_image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


def photograph(sheet: np.ndarray, light: np.ndarray, rng: np.random.Generator, blur: float) -> Image.Image:
    """Return a sheet of paper as a camera sees it: lit unevenly, not quite sharp, with noise."""
    lit = to_image(sheet * light[..., None]).filter(ImageFilter.GaussianBlur(blur))
    noise = rng.normal(0, 2.0, (*light.shape, 3))
    return to_image(np.asarray(lit) + noise)


def plane(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return x / size[0], y / size[1]


def clean() -> Image.Image:
    size = (512, 512)
    return to_image(255 * (1 - pen("thai-ko-kai", size, (106, 106, 300), 20, 1)))


def chalk() -> Image.Image:
    size, rng = (800, 700), np.random.default_rng(2)
    x, y = plane(size)
    board = np.array([44, 62, 54]) + 4 * grain(rng, size, 160)[..., None] + 2.5 * grain(rng, size, 3)[..., None]
    board = board + 10 * (0.5 - y)[..., None] + 6 * x[..., None]
    ink = pen("tamil-ka", size, (200, 130, 420), 21, 2)
    rough = 1 / (1 + np.exp(-(grain(rng, size, 2.2) * 1.5 + 2.6)))
    return to_image(mix(board, (240, 238, 226), ink * rough * 0.95))


def transparent() -> Image.Image:
    size = (480, 480)
    ink = pen("telugu-ra", size, (80, 70, 320), 26, 3)
    return Image.fromarray(np.dstack([np.full((480, 480, 3), (28, 62, 138)), 255 * ink]).round().astype(np.uint8))


def pen_photo() -> Image.Image:
    size, rng = (1200, 900), np.random.default_rng(4)
    x, y = plane(size)
    paper = np.array([238, 231, 216]) + 3 * grain(rng, size, 2)[..., None] + 3 * grain(rng, size, 40)[..., None]
    ink = pen("linear-b-ka", size, (330, 190, 470), 15, 4) * (0.9 + 0.05 * grain(rng, size, 6))
    shadow = 1 / (1 + np.exp(-(x * 1.2 + y * 0.8 - 1.15) / 0.035))  # of the hand that holds the camera
    light = 1.02 - 0.45 * np.hypot(x - 0.2, y - 0.1) ** 1.3 - 0.22 * shadow
    return photograph(mix(paper, (26, 30, 52), ink.clip(0, 1)), light, rng, 1.1)


def scan() -> Image.Image:
    size, rng = (2400, 2400), np.random.default_rng(5)
    ink = pen("lao-tho", size, (420, 420, 1500), 74, 5)
    dust = grain(rng, size, 5) > 4.6
    edge = ink + 0.12 * grain(rng, size, 4)
    return Image.fromarray(~((edge > 0.5) | dust))


def pencil_photo() -> Image.Image:
    size, rng = (1000, 1000), np.random.default_rng(6)
    x, y = plane(size)
    paper = np.array([226, 228, 230]) + 2.5 * grain(rng, size, 1.6)[..., None] + 2 * grain(rng, size, 60)[..., None]
    ink = pen("bopomofo-k", size, (130, 330, 430), 6.5, 6)  # low on the left: people don't centre
    lead = ink * (0.62 + 0.16 * grain(rng, size, 2)).clip(0.1, 0.9)
    light = 0.62 + 0.34 * x + 0.10 * (1 - y)
    return photograph(mix(paper, (70, 70, 76), lead), light, rng, 0.9)


def marker() -> Image.Image:
    size, rng = (640, 640), np.random.default_rng(7)
    paper = np.full((640, 640, 3), 250.0) + 1.5 * grain(rng, size, 3)[..., None]
    ink = pen("coptic-shai", size, (140, 130, 370), 50, 7)
    return to_image(mix(paper, (196, 38, 46), ink * (0.95 + 0.03 * grain(rng, size, 30))))


def craft_paper() -> Image.Image:
    size, rng = (600, 600), np.random.default_rng(8)
    paper = np.array([176, 138, 98]) + 5 * grain(rng, size, 2)[..., None] + 4 * grain(rng, size, 12)[..., None]
    ink = pen("lao-nyo", size, (130, 120, 350), 17, 8)
    return to_image(mix(paper, (250, 246, 236), 0.92 * ink))


EXAMPLES: dict[str, Callable[[], Image.Image]] = {
    "thai-ko-kai.png": clean,
    "tamil-ka.png": chalk,
    "telugu-ra.png": transparent,
    "linear-b-ka.jpg": pen_photo,
    "lao-tho.png": scan,
    "bopomofo-k.jpg": pencil_photo,
    "coptic-shai.png": marker,
    "lao-nyo.webp": craft_paper,
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in EXAMPLES.items():
        options = {"quality": 88} if name.endswith((".jpg", ".webp")) else {"optimize": True}
        draw().save(folder / name, **options)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "symbols")
