"""More conditions: pens, screens, transparency, files, sizes, what else is on the sheet; and pictures without ink."""

from __future__ import annotations

__all__ = ["BLANKS"]

import io
from collections.abc import Callable

import numpy as np
from benchmarks.intake.conditions import Random, _condition, _mix, _page, _places, _rules
from benchmarks.intake.scenes import PAPERS, Scene, field, grain, scene, shade
from benchmarks.intake.shapes import Shape
from PIL import Image
from scipy import ndimage


def _bytes(picture: np.ndarray) -> np.ndarray:
    return picture.clip(0, 255).round().astype(np.uint8)


def _worn(made: Scene, random: Random, cut: float, scale: float) -> np.ndarray:
    """Coverage whose grain leaves paper free: the share `cut` of the stroke is thinner."""
    assert made.ink is not None
    noise = field(random, made.ink.shape, scale)
    return made.ink * np.clip(1.15 - cut * (noise > np.quantile(noise, 1 - cut)) - 0.15 * np.abs(noise), 0, 1)


def _drawn(shape: Shape, random: Random, s: float, ink: tuple[int, ...], paper: tuple[int, ...], cut: float,
           scale: float, texture: float) -> Scene:  # fmt: skip
    side = int(random.integers(300, 520))
    made = scene(shape, random, side=side, share=0.6, pen=random.uniform(0.02, 0.045) * side, ink=ink, paper=paper)
    worn = ndimage.gaussian_filter(_worn(made, random, cut, scale), 0.5)[..., None]
    ground = np.array(paper, np.float32) + grain(random, worn.shape[:2], texture, (0.8, 3.0))
    made.picture = ground + (np.array(ink) - ground) * worn
    return made


@_condition("chalk on a board")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = _drawn(shape, random, s, (232, 230, 222), (42, 62, 52), _mix(0.1, 0.4, s), 1.1, 2 + 3 * s)
    made.picture += (14 * s * field(random, made.picture.shape[:2], 40))[..., None]
    made.dark = False
    return made


@_condition("crayon")
def _(shape: Shape, s: float, random: Random) -> Scene:
    ink = ((200, 40, 50), (30, 80, 170), (40, 130, 60), (90, 50, 30))[random.integers(4)]
    return _drawn(shape, random, s, ink, (250, 248, 242), _mix(0.1, 0.4, s), 1.3, 2)


@_condition("pencil")
def _(shape: Shape, s: float, random: Random) -> Scene:
    side = int(random.integers(280, 560))
    grey = int(_mix(70, 140, s))
    made = scene(shape, random, side=side, pen=_mix(3.5, 1.6, s), ink=(grey,) * 3, paper=(246, 245, 241))
    worn = _worn(made, random, 0.2, 0.9)[..., None]
    ground = np.array((246, 245, 241), np.float32) + grain(random, worn.shape[:2], 1.5, (0.7,))
    made.picture = ground + (grey - ground) * worn
    return made


@_condition("marker")
def _(shape: Shape, s: float, random: Random) -> Scene:
    side = int(random.integers(240, 420))
    ink = np.array(((220, 60, 90), (60, 150, 220), (70, 170, 80), (240, 140, 40))[random.integers(4)], np.float32)
    made = scene(shape, random, side=side, pen=_mix(0.03, 0.08, s) * side, share=0.7, ink=tuple(ink))
    assert made.ink is not None
    uneven = 1 - _mix(0.05, 0.25, s) * np.abs(field(random, made.ink.shape, 9))[..., None].clip(0, 2)
    ground = made.picture * (1 - made.ink[..., None]) + 250 * made.ink[..., None]
    made.picture = ground + (ink - ground) * made.ink[..., None] * uneven
    return made


@_condition("a screen, photographed")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, light=True, ink=(24, 26, 32), paper=(225, 228, 235))
    height, width = made.picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    waves = np.sin(x / _mix(3, 1.3, s)) * np.sin(y / 1.7) + np.sin((x + y) / 23)
    made.picture = made.picture * (1 + _mix(0.02, 0.1, s) * waves[..., None]) + 12
    return made


