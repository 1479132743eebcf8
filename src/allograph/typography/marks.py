"""Finds a sheet's page in a photograph: its four round marks, its code, and how the paper is bent.

A mark is a black ring around a black disc: a part of the dark pixels with another in its very middle, in the right
proportion. Any four marks that make a convex figure may be those of the page. The code, which must be in its place,
confirms them and shows which is the upper left one. The four determine a projective map. The dots between the cells are
sought where this map puts them; their distances from there show how the paper and the lens bend the page.
"""

from __future__ import annotations

__all__ = ["Located", "find_page", "parts", "straightened"]

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image
from scipy import ndimage
from scipy.spatial import KDTree

from allograph.errors import AllographError
from allograph.typography.layout import CODE, MARK, PAPERS, Page, pages_of

_SIDE = 2000
"""Longer side in pixels of the copy in which marks are sought."""

_MOST_MARKS = 12
_CODE_SCALE = 14
"""Pixels per millimetre at which the code is read."""

_DOT_SCALE = 8
_DOT_REACH = 3.0
"""How far from its expected place a dot is sought, mm."""

_DOT_AREA = 0.95
"""Area of a dot in square millimetres."""

Points = np.ndarray
"""(n, 2), x and y."""


@dataclass(frozen=True)
class Located:
    """A page in a photograph.

    Attributes:
        page: the page as its code describes it.
        homography: (3, 3), from millimetres on the page to pixels of the photograph.
        bend: coefficients (10, 2) of a cubic polynomial that gives the millimetres to add to a place on the page before
            it is mapped; see `_monomials`.
        dots: number of dots that determine the bend.
    """

    page: Page
    homography: np.ndarray
    bend: np.ndarray
    dots: int = 0

    def to_photo(self, places: Points) -> Points:
        """Places on the page in millimetres as pixels of the photograph."""
        places = np.asarray(places, float)
        return _mapped(self.homography, places + _monomials(places, self.page.size) @ self.bend)


def find_page(photo: Image.Image, name: str) -> Located:
    """The page that a photograph shows.

    Raises:
        AllographError: fewer than four marks, or no code that can be read.
    """
    grey = photo.convert("L")
    marks = _marks(grey)
    for corners in _quads(marks):
        for turn in range(4):
            turned = np.roll(corners, turn, axis=0)
            for paper in PAPERS:
                blank = pages_of("A", paper=paper)[0]
                found = Located(blank, _homography(np.array(blank.marks), turned), np.zeros((10, 2)))
                if (page := _read_code(grey, found)) is not None and page.paper == paper:
                    return _with_bend(grey, replace(found, page=page))
    if any(Page.from_code(code.text) for code in _codes(grey)):
        reason = "a sheet, but not all of its 4 round marks"
    elif len(marks) < 4:
        reason = f"only {len(marks)} of the 4 round marks of a sheet" if len(marks) else "no mark of a sheet"
    else:
        raise AllographError(
            f"{name} shows round marks, but the code in the upper right corner cannot be read; photograph it "
            "closer and sharper"
        )
    raise AllographError(f"{name} shows {reason}; photograph the whole page, flat and sharp, in even light")


def parts(mask: np.ndarray) -> np.ndarray:
    """The number, from 1, of the connected part of the mask to which each pixel belongs, corners touching; else 0."""
    labels = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)), output=labels)
    return labels


# ------------------------------------------------------------------------------------------------ marks


