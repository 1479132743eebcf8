"""Plots of figures with their standard errors, drawn by matplotlib as SVG; the same figures give the same bytes."""

from __future__ import annotations

__all__ = ["INK", "on_page", "render_plot"]

import io
import textwrap

from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from allograph.report.parts import Plot, Series

INK = "#262628"
"""Colour of text and axes; on a page it becomes that of the page's text."""

_COLOURS = ("#15888f", "#cf5f26", INK, "#8a63c0", "#3c7fd4", "#948416", "#cf4485")
"""Legible on white and on black paper."""

_SHAPES = {"dot": "o", "ring": "o", "square": "s", "diamond": "D", "cross": "x"}
_STYLE = {
    "font.family": "DejaVu Sans",  # which comes with matplotlib
    "svg.hashsalt": "allograph",  # part names that do not change from run to run
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "legend.frameon": False,
    "errorbar.capsize": 2.0,
    "savefig.transparent": True,
}
_STEPS = [1, 2, 5, 10]
"""Distances between numbers on an axis, times a power of ten."""

_WIDTH, _HEIGHT, _LINE = 5.6, 3.5, 0.2
"""Sizes in inches; a plot is one line higher for every two names of its legend."""


def render_plot(plot: Plot) -> str:
    """The plot as a self-contained SVG document without fonts."""
    with style.context(["default", _STYLE]):
        names = [textwrap.fill(series.name, 38) for series in plot.series]
        lines = sum(name.count("\n") + 1 for name in names)
        figure = Figure((_WIDTH, _HEIGHT + _LINE * (lines + 1) / 2), layout="constrained")
        axes = figure.add_subplot()
        handles = [_draw(axes, series) for series in plot.series]
        axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
        axes.update_datalim([(x, axes.dataLim.y0) for x in plot.include_x], updatey=False)
        axes.update_datalim([(axes.dataLim.x0, y) for y in plot.include], updatex=False)
        axes.autoscale_view()
        axes.yaxis.set_major_locator(MaxNLocator(7, steps=_STEPS))
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=_STEPS, integer=plot.whole_x))
        if plot.names:
            axes.set(xticks=range(len(plot.names)), xticklabels=plot.names, xlim=(-0.5, len(plot.names) - 0.5))
        figure.legend(handles, names, loc="outside lower left", ncols=2, fontsize="small")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return buffer.getvalue()


def _draw(axes: Axes, series: Series) -> Artist:
    """Draws the marks with their bars; returns their entries for the legend."""
    colour = _COLOURS[series.colour % len(_COLOURS)]
    xs, ys, across, along = zip(*((m.x, m.y, m.x_error, m.y_error) for m in series.marks), strict=True)
    drawn = axes.errorbar(
        *(xs, ys, along if any(along) else None, across if any(across) else None),
        color=colour,
        marker=_SHAPES[series.shape],
        fillstyle="none" if series.shape == "ring" else "full",
        markersize=5 if len(series.marks) < 20 else 3,
        linestyle="-" if series.joined else "none",
    )
    return drawn[0]


def on_page(svg: str) -> str:
    """The plot as an image for a page: its ink is light if the page is dark."""
    ink = f"<style>svg{{color:{INK}}}@media(prefers-color-scheme:dark){{svg{{color:#e4e4e6}}}}</style>"
    return svg.replace(INK, "currentColor").replace("<defs>", f"<defs>{ink.replace(INK, '#262628')}", 1)
