"""`allograph invent`: drawings from nothing."""

from __future__ import annotations

__all__ = ["invent"]

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.console import (
    FormatOption,
    GuidanceOption,
    InkOption,
    JsonOption,
    OutputOption,
    OverwriteOption,
    SeedOption,
    Stopped,
    TemperatureOption,
    ThreadsOption,
    print_json,
    say,
)
from allograph.cli.write import describe
from allograph.errors import AllographError, Problem
from allograph.weights import ALPHABETS, DEFAULT


def invent(
    n: Annotated[int, typer.Option("-n", help="Number of drawings.")] = 16,
    output: OutputOption = Path("drawings"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Weights: a known name or a .safetensors file.",
            show_default=f"{DEFAULT}; with --like, {ALPHABETS}",
            metavar="M",
        ),
    ] = None,
    seed: SeedOption = 0,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    size: Annotated[
        int | None, typer.Option(help="Side of a drawing in pixels.", show_default="256", metavar="PX")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like", help="Make new symbols of an alphabet; FOLDER/*.png shows some of its symbols.", metavar="FOLDER"
        ),
    ] = None,
    ink: InkOption = "auto",
    animate: Annotated[
        bool, typer.Option("--animate", help="Also write an animation of how the drawings grow, DIR/invented.webp.")
    ] = False,
    format: FormatOption = "png",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Draw from nothing: symbols that nobody has drawn, or whatever the model learned.

    With --like, draw new symbols of an alphabet. FOLDER/*.png shows some of its symbols, one in each image.

    The drawings are DIR/invented/invented-001.png and so on, with a contact sheet DIR/invented.png.
    """
    started = time.perf_counter()
    import allograph
    from allograph.generation.exemplars import read_alphabet
    from allograph.generation.write import Order, invent_files

    if like is None and ink != "auto":
        raise AllographError("--ink needs --like: without it there is no image")
    if like is None and guidance is not None:
        raise AllographError("--guidance needs --like: without it there is nothing to follow")
    model = model or (DEFAULT if like is None else ALPHABETS)
    writer = allograph.load(model).guided(guidance)
    loaded = time.perf_counter()
    order = Order(n, seed, temperature, size, ink, animate, overwrite, format=format)
    problems: list[Problem] = []
    given = None
    try:
        if like is not None:
            given, problems = read_alphabet(writer, like, ink)
        for problem in problems:
            say(problem.message)
        result = invent_files(writer, output, order, given)
    except KeyboardInterrupt:
        raise Stopped("stopped; nothing is half-written") from None
    ended = time.perf_counter()
    seconds = {"load": loaded - started, "model": result.model_seconds, "total": ended - started}
    if as_json:
        settings: dict[str, Any] = {"model": model, "sha256": writer.sha256, **asdict(order)}
        settings["like"] = like
        settings |= {"temperature": writer.temperature_for(temperature), "guidance": writer.guidance if given else 1.0}
        made = {key: value for key, value in asdict(result).items() if key not in ("image", "model_seconds")}
        exemplars = [] if given is None else list(given)
        print_json({"settings": settings, "exemplars": exemplars, **made, "problems": problems, "seconds": seconds})
    else:
        print(f"{f'like {len(given)} symbols in {like}: ' if given else ''}{describe(result)}")
        print("{total:.1f} s: {load:.1f} s to start, {model:.2f} s in the model".format(**seconds))
    if problems:
        raise typer.Exit(1)
