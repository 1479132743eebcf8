"""What pictures go through: some forty conditions, each with a strength from 0, mild, to 1, hard."""

from __future__ import annotations

__all__ = ["CONDITIONS", "Condition"]

from collections.abc import Callable

import numpy as np
from benchmarks.intake.scenes import Scene, field, grain, scene, shade, warped
from benchmarks.intake.shapes import Shape
from scipy import ndimage

Condition = Callable[[Shape, float, np.random.Generator], Scene]

CONDITIONS: dict[str, Condition] = {}
"""By name, in the order of the table."""

Random = np.random.Generator


def _condition(name: str) -> Callable[[Condition], Condition]:
    def register(condition: Condition) -> Condition:
        CONDITIONS[name] = condition
        return condition

    return register


def _mix(a: float, b: float, s: float) -> float:
    return a + (b - a) * s


def _places(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = picture.shape[:2]
    return np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))


@_condition("margin, wide")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return scene(shape, random, side=int(_mix(300, 900, s)), share=_mix(0.5, 0.06, s))


@_condition("margin, none")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return scene(shape, random, side=int(random.integers(40, 300)), share=_mix(0.9, 1.0, s), anywhere=False)


@_condition("cropped to the symbol's box")
def _(shape: Shape, s: float, random: Random) -> Scene:
    unit = shape.ink(256, None if shape.pen else _mix(20, 60, s))
    longer = int(random.integers(36, 200))
    pad = round((1 - s) * 0.06 * longer)
    ink = np.pad(shape.ink(longer, None if shape.pen else _mix(20, 60, s) * longer / 256), pad)
    if min(ink.shape) < 8 or (unit > 0.5).mean() > 0.72:  # a filled box is no symbol that anybody could tell
        return scene(shape, random, share=0.95, anywhere=False)
    picture = 255 * (1 - ink[..., None].repeat(3, -1))
    return Scene(ink, picture, True)


@_condition("pen, one pixel")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return scene(shape, random, side=int(_mix(160, 600, s)), share=0.7, pen=1.0 if shape.pen is None else None)


@_condition("pen, to a fifth of the picture")
def _(shape: Shape, s: float, random: Random) -> Scene:
    side = int(random.integers(120, 400))
    return scene(shape, random, side=(side, side), share=0.8, pen=_mix(0.08, 0.2, s) * side)


@_condition("light on dark")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return scene(shape, random, share=_mix(0.5, 0.97, s), light=True)


@_condition("pale ink")
def _(shape: Shape, s: float, random: Random) -> Scene:
    ground = np.array((250, 249, 246))
    made = scene(shape, random, paper=tuple(ground), ink=tuple((ground - _mix(110, 18, s)).astype(int)))
    made.picture += grain(random, made.picture.shape[:2], 0.6, (0.7,))
    return made


@_condition("colour on colour")
def _(shape: Shape, s: float, random: Random) -> Scene:
    hues = ((220, 60, 60), (70, 150, 70), (70, 90, 210), (225, 190, 60), (160, 80, 180), (70, 180, 190))
    a, b = random.permutation(len(hues))[:2]
    middle = (np.array(hues[a]) + hues[b]) / 2
    ink, paper = (middle + (np.array(hues[k]) - middle) * _mix(1.0, 0.6, s) for k in (a, b))
    return scene(shape, random, ink=tuple(ink), paper=tuple(paper))


@_condition("paper's grain")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    made.picture += grain(random, made.picture.shape[:2], _mix(2, 16, s), (0.8, 2.5, 8.0))
    return made


@_condition("kraft paper, fibres")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, paper=(190, 160, 120), ink=(40, 34, 30))
    fibres = ndimage.gaussian_filter(random.standard_normal(made.picture.shape[:2]), (0.6, 6))
    made.picture += (_mix(3, 14, s) * fibres / fibres.std())[..., None]
    return made


