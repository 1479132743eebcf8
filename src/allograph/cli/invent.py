"""`allograph invent`: drawings from nothing."""

from __future__ import annotations

__all__ = ["invent"]

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.console import (
    JsonOption,
    ModelOption,
    OutputOption,
    OverwriteOption,
    SeedOption,
    Stopped,
    TemperatureOption,
    print_json,
)
from allograph.cli.write import describe


def invent(
    n: Annotated[int, typer.Option("-n", help="Drawings.")] = 16,
    output: OutputOption = Path("drawings"),
    model: ModelOption = "omniglot",
    seed: SeedOption = 0,
    temperature: TemperatureOption = None,
    size: Annotated[
        int | None, typer.Option(help="Side of a drawing, pixels.", show_default="256", metavar="PX")
    ] = None,
    animate: Annotated[
        bool, typer.Option("--animate", help="Also show how the drawings grow, DIR/invented.webp.")
    ] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make drawings after no exemplar: symbols that nobody has drawn, or whatever the model learned.

    They are DIR/invented/invented-001.png and so on, with a contact sheet DIR/invented.png.
    """
    started = time.perf_counter()
    import allograph
    from allograph.writing import Order, invent_files

    writer = allograph.load(model)
    loaded = time.perf_counter()
    order = Order(n, seed, temperature, size, animate=animate, overwrite=overwrite)
    try:
        result = invent_files(writer, output, order)
    except KeyboardInterrupt:
        raise Stopped("stopped; nothing is half-written") from None
    ended = time.perf_counter()
    seconds = {"load": loaded - started, "model": result.model_seconds, "total": ended - started}
    if as_json:
        settings: dict[str, Any] = {"model": model, "sha256": writer.sha256, **asdict(order)}
        del settings["ink"]
        settings["temperature"] = writer.temperature_for(temperature)
        made = {key: value for key, value in asdict(result).items() if key not in ("image", "model_seconds")}
        print_json({"settings": settings, **made, "seconds": seconds})
    else:
        print(describe(result))
        print("{total:.1f} s: {load:.1f} s to start, {model:.2f} s in the model".format(**seconds))
