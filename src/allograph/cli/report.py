"""`allograph report`: result files as one page to read and to print."""

from __future__ import annotations

__all__ = ["report"]

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.console import JsonOption, Stopped, print_json, say
from allograph.cli.extras import needing


def report(
    folder: Annotated[Path, typer.Argument(help="Folder with result files of `allograph evaluate`.", metavar="DIR")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the report.", show_default="DIR/report", metavar="DIR"),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.", show_default="Results in DIR")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier report.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make one HTML page of the result files in DIR, with tables, pictures and plots. It needs no other file.

    The page is DIR/report/report.html; the plots lie next to it as SVG files.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # without its advice on where to keep a cache of fonts
    with needing("report"):
        from allograph.report.page import write_report
    try:
        made = write_report(folder, output or folder / "report", title=title, overwrite=overwrite)
    except KeyboardInterrupt:
        raise Stopped(
            "stopped; no page is half-written; run the same command with --overwrite to start again"
        ) from None
    for problem in made.problems:
        say(problem.message)
    for path in made.unknown:
        say(f"{path} is not a measurement that this version knows; the report lists it")
    if as_json:
        print_json(asdict(made))
    else:
        counts = ", ".join(f"{count} of {name}" for name, count in made.results.items()) or "none known"
        print(f"{made.page}: results: {counts}; plots as SVG beside it: {len(made.plots)}")
    if made.problems:
        raise typer.Exit(1)