@_condition("folds and creases")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    x, y = _places(made.picture)
    for _ in range(3):
        angle, place = random.uniform(0, np.pi), random.uniform(0.2, 0.8)
        away = (x - place) * np.cos(angle) + (y - random.uniform(0.2, 0.8)) * np.sin(angle)
        light = 1 - _mix(0.06, 0.28, s) * np.exp(-np.abs(away) / 0.006) + 0.05 * s * np.sign(away)
        made.picture = shade(made.picture, light)
    return made


_RULES = ((150, 180, 220), (230, 150, 150), (170, 170, 170), (120, 190, 150), (110, 110, 120), (90, 130, 200))


def _rules(made: Scene, s: float, random: Random, across: bool) -> Scene:
    """Lines under the ink, from faint to as dark as pens are."""
    height, width = made.picture.shape[:2]
    pitch = random.uniform(0.05, 0.12) * height
    colour = np.array(_RULES[random.integers(len(_RULES))])
    colour = 255 + (colour - 255) * _mix(0.5, 1.25, s)
    thick = max(1.0, random.uniform(0.003, 0.006) * height)
    assert made.ink is not None
    y, x = np.mgrid[0:height, 0:width]
    turned = np.tan(np.radians(random.uniform(-1.5, 1.5)))
    away = np.abs((y + turned * x + random.uniform(0, pitch)) % pitch - pitch / 2)
    lines = np.clip(thick / 2 + 0.5 - away, 0, 1)
    if across:
        away = np.abs((x - turned * y + random.uniform(0, pitch)) % pitch - pitch / 2)
        lines = np.maximum(lines, np.clip(thick / 2 + 0.5 - away, 0, 1))
    made.picture += (colour - made.picture) * (lines * (1 - made.ink))[..., None]
    return made


@_condition("ruled paper")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return _rules(scene(shape, random, side=int(random.integers(300, 700)), share=random.uniform(0.2, 0.7)), s, random,
                  False)  # fmt: skip


@_condition("squared paper")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return _rules(scene(shape, random, side=int(random.integers(300, 700)), share=random.uniform(0.2, 0.7)), s, random,
                  True)  # fmt: skip


@_condition("dotted paper")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, side=int(random.integers(300, 700)), share=random.uniform(0.3, 0.7))
    height, width = made.picture.shape[:2]
    assert made.ink is not None
    pitch, radius = random.uniform(0.05, 0.09) * height, random.uniform(0.004, 0.006) * height + 0.5
    y, x = np.mgrid[0:height, 0:width]
    away = np.hypot((x + 7) % pitch - pitch / 2, (y + 5) % pitch - pitch / 2)
    colour = 255 + (np.array(_RULES[random.integers(len(_RULES))]) - 255) * _mix(0.5, 1.3, s)
    made.picture += (colour - made.picture) * (np.clip(radius + 0.5 - away, 0, 1) * (1 - made.ink))[..., None]
    return made


@_condition("soft shadow")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    x, y = _places(made.picture)
    angle = random.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    made.picture = shade(made.picture, 1 - _mix(0.2, 0.6, s) / (1 + np.exp(-along / 0.12)))
    made.picture += grain(random, made.picture.shape[:2], 1.5, (0.6,))
    return made


@_condition("hard shadow")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    x, y = _places(made.picture)
    angle = random.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + random.uniform(-0.2, 0.2)
    made.picture = shade(made.picture, 1 - _mix(0.2, 0.58, s) / (1 + np.exp(-along / _mix(0.02, 0.002, s))))
    return made


@_condition("a window's shadow")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    x, y = _places(made.picture)
    slant = random.uniform(-0.4, 0.4)
    light = np.zeros_like(x)
    for left, right in ((0.1, 0.42), (0.5, 0.85)):
        for top, bottom in ((-0.1, 0.45), (0.53, 1.1)):
            u = x + slant * (y - 0.5)
            light += np.prod([1 / (1 + np.exp(-d / 0.006)) for d in (u - left, right - u, y - top, bottom - y)], axis=0)
    made.picture = shade(made.picture, 1 - _mix(0.15, 0.5, s) * (1 - light.clip(0, 1)))
    return made