def _marks(grey: Image.Image) -> Points:
    """Centres of everything that looks like a mark, the largest first, in pixels of ``grey``."""
    factor = max(grey.size) / _SIDE
    small = grey if factor <= 1 else grey.resize((round(grey.width / factor), round(grey.height / factor)))
    scale = grey.width / small.width
    levels = np.asarray(small, np.float32)
    marks: list[tuple[float, float, float]] = []
    for window, share in ((small.height // 12, 0.78), (small.height // 30, 0.85)):
        mean = ndimage.uniform_filter(levels, max(3, window), mode="nearest")
        for size, x, y in _ringed(levels < share * mean):
            if all(math.hypot(x - u, y - v) > size / 2 for _, u, v in marks):
                marks.append((size, x, y))
    marks.sort(reverse=True)
    return np.array([((x + 0.5) * scale, (y + 0.5) * scale) for _, x, y in marks[:_MOST_MARKS]]).reshape(-1, 2)


def _ringed(dark: np.ndarray) -> Iterator[tuple[float, float, float]]:
    """(size, x, y) of every dark part that lies in the middle of another with a gap between."""
    labels = parts(dark)
    boxes = ndimage.find_objects(labels)
    if not boxes:
        return
    spans = np.array([[(side.start, side.stop) for side in box[::-1]] for box in boxes], float)
    middles, sides = spans.mean(2), spans[..., 1] - spans[..., 0]
    filled = np.bincount(labels.ravel())[1:] / sides.prod(1)
    longest = max(dark.shape)
    rings = np.flatnonzero((sides.min(1) >= 9) & (sides.max(1) <= 0.15 * longest) & (filled > 0.25) & (filled < 0.65))
    cores = np.flatnonzero((sides.min(1) >= 3) & (sides.max(1) <= 0.08 * longest) & (filled > 0.55))
    if not len(rings) or not len(cores):
        return
    within = MARK[2] / MARK[0]
    near = KDTree(middles[cores]).query_ball_point(middles[rings], 0.17 * sides[rings].max(1))
    for ring, places in zip(rings, near, strict=True):
        for core in cores[places]:
            share, off = sides[core] / sides[ring], np.abs(middles[core] - middles[ring]) / sides[ring]
            if core != ring and (np.abs(share - within) < 0.16).all() and (off < 0.12).all():
                y, x = ndimage.center_of_mass(labels[boxes[core]] == core + 1)
                yield float(sides[ring].max()), boxes[core][1].start + x, boxes[core][0].start + y
                break


def _quads(marks: Points) -> Iterator[Points]:
    """Convex figures of four marks, clockwise, the largest first."""
    figures = []
    for chosen in combinations(range(len(marks)), 4):
        points = marks[list(chosen)]
        around = points - points.mean(0)
        points = points[np.argsort(np.arctan2(around[:, 1], around[:, 0]))]
        ahead = np.roll(points, -1, 0) - points
        after = np.roll(ahead, -1, 0)
        turns = ahead[:, 0] * after[:, 1] - ahead[:, 1] * after[:, 0]
        if (turns > 0).all():
            x, y = points.T
            figures.append((float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2, points))
    figures.sort(key=lambda figure: -figure[0])
    for area, points in figures[:8]:
        if area > 0.1 * figures[0][0]:
            yield points


def _homography(places: Points, pixels: Points) -> np.ndarray:
    """The projective map of four points to four others, (3, 3)."""
    rows = []
    for (x, y), (u, v) in zip(places, pixels, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]
    system = np.array(rows, float)
    solved = np.linalg.solve(system[:, :8], system[:, 8])
    return np.append(solved, 1.0).reshape(3, 3)


def _mapped(homography: np.ndarray, places: Points) -> Points:
    mapped = np.column_stack([places, np.ones(len(places))]) @ homography.T
    return mapped[:, :2] / mapped[:, 2:]


# ------------------------------------------------------------------------------------------------ code


def _read_code(grey: Image.Image, found: Located) -> Page | None:
    left, top = found.page.code_corner
    around = 5.0
    side = CODE + 2 * around
    cut = straightened(grey, found, (left - around, top - around, side, side), _CODE_SCALE)
    for picture in (cut, cut.resize((cut.width // 2, cut.height // 2), Image.Resampling.BOX)):
        for code in _codes(picture):
            page = Page.from_code(code.text)
            corner = code.position.top_left
            upright = corner.x < 0.35 * picture.width and corner.y < 0.35 * picture.height
            if page is not None and upright:
                return page
    return None


def _codes(picture: Image.Image) -> list[Any]:
    formats: Any = zxingcpp.BarcodeFormat.QRCode
    return zxingcpp.read_barcodes(np.asarray(picture), formats=formats)


def straightened(
    photo: Image.Image, found: Located, box: tuple[float, float, float, float], scale: float, patch: float = 12.0
) -> Image.Image:
    """The part (left, top, width, height) of the page, mm, at ``scale`` pixels per millimetre, flat and upright.

    The map is followed exactly at the corners of patches, ``patch`` mm wide.
    """
    left, top, width, height = box
    size = max(1, round(width * scale)), max(1, round(height * scale))
    across, down = (max(1, math.ceil(side / patch)) for side in (width, height))
    xs = np.linspace(0, size[0], across + 1).round().astype(int)
    ys = np.linspace(0, size[1], down + 1).round().astype(int)
    places = np.array([(left + x / scale, top + y / scale) for y in ys for x in xs])
    pixels = found.to_photo(places).reshape(down + 1, across + 1, 2)
    mesh = []
    for j in range(down):
        for i in range(across):
            corners = pixels[j, i], pixels[j + 1, i], pixels[j + 1, i + 1], pixels[j, i + 1]
            target = int(xs[i]), int(ys[j]), int(xs[i + 1]), int(ys[j + 1])
            mesh.append((target, tuple(float(value) for corner in corners for value in corner)))
    return photo.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor="white")


# ------------------------------------------------------------------------------------------------ bend


def _monomials(places: Points, size: tuple[float, float]) -> np.ndarray:
    """1, x, y, x², xy, y², x³, x²y, xy², y³ of places scaled to [-1, 1], (n, 10)."""
    x, y = (2 * np.asarray(places, float) / np.array(size) - 1).T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3], -1)


def _with_bend(grey: Image.Image, found: Located) -> Located:
    """The same page with the bend that its dots show, found in two rounds."""
    dots = np.array(found.page.dots)
    for reach in (_DOT_REACH, _DOT_REACH / 2):
        seen: list[tuple[np.ndarray, np.ndarray]] = []
        for dot in dots:
            shift = _dot_shift(grey, found, dot, reach)
            if shift is not None:
                # Where the map puts the dot's picture is its place and the bend there, and the shift besides.
                bent = _monomials(dot[None] + shift, found.page.size) @ found.bend
                seen.append((dot, shift + bent[0]))
        if len(seen) < 20:
            continue
        places, shifts = np.array([one for one, _ in seen]), np.array([two for _, two in seen])
        basis, kept = _monomials(places, found.page.size), np.ones(len(places), bool)
        bend = np.zeros((10, 2))
        for _ in range(4):
            # A light preference for no bend keeps it tame where dots are few.
            held = basis[kept]
            bend = np.linalg.solve(held.T @ held + 0.05 * np.eye(10), held.T @ shifts[kept])
            rest = np.linalg.norm(shifts - basis @ bend, axis=1)
            kept = rest < max(0.35, 2.5 * float(np.median(rest)))
        found = replace(found, bend=bend, dots=int(kept.sum()))
    return found


def _dot_shift(grey: Image.Image, found: Located, dot: np.ndarray, reach: float) -> np.ndarray | None:
    """Distance (x, y) in mm of the dot from where the map puts it; None if there is no dot."""
    x, y = dot
    cut = straightened(grey, found, (x - reach, y - reach, 2 * reach, 2 * reach), _DOT_SCALE)
    levels = np.asarray(cut, np.float32)
    paper = float(np.percentile(levels, 80))
    if paper <= 0:
        return None
    labels = parts(levels < (paper + float(levels.min())) / 2)
    if levels.min() > 0.7 * paper:
        return None
    best: tuple[float, np.ndarray] | None = None
    for part, box in enumerate(ndimage.find_objects(labels), 1):
        mask = labels[box] == part
        area = float(mask.sum()) / _DOT_SCALE**2
        tall, wide = (side.stop - side.start for side in box)
        at_rim = min(box[0].start, box[1].start) == 0 or max(box[0].stop, box[1].stop) == len(levels)
        if at_rim or not 0.4 < area / _DOT_AREA < 2.5 or not 0.6 < tall / wide < 1.7 or mask.mean() < 0.6:
            continue
        down, across = ndimage.center_of_mass(mask)
        middle = np.array([box[1].start + across + 0.5, box[0].start + down + 0.5]) / _DOT_SCALE - reach
        if best is None or np.linalg.norm(middle) < best[0]:
            best = float(np.linalg.norm(middle)), middle
    return None if best is None else best[1]