def _clear(made: Scene, alpha: np.ndarray, picture: np.ndarray | None = None) -> Scene:
    colour = _bytes(made.picture if picture is None else picture)
    made.picture = Image.fromarray(np.dstack([colour, _bytes(255 * alpha)]))
    return made


@_condition("transparent, the ink alone")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, share=_mix(0.5, 1.0, s))
    assert made.ink is not None
    colour = np.broadcast_to(np.array(random.integers(0, 256, 3), np.float32), made.picture.shape)
    made.dark = None
    return _clear(made, made.ink * _mix(1.0, 0.35, s), colour)


@_condition("transparent evenly")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    return _clear(made, np.full(made.picture.shape[:2], _mix(1.0, 0.1, s)))


@_condition("a card on transparent ground")
def _(shape: Shape, s: float, random: Random) -> Scene:
    side = int(random.integers(260, 480))
    made = scene(shape, random, side=(side, side), share=0.5, anywhere=False)
    assert made.ink is not None
    contrast = _mix(1.0, 0.25, s)
    made.picture = made.picture.max((0, 1)) + (made.picture - made.picture.max((0, 1))) * contrast
    angle = random.uniform(-25, 25)
    turned = [Image.fromarray(np.ascontiguousarray(p)).rotate(angle, Image.Resampling.BICUBIC, expand=True)
              for p in (*made.picture.transpose(2, 0, 1), made.ink, np.ones((side, side), np.float32))]  # fmt: skip
    planes = [np.asarray(p) for p in turned]
    made.ink = planes[3].clip(0, 1)
    solid = np.maximum(planes[4].clip(0, 1), 1e-3)
    return _clear(made, planes[4].clip(0, 1), np.stack(planes[:3], -1) / solid[..., None])


@_condition("a sticker on transparent ground")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, share=0.6, anywhere=False, paper=(255, 255, 255))
    assert made.ink is not None
    border = _mix(0.10, 0.035, s) * max(made.ink.shape)
    around = np.clip(border + 0.5 - ndimage.distance_transform_edt(made.ink < 0.5), 0, 1)
    return _clear(made, around)


@_condition("JPEG, 95 to 20")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    stream = io.BytesIO()
    Image.fromarray(_bytes(made.picture)).save(stream, "JPEG", quality=round(_mix(95, 20, s)))
    made.picture = stream.getvalue()
    return made


@_condition("noise")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    made.picture += random.normal(0, _mix(4, 34, s), made.picture.shape)
    return made


@_condition("blur")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, side=int(random.integers(280, 480)), share=0.6)
    spread = _mix(0.5, 0.009 * max(made.picture.shape), s)
    made.picture = ndimage.gaussian_filter(made.picture, (spread, spread, 0)) + random.normal(0, 1, made.picture.shape)
    return made


@_condition("tiny, 40 to 8 pixels")
def _(shape: Shape, s: float, random: Random) -> Scene:
    side = round(_mix(40, 10, s))
    return scene(shape, random, side=(side, side), share=0.85, pen=max(1.0, 0.09 * side), anywhere=False)


