"""Plots are documents that hold what the figures say: names, numbers in order, the same bytes every time."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.report.parts import Mark, Plot, Series
from allograph.report.plots import INK, on_page, render_plot

SHAPES = ("dot", "ring", "square", "diamond", "cross")


def plot_of(*series: Series, **changes: Any) -> Plot:
    return Plot("A title", "What it shows.", "across", "up", series, **changes)


def words(svg: str) -> list[str]:
    """What is written, as the drawing says it beside its letters."""
    return [word.strip() for word in re.findall(r"<!--(.*?)-->", svg, re.DOTALL)]


def places(svg: str, number: int) -> list[tuple[float, float]]:
    """Where the marks of the n-th series stand, in points from the upper left."""
    groups = re.findall(r'<g id="(line2d_\d+)">.*?</g>', svg, re.DOTALL)
    assert groups
    found = re.findall(r'<g clip-path="[^"]*">(.*?)</g>', svg, re.DOTALL)
    marks = [re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', part) for part in found]
    (own,) = [part for part in marks if part][number : number + 1]
    return [(float(x), float(y)) for x, y in own]


def test_a_plot_names_what_it_shows() -> None:
    svg = render_plot(plot_of(Series("one", [Mark(1, 2)]), Series("another", [Mark(2, 3)], 1)))
    assert {"A title", "across", "up", "one", "another"} <= set(words(svg))


def test_marks_stand_in_the_order_and_the_proportion_of_their_figures() -> None:
    svg = render_plot(plot_of(Series("low", [Mark(0.1, 20), Mark(0.5, 40)], 0), Series("high", [Mark(0.9, 80)], 1)))
    (first, second), (third,) = places(svg, 0), places(svg, 1)
    assert first[0] < second[0] < third[0] and first[1] > second[1] > third[1]
    assert (second[0] - first[0]) / (third[0] - first[0]) == pytest.approx(0.5, abs=1e-3)
    assert (first[1] - second[1]) / (first[1] - third[1]) == pytest.approx(1 / 3, abs=1e-3)


def test_errors_are_bars_and_what_is_to_be_included_is_on_the_axes() -> None:
    plain, barred = (render_plot(plot_of(Series("one", [Mark(1, 50, *errors)]))) for errors in ((0, 0), (0.2, 5)))
    bars = [len(re.findall(r'<g id="LineCollection_\d+">', svg)) for svg in (plain, barred)]
    assert bars == [0, 2]
    assert "0" not in words(plain)
    assert {"0", "100"} <= set(words(render_plot(plot_of(Series("one", [Mark(1, 50)]), include=(0, 100)))))


def test_counts_have_no_ticks_between_them_and_names_may_stand_for_numbers() -> None:
    series = Series("one", [Mark(0, 1), Mark(1, math.pi)], joined=True)
    ticks = words(render_plot(plot_of(series, whole_x=True)))
    assert not any(word.startswith("0.") for word in ticks[: ticks.index("across")])
    assert {"first", "second"} <= set(words(render_plot(plot_of(series, names=("first", "second")))))


@settings(max_examples=5)
@given(
    st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=5),
    st.sampled_from(SHAPES),
    st.booleans(),
)
def test_any_figures_make_a_document(points: list[tuple[float, float]], shape: Any, joined: bool) -> None:
    marks = [Mark(x, y, 0.1, 1) for x, y in points]
    name = "a <name> & 'words' that are far too long for one line"
    root = ElementTree.fromstring(render_plot(plot_of(Series(name, marks, 9, shape, joined))))
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top) == (0, 0) and width > height > 200


def test_a_page_by_night_turns_the_ink_light_and_leaves_the_colours() -> None:
    svg = render_plot(plot_of(Series("one", [Mark(1, 2)]), Series("people", [Mark(2, 3)], 2)))
    shown = on_page(svg)
    ElementTree.fromstring(shown)
    assert INK in svg and shown.count(INK) == 1, "only where it says what the ink is by day"
    assert "currentColor" in shown and "prefers-color-scheme:dark" in shown
    assert re.findall(r"#15888f", svg) == re.findall(r"#15888f", shown)


def test_the_same_figures_are_the_same_bytes_whatever_the_user_has_set(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("axes.grid: False\nlines.linewidth: 9\nsavefig.dpi: 30\n")
    code = """
import sys
from allograph.report.parts import Mark, Plot, Series
from allograph.report.plots import render_plot
plot = Plot("A title", "What it shows.", "across", "up", [Series("one", [Mark(1, 2, 0.1, 1)])])
sys.stdout.write(render_plot(plot))
"""
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == render_plot(plot_of(Series("one", [Mark(1, 2, 0.1, 1)])))
