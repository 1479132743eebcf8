"""Plots put marks where the figures are, inside of the picture, whatever the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.report.plots import _COLOURS, Mark, Plot, Series, render_plot, ticks


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_are_few_and_span_the_range(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert found[0] <= low + 1e-6 * max(1, abs(low)) and found[-1] >= low + span - 1e-6 * max(1, abs(low) + span)
    assert 2 <= len(found) <= 9
    steps = np.diff(found)
    assert np.allclose(steps, steps[0])


def test_ticks_of_counts_are_whole_and_a_single_number_has_room() -> None:
    assert ticks(0, 1, least=1.0) == [0, 1]
    assert ticks(1, 12, least=1.0) == [0, 2, 4, 6, 8, 10, 12]
    assert ticks(50, 50)[0] < 50 < ticks(50, 50)[-1]
    assert ticks(0, 0)[-1] - ticks(0, 0)[0] == 2


def middle_of(picture: np.ndarray, colour: tuple[int, int, int], right: int) -> tuple[float, float]:
    """Where a colour is, left of the legend."""
    rows, columns = np.nonzero((np.abs(picture[:, :right].astype(int) - colour) < 8).all(-1))
    assert len(rows), colour
    return float(columns.mean()), float(rows.mean())


def test_marks_stand_in_the_order_of_their_figures() -> None:
    series = [Series("low", [Mark(0.1, 20)], 0), Series("high", [Mark(0.9, 80)], 1)]
    picture = np.asarray(render_plot(Plot("Title", "x", "y", series, include=(0, 100), include_x=(0, 1))))
    right = round(picture.shape[1] * 0.7)
    low, high = (middle_of(picture, _COLOURS[number], right) for number in (0, 1))
    assert low[0] < high[0] and low[1] > high[1]
    # 0 and 100 are the ends of the axis, 0 and 1 of the other one: places are known.
    between = (low[0] - 2 * 78) / (high[0] - 2 * 78)
    assert between == pytest.approx(1 / 9, abs=0.02)


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=5),
    st.sampled_from(["dot", "ring", "square", "diamond", "cross"]),
    st.booleans(),
)
def test_any_figures_make_a_picture(points: list[tuple[float, float]], shape, joined: bool) -> None:
    marks = [Mark(x, y, 0.1, 1) for x, y in points]
    plot = Plot("any", "x", "y", [Series("a name that is far too long for one line", marks, 9, shape, joined)])
    picture = np.asarray(render_plot(plot))
    assert picture.shape == (880, 1720, 3)
    assert (picture[0] == 255).all() and (picture[:, 0] == 255).all(), "nothing reaches the rim"


def test_names_may_stand_for_numbers() -> None:
    series = [Series("one", [Mark(0, 1), Mark(1, math.pi)], joined=True)]
    named, plain = (
        np.asarray(render_plot(Plot("t", "x", "y", series, names=names))) for names in (("first", "second"), ())
    )
    assert not np.array_equal(named, plain)