@_condition("large, 2 to 12 megapixels")
def _(shape: Shape, s: float, random: Random) -> Scene:
    width = round(_mix(1600, 4000, s))
    made = scene(shape, random, side=(width, width * 3 // 4), share=random.uniform(0.15, 0.6))
    x, y = _places(made.picture)
    made.picture = shade(made.picture, (1 - 0.35 * x * y).astype(np.float32))
    return made


@_condition("long and narrow, to 20:1")
def _(shape: Shape, s: float, random: Random) -> Scene:
    height = int(random.integers(50, 120))
    size = height, round(height * _mix(2, 20, s))
    return scene(shape, random, side=size if random.random() < 0.5 else size[::-1], share=0.85)


@_condition("bleed-through")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, ink=(24, 22, 30), paper=(243, 238, 226))
    assert made.ink is not None
    behind = ndimage.gaussian_filter(np.roll(made.ink[:, ::-1], int(random.integers(10, 60)), 0), 1.6)
    made.picture -= (made.picture - 20) * (_mix(0.06, 0.3, s) * behind * (1 - made.ink))[..., None]
    return made


@_condition("a stamp beside it")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, ink=(20, 20, 28), share=0.5, anywhere=False)
    assert made.ink is not None
    height, width = made.ink.shape
    y, x = np.mgrid[0:height, 0:width]
    radius = 0.13 * min(height, width)
    away = np.abs(np.hypot(x - random.uniform(0.16, 0.84) * width, y - 0.85 * height) - radius)
    ring = np.clip(0.012 * width + 0.5 - away, 0, 1) * (1 - made.ink)
    colour = 255 + (np.array(((200, 60, 70), (80, 90, 190))[random.integers(2)]) - 255) * _mix(0.35, 0.9, s)
    made.picture += (colour - made.picture) * ring[..., None]
    return made


@_condition("16 bits, grey")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    grey = made.picture.mean(-1) * _mix(257, 12, s)
    made.picture = Image.fromarray(grey.clip(0, 65535).astype(np.uint16))
    return made


@_condition("two tones only")
def _(shape: Shape, s: float, random: Random) -> Scene:
    light = random.random() < 0.5
    made = scene(shape, random, share=_mix(0.5, 1.0, s), side=int(random.integers(48, 300)), light=light,
                 ink=(0, 0, 0), paper=(255, 255, 255), anywhere=False)  # fmt: skip
    made.picture = Image.fromarray(_bytes(made.picture)).convert("L").point(lambda v: 255 * (v > 127)).convert("1")
    return made


@_condition("a phone's photo: all of it")
def _(shape: Shape, s: float, random: Random) -> Scene:
    kind = random.random()
    if kind < 0.4:
        made = _rules(scene(shape, random, side=600, share=0.45), 0.5 * s, random, False)
    elif kind < 0.7:
        made = _page(shape, random, 0.5, 0.5, (70, 60, 55))
    else:
        made = scene(shape, random, side=600)
    x, y = _places(made.picture)
    made.picture = shade(made.picture, 1 - _mix(0.1, 0.4, s) * (x * random.random() + y * random.random()) / 2)
    made.picture = ndimage.gaussian_filter(made.picture, (0.4 + s, 0.4 + s, 0))
    made.picture += random.normal(0, 2 + 5 * s, made.picture.shape)
    stream = io.BytesIO()
    Image.fromarray(_bytes(made.picture)).save(stream, "JPEG", quality=80)
    made.picture = stream.getvalue()
    return made


def _paper(random: Random, side: int = 300) -> np.ndarray:
    return np.broadcast_to(np.array(PAPERS[random.integers(len(PAPERS))], float), (side, side, 3)).copy()


def _gradient(random: Random) -> np.ndarray:
    picture = _paper(random)
    x, y = _places(picture)
    return shade(picture, 1 - 0.5 * (x * random.random() + y * random.random()))


BLANKS: dict[str, Callable[[Random], object]] = {
    "paper": _paper,
    "grain": lambda random: _paper(random) + grain(random, (300, 300), 8, (0.8, 2.5, 8.0)),
    "noise": lambda random: _paper(random) + random.normal(0, 20, (300, 300, 3)),
    "light": _gradient,
    "light and noise": lambda random: _gradient(random) + random.normal(0, 4, (300, 300, 3)),
    "black": lambda random: np.full((200, 200, 3), 12.0) + random.normal(0, 2, (200, 200, 3)),
    "transparent": lambda random: Image.new("RGBA", (200, 200), (*random.integers(0, 255, 3).tolist(), 0)),
}
"""Pictures in which there is nothing to find."""
