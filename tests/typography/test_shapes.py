"""Which new drawings fonts and lines take: those that keep what makes the letter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import allograph
from allograph.imaging.curves import resampled
from allograph.typography.shapes import Shape, drawn_shapes, pictured_shape, unlikeness


@pytest.mark.slow
def test_those_most_like_the_exemplar_are_taken(hand: Path) -> None:
    """Over some letters, fewer lost parts and holes, and edges that are nearer, than in drawings as they come."""
    writer = allograph.load("omniglot-bending")
    taken, any_ = [], []
    for symbol in "AGagmt":
        path = next(hand.glob(f"U+{ord(symbol):04X}*/01.png"))
        own = pictured_shape(path)
        shapes = drawn_shapes(writer, writer.space.preprocess(path, "dark"), 4, ("test", symbol))
        taken += [unlikeness(shape, own) for shape in shapes]
        any_ += [unlikeness(pictured_shape(drawing, "dark"), own) for drawing in writer.write(path, 8)]
    (parts, apart), (any_parts, any_apart) = np.mean(taken, axis=0), np.mean(any_, axis=0)
    assert parts <= any_parts and apart < 0.85 * any_apart, (parts, apart, any_parts, any_apart)


def test_a_lost_bar_makes_another_letter() -> None:
    def shape(*edges: list[tuple[float, float]]) -> Shape:
        return Shape(tuple(resampled(np.array([*edge, edge[0]], float), 1.0)[:-1] for edge in edges), (100, 100), 6.0)

    stem = [(40, 10), (46, 10), (46, 90), (40, 90)]
    cross = [(40, 10), (46, 10), (46, 30), (60, 30), (60, 36), (46, 36), (46, 90), (40, 90)]
    slanted = [(42, 10), (48, 10), (46, 30), (60, 28), (60, 34), (46, 36), (44, 90), (38, 90)]
    dot = [(50, 80), (56, 80), (56, 86), (50, 86)]
    assert unlikeness(shape(cross), shape(cross)) == (0, 0.0)
    assert unlikeness(shape(slanted), shape(cross)) < unlikeness(shape(stem), shape(cross))
    larger = [(3 * x + 7, 3 * y) for x, y in cross]
    assert unlikeness(shape(larger), shape(cross))[1] < 0.01
    assert unlikeness(shape(cross, dot), shape(cross))[0] == 1
