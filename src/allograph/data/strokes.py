"""Symbols of random pen strokes, generated on the spot: a data set for tests and first runs without a download.

A family (a script) prefers straight or round strokes. A concept (a symbol) is one to four strokes, which often start on
one another. A writer has a hand: slant, size, proportions, roundness, pen and unsteadiness. A drawing is a symbol in a
writer's hand.
"""

from __future__ import annotations

__all__ = ["SYMBOLS_PER_FAMILY", "stroke_concepts"]

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.resizing import PEN_WIDTH

Array = npt.NDArray[np.float64]

SYMBOLS_PER_FAMILY = 20

# Number of sample points of a stroke: closer than a pixel even for a stroke twice as long as the frame.
_SAMPLES = 192
# Half the longer side of a drawing in [-1, 1], and how far its middle lies from the frame's: as in Omniglot, where
# the longer side of the ink has a median of 67 pixels of 105 and its middle a standard deviation of 5.6.
_HALF_SIZE = 0.64
_MIDDLE = 0.1
_FRAME = 0.93
_LEAST_SIZE = 1.2

# What a stream of random numbers is for.
_FAMILY, _SYMBOL, _WRITER, _DRAWING = range(4)


@dataclass(frozen=True)
class _Stroke:
    """Control points (k, 2) in [-1, 1], x right, y down, and whether the pen curves around them or goes straight from
    one to the next."""

    points: Array
    round: bool


@dataclass(frozen=True)
class _Hand:
    """How one person writes: a linear map of every symbol, roundness of corners, pen width and unsteadiness."""

    linear: Array
    roundness: float
    pen: float
    unsteadiness: float


