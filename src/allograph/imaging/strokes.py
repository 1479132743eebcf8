"""Strokes: paths of a pen that would make a drawing, in a plausible order, with few lifts.

The centre line of the ink is a graph: junctions and ends, and lines between them. At each junction lines are joined in
pairs, the straightest first, and at most one line ends there. So there are as few strokes as possible. A closed line
that meets another is drawn on the way. Strokes run to the right and down if they can; the next one begins nearest to
the end of the last.
"""

from __future__ import annotations

__all__ = ["Stroke", "strokes_of", "strokes_of_mask"]

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from allograph.imaging.curves import resampled
from allograph.imaging.graph import Line, line_graph
from allograph.imaging.render import placed, stroke_field
from allograph.imaging.shapes import prune, signed_distance, skeleton
from allograph.imaging.symbols import SymbolStyle

_TANGENT = 1.2
"""Distance from a junction, in pens, at which the direction of a line is measured."""

_CROSSING = 1.2
"""Distance between two junctions, in pens, up to which they form one crossing."""

_SPACING = 0.25
"""Distance between two points of a stroke in pens."""

_AGAINST = 0.3
"""Cost of drawing a stroke backwards, as a share of the drawing's size; the rest is the way of the lifted pen."""


@dataclass(frozen=True)
class Stroke:
    """One path of the pen.

    Attributes:
        points: (n, 2), x and y in pixels of the picture, in the order of drawing; a dot has one.
        widths: (n,), of the ink at each point, pixels.
        closed: whether it ends where it begins.
    """

    points: np.ndarray
    widths: np.ndarray
    closed: bool = False

    @property
    def reversed(self) -> Stroke:
        return Stroke(self.points[::-1], self.widths[::-1], self.closed)


def strokes_of(image: np.ndarray, style: SymbolStyle, size: int | None = None) -> list[Stroke]:
    """The strokes of the drawing with logits (1, S, S), in pixels of `SymbolStyle.render`'s picture."""
    zoom = 1.0 if size is None else size / max(style.width, style.height)
    width, height = (max(1, round(side * zoom)) for side in (style.width, style.height))
    field = stroke_field(image[0], style)
    left, top, scale = placed(field, image.shape[-1], style, zoom, (width, height))
    pen = style.stroke_width * field.fineness
    unit = scale / field.fineness
    corner = np.array([left, top]) + scale * np.array([field.left, field.top])
    return [
        Stroke(corner + unit * stroke.points, unit * stroke.widths, stroke.closed)
        for stroke in strokes_of_mask(field.values > 0, pen)
    ]


def strokes_of_mask(mask: np.ndarray, pen: float) -> list[Stroke]:
    """The strokes of ink drawn by a pen of this width in pixels, in pixels from the mask's upper left corner."""
    if not mask.any():
        return []
    mask = np.pad(mask, 1)
    depth = signed_distance(mask)
    line = prune(skeleton(mask), depth)
    strokes = []
    for chain, closed in _chains(line_graph(line, _CROSSING * pen), pen):
        points = _smooth(chain, closed, max(1.0, _SPACING * pen))
        widths = 2 * ndimage.map_coordinates(depth, points[:, ::-1].T, order=1, mode="nearest")
        strokes.append(Stroke(points - 0.5, np.maximum(widths, 0.3 * pen), closed))
    return _ordered(strokes)


def _chains(lines: list[Line], pen: float) -> list[tuple[np.ndarray, bool]]:
    """Lines joined at their junctions: points (n, 2), x and y, and whether the chain is closed."""
    ends: dict[int, list[tuple[int, int]]] = {}
    for number, line in enumerate(lines):
        for side, node in enumerate(line.nodes):
            if node >= 0:
                ends.setdefault(node, []).append((number, side))
    partner: dict[tuple[int, int], tuple[int, int]] = {}
    for meeting in ends.values():
        angles = {end: _direction(lines[end[0]], end[1], _TANGENT * pen) for end in meeting}
        pairs = sorted(
            (float(angles[one] @ angles[other]), one, other)
            for k, one in enumerate(meeting)
            for other in meeting[k + 1 :]
        )
        for _, one, other in pairs:  # the straightest have opposite directions
            if one not in partner and other not in partner:
                partner[one], partner[other] = other, one
    return _spliced(_followed(lines, partner), pen)


