"""`allograph write`: new drawings of the symbol in each image."""

from __future__ import annotations

__all__ = ["write"]

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from allograph.cli.console import InkOption, JsonOption, ModelOption, Stopped, print_json, say


def write(
    images: Annotated[list[Path], typer.Argument(help="One image of a symbol each.", metavar="IMAGE...")],
    n: Annotated[int, typer.Option("-n", help="Drawings of each symbol.")] = 16,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the drawings.", metavar="DIR")] = Path(
        "drawings"
    ),
    model: ModelOption = "omniglot",
    seed: Annotated[int, typer.Option(help="Same seed, same drawings.")] = 0,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 the drawings vary less.", show_default="the weights' own")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Longer side of a drawing, pixels.", show_default="the image's", metavar="PX")
    ] = None,
    ink: InkOption = "auto",
    animate: Annotated[bool, typer.Option("--animate", help="Also show how the drawings grow, DIR/STEM.webp.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier call.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write new drawings of the symbol in each IMAGE.

    An image STEM.png gives DIR/STEM/STEM-001.png and so on, and a contact sheet DIR/STEM.png, the exemplar first.
    """
    started = time.perf_counter()
    import allograph
    from allograph.data.splits import Problem
    from allograph.writing import Order, Written, write_files

    writer = allograph.load(model)
    loaded = time.perf_counter()
    order = Order(n, seed, temperature, size, ink, animate, overwrite)
    written: list[Written] = []
    problems: list[Problem] = []
    try:
        for result in write_files(writer, images, output, order):
            if isinstance(result, Problem):
                problems.append(result)
                say(result.message)
                continue
            written.append(result)
            if not as_json:
                drawings = "1 drawing" if n == 1 else f"{n} drawings"
                folder = result.drawings[0].parent
                growing = f", growing in {result.animation}" if result.animation else ""
                print(f"{result.image}: {drawings} in {folder}, on one sheet in {result.sheet}{growing}")
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {len(written)} of {len(images)} images are done, nothing is half-written") from None
    ended = time.perf_counter()
    seconds = {
        "load": loaded - started,
        "model": sum(result.model_seconds for result in written),
        "total": ended - started,
    }
    if as_json:
        settings: dict[str, Any] = {"model": model, "sha256": writer.sha256, **asdict(order)}
        settings["temperature"] = writer.temperature_for(temperature)
        print_json({"settings": settings, "images": written, "problems": problems, "seconds": seconds})
    elif written:
        print("{total:.1f} s: {load:.1f} s to start, {model:.2f} s in the model".format(**seconds))
    if problems:
        raise typer.Exit(1 if written else 2)