def stroke_concepts(concepts: int, drawings: int, seed: int, side: int = 105) -> ConceptDataset:
    """`concepts` random symbols, each drawn once by `drawings` writers, as bitmaps of `side` pixels.

    Every drawing depends only on (seed, concept, drawing): more concepts or drawings do not change the others. Each
    SYMBOLS_PER_FAMILY concepts in turn form a family with its own writers, the drawers 0, 1, ...
    """
    if concepts < 1 or drawings < 1:
        raise ValueError("at least one concept with one drawing")
    families = -(-concepts // SYMBOLS_PER_FAMILY)
    bitmaps = np.zeros((concepts * drawings, side, side), dtype=np.uint8)
    hands: list[_Hand] = []
    for concept in range(concepts):
        family, place = divmod(concept, SYMBOLS_PER_FAMILY)
        if place == 0:
            hands = [_hand(_random(seed, _WRITER, family, drawer)) for drawer in range(drawings)]
        straightness = _random(seed, _FAMILY, family, 0).uniform(0.1, 0.9)
        symbol = _symbol(straightness, _random(seed, _SYMBOL, concept, 0))
        for drawer, hand in enumerate(hands):
            random = _random(seed, _DRAWING, concept, drawer)
            path = _into_frame(_write(symbol, hand, random), random)
            _ink(bitmaps[concept * drawings + drawer], path, hand.pen)
    family_of = np.arange(concepts) // SYMBOLS_PER_FAMILY
    return ConceptDataset(
        name="strokes",
        images=PackedBitmaps.pack(bitmaps),
        concept=np.repeat(np.arange(concepts), drawings),
        drawer=np.tile(np.arange(drawings), concepts),
        concept_names=tuple(f"script{family:02d}/symbol{concept:04d}" for concept, family in enumerate(family_of)),
        family_names=tuple(f"script{family:02d}" for family in range(families)),
        family=family_of,
    )


def _symbol(straightness: float, random: np.random.Generator) -> list[_Stroke]:
    strokes: list[_Stroke] = []
    for _ in range(random.choice(4, p=[0.2, 0.4, 0.3, 0.1]) + 1):
        straight = random.random() < straightness
        corners = random.integers(2, 5) if straight else random.integers(3, 6)
        start = random.uniform(-0.9, 0.9, 2)
        if strokes and random.random() < 0.6:
            # Strokes meet: this one starts somewhere on an existing one.
            path = _path(strokes[random.integers(len(strokes))], 0.0)
            start = path[random.integers(_SAMPLES)]
        strokes.append(_Stroke(_walk(start, int(corners), random), not straight))
    # Small symbols are enlarged, so that none is a mere speck.
    low, high = (bound(np.concatenate([stroke.points for stroke in strokes]), axis=0) for bound in (np.min, np.max))
    factor = max(1.0, _LEAST_SIZE / (high - low).max())
    strokes = [_Stroke((stroke.points - low) * factor + low, stroke.round) for stroke in strokes]
    if random.random() < 0.15:
        dot = random.uniform(-0.9, 0.9, 2)
        strokes.append(_Stroke(np.stack([dot, dot]), False))
    return strokes


def _walk(start: Array, corners: int, random: np.random.Generator) -> Array:
    """Control points (corners, 2) from `start` on, turning by up to 130 degrees, kept inside [-1, 1]."""
    points = [start]
    # The first step goes roughly towards the middle, so that strokes do not crowd at the border.
    heading = np.arctan2(-start[1], -start[0]) + random.normal(0, 1)
    for _ in range(corners - 1):
        step = random.uniform(0.5, 1.3) * np.array([np.cos(heading), np.sin(heading)])
        points.append(np.clip(points[-1] + step, -1, 1))
        heading += random.choice([-1, 1]) * np.radians(random.uniform(40, 130))
    return np.array(points)


def _hand(random: np.random.Generator) -> _Hand:
    slant, turn, proportion = random.normal(0, [0.15, 0.06, 0.1])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    upper = np.array([[np.exp(proportion), -slant], [0.0, np.exp(-proportion)]])
    size = np.exp(random.normal(0, 0.12))
    return _Hand(
        linear=size * rotation @ upper,
        roundness=random.beta(1, 3),
        pen=PEN_WIDTH + random.uniform(-0.6, 0.6),
        unsteadiness=random.uniform(0.02, 0.06),
    )


def _write(symbol: list[_Stroke], hand: _Hand, random: np.random.Generator) -> Array:
    """The pen's path (points, 2): slight displacements of every stroke and control point, then the hand's map."""
    paths = []
    for stroke in symbol:
        wobble = random.normal(0, hand.unsteadiness, stroke.points.shape)
        displaced = stroke.points + random.normal(0, hand.unsteadiness, 2)
        # A dot stays one: its points move together.
        is_dot = bool((stroke.points == stroke.points[0]).all())
        points = displaced if is_dot else displaced + wobble
        paths.append(_path(_Stroke(points, stroke.round), hand.roundness))
    return np.concatenate(paths) @ hand.linear.T


def _path(stroke: _Stroke, roundness: float) -> Array:
    """Points along a stroke (_SAMPLES, 2): a quadratic spline if it is round, otherwise straight lines whose corners
    approach the spline with `roundness`, 0 to 1."""
    lines, spline = _bases(len(stroke.points))
    share = 1.0 if stroke.round else roundness
    return ((1 - share) * lines + share * spline) @ stroke.points


@cache
def _bases(count: int) -> tuple[Array, Array]:
    """Weights (_SAMPLES, count) of the control points, for straight lines and for the clamped quadratic B-spline."""
    t = np.linspace(0, count - 1, _SAMPLES)
    lines = np.maximum(1 - np.abs(t[:, None] - np.arange(count)), 0)
    if count < 3:
        return lines, lines
    knots = np.concatenate([np.zeros(3), np.arange(1, count - 2), np.full(3, count - 2)]).astype(float)
    t = np.linspace(0, count - 2, _SAMPLES)
    t[-1] = np.nextafter(count - 2, 0)
    # De Boor's recursion from the indicator functions of the spans between knots.
    basis = ((knots[:-1] <= t[:, None]) & (t[:, None] < knots[1:])).astype(float)
    for degree in (1, 2):
        rise, fall = knots[degree:-1] - knots[: -degree - 1], knots[degree + 1 :] - knots[1:-degree]
        up = (t[:, None] - knots[: -degree - 1]) / np.where(rise > 0, rise, 1)
        down = (knots[degree + 1 :] - t[:, None]) / np.where(fall > 0, fall, 1)
        basis = up * basis[:, :-1] + down * basis[:, 1:]
    return lines, basis


def _into_frame(path: Array, random: np.random.Generator) -> Array:
    """The path scaled to the size of Omniglot's drawings and placed near the middle of the frame."""
    low, high = path.min(axis=0), path.max(axis=0)
    shift = random.normal(0, _MIDDLE, 2)
    path = (path - (low + high) / 2) * _HALF_SIZE
    half = (high - low) / 2 * _HALF_SIZE
    shrink = min(1.0, _FRAME / max(half.max(), 1e-9))
    room = np.maximum(_FRAME - half * shrink, 0)
    return path * shrink + np.clip(shift, -room, room)


def _ink(bitmap: npt.NDArray[np.uint8], path: Array, pen: float) -> None:
    """Inks every pixel whose centre a round pen, `pen` pixels of 105 wide, covers anywhere on the path."""
    side = bitmap.shape[0]
    radius = pen * side / 105 / 2
    places = (path + 1) * side / 2 - 0.5
    # Points within the same quarter of a pixel cover the same pixels; a complex number is a quickly sorted pair.
    quarters = np.unique(np.rint(places * 4) @ np.array([1, 1j])) / 4
    reach = int(np.ceil(radius)) + 1
    steps = np.arange(-reach, reach + 1)
    offsets = (steps[:, None] + 1j * steps).reshape(-1)
    nearest = np.rint(quarters)
    distance = np.abs((nearest - quarters)[:, None] + offsets)
    point, offset = np.nonzero(distance <= radius)
    pixels = nearest[point] + offsets[offset]
    x, y = pixels.real.astype(np.int64), pixels.imag.astype(np.int64)
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    bitmap[y[inside], x[inside]] = 1


def _random(seed: int, stream: int, number: int, place: int) -> np.random.Generator:
    """A generator that depends only on these four numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, number, place]))