def _followed(lines: list[Line], partner: dict[tuple[int, int], tuple[int, int]]) -> list[tuple[np.ndarray, bool]]:
    """The chains that follow from the joined ends of lines."""
    left = set(range(len(lines)))
    free = [(number, side) for number in left for side in (0, 1) if (number, side) not in partner]
    chains = []
    for start in [*free, *((number, 0) for number in range(len(lines)))]:
        if start[0] not in left:
            continue
        parts, end, closed = [], start, False
        while end[0] in left:
            left.discard(end[0])
            points = lines[end[0]].points
            parts.append(points if end[1] == 0 else points[::-1])
            following = partner.get((end[0], 1 - end[1]))
            if following is None:
                break
            closed = following == start
            end = following
        whole = lines[start[0]].nodes == (-1, -1) and lines[start[0]].loop
        chains.append((np.concatenate(parts), closed or whole))
    return chains


def _spliced(chains: list[tuple[np.ndarray, bool]], pen: float) -> list[tuple[np.ndarray, bool]]:
    """Inserts closed chains into others that they meet, so that the pen need not be lifted."""
    chains = list(chains)
    changed = True
    while changed:
        changed = False
        for number, (ring, closed) in enumerate(chains):
            if not closed:
                continue
            for other, (points, _) in enumerate(chains):
                if other == number:
                    continue
                apart = np.linalg.norm(ring[:, None] - points[None], axis=2)
                at, there = np.unravel_index(int(apart.argmin()), apart.shape)
                if apart[at, there] < 0.3 * pen:
                    turned = np.concatenate([ring[at:], ring[: at + 1]])
                    joined = np.concatenate([points[:there], turned, points[there:]])
                    chains[other] = joined, chains[other][1]
                    del chains[number]
                    changed = True
                    break
            if changed:
                break
    return chains


def _direction(line: Line, side: int, reach: float) -> np.ndarray:
    """The unit vector from an end of a line along it."""
    points = line.points if side == 0 else line.points[::-1]
    along = np.linalg.norm(points - points[0], axis=1)
    far = int(np.argmax(along >= reach)) or len(points) - 1
    step = points[far] - points[0]
    length = float(np.linalg.norm(step))
    return step / length if length else np.array([0.0, 1.0])


def _smooth(points: np.ndarray, closed: bool, spacing: float) -> np.ndarray:
    """The points evenly spaced and without the staircase of pixels; ends stay."""
    if len(points) < 3:
        return points[:1] if len(points) < 2 or np.ptp(points, axis=0).max() < spacing else points
    if closed:
        points = np.concatenate([points, points[:1]])
    even = resampled(points, max(1.0, spacing / 3))
    smooth = ndimage.gaussian_filter1d(even, 2.5, axis=0, mode="wrap" if closed else "nearest")
    if not closed:
        smooth[0], smooth[-1] = even[0], even[-1]
    return resampled(smooth, spacing)


def _ordered(strokes: list[Stroke]) -> list[Stroke]:
    """Orders strokes from the upper left on, always the nearest next, backwards if that saves much."""
    if not strokes:
        return []
    everything = np.concatenate([stroke.points for stroke in strokes])
    size = float(np.ptp(everything, axis=0).max()) or 1.0
    place = everything.min(0)
    left, ordered = [_natural(stroke) for stroke in strokes], []
    while left:
        options = [
            (float(np.linalg.norm(way.points[0] - place)) + cost, number, cost > 0)
            for number, stroke in enumerate(left)
            for way, cost in ((stroke, 0.0), (stroke.reversed, _AGAINST * size))
        ]
        _, number, backwards = min(options)
        chosen = left.pop(number)
        ordered.append(chosen.reversed if backwards else chosen)
        place = ordered[-1].points[-1]
    return ordered


def _natural(stroke: Stroke) -> Stroke:
    """The stroke in the direction right and down; a closed one starts at its top."""
    if stroke.closed:
        points, widths = stroke.points[:-1], stroke.widths[:-1]
        if len(points) < 3:
            return stroke
        top = int(points[:, 1].argmin())
        points, widths = np.roll(points, -top, 0), np.roll(widths, -top)
        return Stroke(np.concatenate([points, points[:1]]), np.append(widths, widths[0]), True)
    across, down = stroke.points[-1] - stroke.points[0]
    return stroke if across + 1.5 * down >= 0 else stroke.reversed
