"""Several symbols in one picture: separates a row, a grid or a page of them and puts them into reading order."""

from __future__ import annotations

__all__ = ["Part", "cut_out", "hint", "split_ink"]

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from allograph.imaging.finding import FoundInk
from allograph.imaging.masks import components, dilated

_TOGETHER, _APART = 0.1, 0.45
"""Gaps, as shares of the height of a row, that never separate two symbols, and that always do."""

_LOW = 0.45
"""A row lower than this share of the others is made of dots and accents: it belongs to a neighbour..."""

_CLOSE = 0.4
"""...that is nearer than this share of the others' height."""

_MARGIN = 0.18
"""A cut-out symbol has a margin of this share of its longer side."""

_CLEARLY = 3
"""This many parts, each with the build of a symbol, are several symbols."""


@dataclass(frozen=True)
class Part:
    """One of several symbols.

    - `row`, `column`: its place in reading order, counted from 0
    - `box`: left, top, right and bottom of its ink, in pixels of the original picture
    - `mask`: bool (h, w), its ink, at the working size
    """

    row: int
    column: int
    box: tuple[float, float, float, float]
    mask: np.ndarray


def split_ink(found: FoundInk, right_to_left: bool = False) -> list[Part]:
    """The symbols that a picture shows, row after row.

    Rows are the runs of the ink's projection; dots and accents above or below join their row. In a row, connected parts
    above each other belong together. So do parts side by side with a small gap: smaller than the gaps between symbols,
    if gaps are of two kinds (Otsu's threshold), and small compared with the row's height.
    """
    labels, count, boxes = _parts(found)
    scale = found.source.scale
    parts = []
    for number, groups in enumerate(_grouped(boxes)):
        for place, group in enumerate(reversed(groups) if right_to_left else groups):
            chosen = np.zeros(count + 1, bool)
            chosen[[k + 1 for k in group]] = True
            (top, bottom), (left, right) = _span(boxes, group, 0), _span(boxes, group, 1)
            box = left / scale[0], top / scale[1], right / scale[0], bottom / scale[1]
            parts.append(Part(number, place, box, chosen[labels]))
    return parts


def _parts(found: FoundInk) -> tuple[np.ndarray, int, list[tuple[slice, slice]]]:
    """The number of each pixel's connected part, how many there are, and their boxes."""
    from scipy import ndimage

    labels, count = components(found.mask)
    return labels, count, ndimage.find_objects(labels)


def _grouped(boxes: list[tuple[slice, slice]]) -> list[list[list[int]]]:
    """Connected parts by rows, and by symbols in them."""
    rows = _rows(boxes)
    height = float(np.median([_span(boxes, row, 0)[1] - _span(boxes, row, 0)[0] for row in rows]))
    return [_columns(boxes, row, height) for row in rows]


def _span(boxes: list[tuple[slice, slice]], group: list[int], axis: int) -> tuple[int, int]:
    return min(boxes[k][axis].start for k in group), max(boxes[k][axis].stop for k in group)


def _runs(boxes: list[tuple[slice, slice]], group: list[int], axis: int) -> list[list[int]]:
    """Parts whose extents overlap along an axis, in order."""
    runs: list[list[int]] = []
    end = -1
    for k in sorted(group, key=lambda k: boxes[k][axis].start):
        if boxes[k][axis].start >= end:
            runs.append([])
        runs[-1].append(k)
        end = max(end, boxes[k][axis].stop)
    return runs


def _rows(boxes: list[tuple[slice, slice]]) -> list[list[int]]:
    rows = _runs(boxes, list(range(len(boxes))), 0)

    def height(row: list[int]) -> int:
        top, bottom = _span(boxes, row, 0)
        return bottom - top

    while len(rows) > 1:
        usual = float(np.percentile([height(row) for row in rows], 75))
        gaps = [_span(boxes, b, 0)[0] - _span(boxes, a, 0)[1] for a, b in pairwise(rows)]
        low = [height(row) < _LOW * usual for row in rows]
        near = [(gap, k) for k, gap in enumerate(gaps) if (low[k] or low[k + 1]) and gap < _CLOSE * usual]
        if not near:
            break
        _, k = min(near)
        rows[k : k + 2] = [rows[k] + rows[k + 1]]
    return rows


def _columns(boxes: list[tuple[slice, slice]], row: list[int], height: float) -> list[list[int]]:
    runs = _runs(boxes, row, 1)
    gaps = np.array([_span(boxes, b, 1)[0] - _span(boxes, a, 1)[1] for a, b in pairwise(runs)])
    if not len(gaps):
        return runs
    limit = float(np.clip(_valley(gaps / height), _TOGETHER, _APART)) * height
    groups = [list(runs[0])]
    for gap, run in zip(gaps, runs[1:], strict=True):
        if gap > limit:
            groups.append([])
        groups[-1] += run
    return groups


def _valley(gaps: np.ndarray) -> float:
    """The threshold between narrow and wide gaps if there are two kinds, otherwise a threshold below all gaps."""
    ordered = np.sort(np.log(np.maximum(gaps, 0.01)))
    if len(ordered) < 3:
        return _APART if len(ordered) == 1 and gaps[0] < _APART else 0.2
    steps = np.diff(ordered)
    k = int(steps.argmax())
    if steps[k] < np.log(1.8):
        return 0.0
    return float(np.exp((ordered[k] + ordered[k + 1]) / 2))


def hint(found: FoundInk) -> int:
    """How many symbols a picture clearly holds: 1, unless at least three parts have the build and size of a symbol."""
    boxes = _parts(found)[2]
    if len(boxes) < _CLEARLY:
        return 1
    groups = [group for row in _grouped(boxes) for group in row]
    if len(groups) < _CLEARLY:
        return 1
    sides = np.array([[np.ptp(_span(boxes, group, axis)) for axis in (0, 1)] for group in groups])
    longer, shorter, width = sides.max(1), sides.min(1), found.width
    usual = float(np.median(longer))
    alike = (longer > 0.5 * usual) & (longer < 2 * usual) & (shorter > 0.25 * longer) & (longer > 3.5 * width)
    return len(groups) if alike.sum() >= max(_CLEARLY, 0.7 * len(groups)) else 1


def cut_out(picture: Image.Image, found: FoundInk, part: Part, parts: list[Part]) -> Image.Image:
    """The part of the whole picture, RGB or RGBA, that holds one symbol, with a margin; others' ink becomes paper."""
    left, top, right, bottom = part.box
    margin = _MARGIN * max(right - left, bottom - top) + 2
    box = (
        max(0, round(left - margin)),
        max(0, round(top - margin)),
        min(picture.width, round(right + margin)),
        min(picture.height, round(bottom + margin)),
    )
    cut = picture.crop(box)
    others = np.zeros(part.mask.shape, bool)
    for other in parts:
        if other is not part:
            others |= other.mask
    reach = max(2, round(0.6 * found.width))
    spread = dilated(others, reach) & ~dilated(part.mask, 2)
    across, down = found.source.scale
    area = box[0] * across, box[1] * down, box[2] * across, box[3] * down
    near = Image.fromarray((spread * 255).astype(np.uint8)).resize(cut.size, Image.Resampling.BILINEAR, box=area)
    paper = found.segmentation.paper
    cut.paste(paper if cut.mode == "RGBA" else paper[:3], (0, 0), near.point([255 * (v > 100) for v in range(256)]))
    return cut