@_condition("vignette")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random)
    x, y = _places(made.picture)
    radius = np.hypot(x - 0.5, y - 0.5) / 0.707
    made.picture = shade(made.picture, 1 - _mix(0.2, 0.75, s) * radius**2.5)
    return made


@_condition("glare")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, paper=(212, 210, 204))
    x, y = _places(made.picture)
    away = np.hypot(x - random.uniform(0.2, 0.8), y - random.uniform(0.2, 0.8))
    made.picture += (255 - made.picture) * (_mix(0.25, 0.65, s) * np.exp(-((away / 0.18) ** 2)))[..., None]
    return made


def _desk(random: Random, shape: tuple[int, int], colour: tuple[float, ...], rough: float) -> np.ndarray:
    rings = field(random, (shape[0], 8), 3).repeat(-(-shape[1] // 8), 1)[:, : shape[1]]
    return np.array(colour) + grain(random, shape, 5 * rough, (1.0, 4.0)) + (9 * rough * rings)[..., None]


_DESKS = ((60, 56, 60), (96, 66, 44), (150, 112, 78), (28, 30, 36), (120, 126, 132), (72, 92, 88))


def _page(shape: Shape, random: Random, perspective: float, rough: float, desk: tuple[float, ...]) -> Scene:
    made = scene(shape, random, side=(int(random.integers(300, 420)),) * 2, share=random.uniform(0.3, 0.65))
    assert made.ink is not None
    side = int(random.integers(420, 640))
    height = round(side * random.uniform(0.8, 1.25))
    inset = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])
    turn = np.radians(random.uniform(-9, 9) * perspective)
    turned = (inset - 0.5) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + 0.5
    corners = (turned + perspective * random.uniform(-0.08, 0.08, (4, 2))) * (side, height)
    on = np.clip(warped(np.ones(made.ink.shape, np.float32), corners, (side, height), 0), 0, 1)[..., None]
    page = warped(made.picture, corners, (side, height), 0)
    ground = _desk(random, (height, side), desk, rough)
    ink = warped(made.ink, corners, (side, height), 0).clip(0, 1)
    return Scene(ink, ground * (1 - on) + page * on + random.normal(0, 1.0, page.shape), made.dark)


@_condition("page on a plain desk")
def _(shape: Shape, s: float, random: Random) -> Scene:
    grey = _mix(40, 165, s)
    return _page(shape, random, 0.15, 0.2, (grey, grey, grey + 4))


@_condition("page on a desk, in perspective")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return _page(shape, random, _mix(0.3, 1.0, s), 0.3, _DESKS[random.integers(len(_DESKS))])


@_condition("page on a rough desk")
def _(shape: Shape, s: float, random: Random) -> Scene:
    return _page(shape, random, 0.6, _mix(0.5, 1.8, s), _DESKS[random.integers(len(_DESKS))])


@_condition("a scanner's edges")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, share=0.45, anywhere=False)
    height, width = made.picture.shape[:2]
    for edge in random.permutation(4)[: 1 + int(3 * s)]:
        depth = round(_mix(0.01, 0.07, s) * max(height, width)) + 2
        slope = random.uniform(-0.01, 0.01)
        y, x = np.mgrid[0:height, 0:width]
        away = (y + slope * x, height - 1 - y + slope * x, x + slope * y, width - 1 - x + slope * y)[edge]
        made.picture += (np.array((14, 14, 16)) - made.picture) * np.clip(depth - away, 0, 1)[..., None]
    return made


@_condition("punched holes")
def _(shape: Shape, s: float, random: Random) -> Scene:
    made = scene(shape, random, share=0.5, anywhere=False)
    height, width = made.picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    radius = _mix(0.02, 0.035, s) * height
    for place in (0.3, 0.7):
        hole = np.clip(radius + 0.5 - np.hypot(x - 0.06 * width, y - place * height), 0, 1)
        made.picture += (np.array((36, 34, 38)) - made.picture) * hole[..., None]
    return made
