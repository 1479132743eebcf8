"""A centre line as a graph: junctions and ends, and the lines between them."""

from __future__ import annotations

__all__ = ["Line", "line_graph"]

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_AROUND = [(-1, 0), (0, 1), (1, 0), (0, -1), (-1, -1), (-1, 1), (1, 1), (1, -1)]


@dataclass(frozen=True)
class Line:
    """A part of a centre line without a junction in it.

    Attributes:
        points: (n, 2), x and y of pixels' middles.
        nodes: the junctions at its ends; -1 for a free end.
        loop: whether it returns to its own start without any junction.
    """

    points: np.ndarray
    nodes: tuple[int, int]
    loop: bool = False


def line_graph(line: np.ndarray, short: float) -> list[Line]:
    """The lines of a one pixel wide centre line, bool (h, w), whose rim is empty.

    Junctions connected by a line shorter than ``short`` pixels count as one: where two strokes cross, a centre line has
    two junctions, a little apart.
    """
    on = {(int(y), int(x)) for y, x in np.argwhere(line)}
    neighbours = {pixel: _linked(pixel, on) for pixel in on}
    knots = {pixel for pixel, near in neighbours.items() if len(near) > 2}
    node_of, middles = _nodes(knots, line.shape)
    lines: list[Line] = []
    seen: set[tuple[int, int]] = set()
    for knot in sorted(knots):
        for step in neighbours[knot]:
            if step in knots or step in seen:
                continue
            way = _walk(step, knot, neighbours, knots)
            seen.update(way)
            first = node_of[knot]
            meets = [node_of[pixel] for pixel in neighbours[way[-1]] if pixel in knots]
            if len(way) == 1 and knot in neighbours[way[0]]:
                meets.remove(first)  # where it came from
            last = meets[0] if meets else -1
            points = [middles[first], *((x, y) for y, x in way)] + ([middles[last]] if last >= 0 else [])
            lines.append(Line(np.array(points, float) + 0.5, (first, last)))
    for pixel in sorted(on - knots - seen, key=lambda pixel: (len(neighbours[pixel]), pixel)):
        if pixel in seen:
            continue
        way = _walk(pixel, None, neighbours, knots)
        seen.update(way)
        loop = len(way) > 3 and way[0] in neighbours[way[-1]] and len(neighbours[pixel]) == 2
        lines.append(Line(np.array([(x, y) for y, x in way], float) + 0.5, (-1, -1), loop))
    return _contracted(lines, short)


def _linked(pixel: tuple[int, int], on: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The neighbours of a pixel on the line; without diagonal ones that a straight one also reaches."""
    y, x = pixel
    found = [(y + dy, x + dx) for dy, dx in _AROUND[:4] if (y + dy, x + dx) in on]
    straight = set(found)
    for dy, dx in _AROUND[4:]:
        if (y + dy, x + dx) in on and (y + dy, x) not in straight and (y, x + dx) not in straight:
            found.append((y + dy, x + dx))
    return found


def _nodes(
    knots: set[tuple[int, int]], shape: tuple[int, ...]
) -> tuple[dict[tuple[int, int], int], list[tuple[float, float]]]:
    """Junctions, where lines meet: the number of each pixel's junction, and their centres (x, y)."""
    mask = np.zeros(shape, bool)
    for pixel in knots:
        mask[pixel] = True
    labels = np.zeros(shape, np.int32)
    ndimage.label(mask, np.ones((3, 3)), output=labels)
    count = int(labels.max())
    middles = ndimage.center_of_mass(mask, labels, range(1, count + 1)) if count else []
    return {pixel: int(labels[pixel]) - 1 for pixel in knots}, [(float(x), float(y)) for y, x in middles]


def _walk(
    start: tuple[int, int],
    before: tuple[int, int] | None,
    neighbours: dict[tuple[int, int], list[tuple[int, int]]],
    knots: set[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Pixels from ``start`` on, as long as there is only one way to go."""
    way, walked = [start], {start}
    while True:
        onward = [p for p in neighbours[way[-1]] if p != before and p not in walked]
        if not onward or any(p in knots for p in onward):
            return way
        before = way[-1]
        way.append(onward[0])
        walked.add(onward[0])


def _contracted(lines: list[Line], short: float) -> list[Line]:
    """Removes lines between two junctions that are too short to be strokes, and merges their junctions."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.get(node, node) != node:
            node = parent[node]
        return node

    kept = []
    for line in lines:
        length = float(np.linalg.norm(np.diff(line.points, axis=0), axis=1).sum())
        one, other = line.nodes
        if min(one, other) >= 0 and one != other and length < short:
            parent[root(one)] = root(other)
        else:
            kept.append(line)
    gathered: dict[int, list[np.ndarray]] = {}
    for line in kept:
        for node, end in zip(line.nodes, (line.points[0], line.points[-1]), strict=True):
            if node >= 0:
                gathered.setdefault(root(node), []).append(end)
    middles = {node: np.mean(ends, axis=0) for node, ends in gathered.items()}
    result = []
    for line in kept:
        nodes = tuple(root(node) if node >= 0 else -1 for node in line.nodes)
        points = line.points.copy()
        for place, node in zip((0, -1), nodes, strict=True):
            if node >= 0:
                points[place] = middles[node]
        result.append(Line(points, (nodes[0], nodes[1]), line.loop))
    return result
