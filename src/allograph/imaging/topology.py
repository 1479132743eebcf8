"""The topology of a drawing: how many parts, holes, ends and crossings its strokes have."""

from __future__ import annotations

__all__ = ["Topology", "parts_and_holes", "topology_of"]

from collections import Counter
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from allograph.imaging.graph import Line, line_graph
from allograph.imaging.homotopy import SPECK
from allograph.imaging.shapes import prune, signed_distance, skeleton
from allograph.imaging.widths import half_widths

_CROSSING = 2.0
"""Distance between two junctions, in pens, up to which they form one crossing."""

_SPUR = 1.5
"""Length in pens up to which a line with a free end is not a stroke but the corner of one."""

_DOT = 1.0
"""Length in pens up to which a line without a crossing is a dot."""


class Topology(NamedTuple):
    """Counts of a drawing.

    parts: connected pieces of ink, also over corners of pixels. holes: connected pieces of paper that ink encloses.
    ends: free ends of strokes; a dot has none. crossings: places where three or more lines meet.
    """

    parts: int
    holes: int
    ends: int
    crossings: int


def topology_of(mask: np.ndarray) -> Topology:
    """The topology of the ink, bool (h, w).

    Specks, pinholes and spurs do not count: parts and holes smaller than an eighth of the square of the pen's width,
    and lines that leave a crossing and end within one and a half pens. The pen is twice the median distance from centre
    line to edge. So the counts of people's drawings hardly change from 105 to 52 and 28 pixels.
    """
    if not mask.any():
        return Topology(0, 0, 0, 0)
    mask = np.pad(mask, 1)
    line = skeleton(mask)
    pen = _pen_of(mask, line)
    lines = line_graph(prune(line, signed_distance(mask)), _CROSSING * pen)
    lines = [one for one in lines if not (min(one.nodes) < 0 <= max(one.nodes) and _length(one) < _SPUR * pen)]
    open_lines = [one for one in lines if not one.loop and (max(one.nodes) >= 0 or _length(one) > _DOT * pen)]
    ends = sum(node < 0 for one in open_lines for node in one.nodes)
    meeting = Counter(node for one in lines for node in one.nodes if node >= 0)
    return Topology(*_pieces_of(mask, pen), ends=ends, crossings=sum(count > 2 for count in meeting.values()))


def parts_and_holes(mask: np.ndarray) -> tuple[int, int]:
    """The first two counts of `topology_of`, in a quarter of its time."""
    if not mask.any():
        return 0, 0
    mask = np.pad(mask, 1)
    return _pieces_of(mask, _pen_of(mask, skeleton(mask)))


def _pen_of(mask: np.ndarray, line: np.ndarray) -> float:
    """Twice the median distance from centre line to edge."""
    return 2 * float(np.median(half_widths(mask, line)))


def _pieces_of(mask: np.ndarray, pen: float) -> tuple[int, int]:
    least = SPECK * pen**2
    around = 1  # the first piece of paper, which is no hole
    return _pieces(mask, np.ones((3, 3)), least), _pieces(~mask, None, least, around)


def _pieces(mask: np.ndarray, neighbours: np.ndarray | None, least: float, beyond: int = 0) -> int:
    labels = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, neighbours, output=labels)
    return int((np.bincount(labels.ravel())[1 + beyond :] >= least).sum())


def _length(line: Line) -> float:
    return float(np.linalg.norm(np.diff(line.points, axis=0), axis=1).sum())
