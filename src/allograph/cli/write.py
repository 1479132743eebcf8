"""`allograph write`: new drawings of what each image shows."""

from __future__ import annotations

__all__ = ["describe", "write"]

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.console import (
    AttemptsOption,
    FormatOption,
    GuidanceOption,
    InkOption,
    JsonOption,
    ModelOption,
    OutputOption,
    OverwriteOption,
    SeedOption,
    Stopped,
    TemperatureOption,
    ThreadsOption,
    print_json,
    say,
)
from allograph.errors import AllographError, Problem
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    from allograph.generation.places import Written


def write(
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Images, each of one symbol (or of whatever the model learned); - is stdin.", metavar="IMAGE..."
        ),
    ],
    n: Annotated[int, typer.Option("-n", help="Number of drawings of each image.")] = 16,
    output: OutputOption = Path("drawings"),
    model: ModelOption = DEFAULT,
    seed: SeedOption = 0,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    attempts: AttemptsOption = None,
    size: Annotated[
        int | None, typer.Option(help="Longer side of a drawing in pixels.", show_default="the image's", metavar="PX")
    ] = None,
    size_variation: Annotated[
        float | None,
        typer.Option(
            help="How much drawings differ in size; 0: no more than the model makes them.",
            show_default="the weights' own",
            metavar="D",
        ),
    ] = None,
    ink: InkOption = "auto",
    animate: Annotated[
        bool, typer.Option("--animate", help="Also write an animation of how the drawings grow, DIR/STEM.webp.")
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="All images show one symbol: draw after all of them at once.")
    ] = False,
    change: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Two drawings of another symbol: change each IMAGE as the first became the second.",
            metavar="BEFORE,AFTER",
        ),
    ] = None,
    format: FormatOption = "png",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Write new drawings of the symbol in each IMAGE (or of the face, or of whatever the model learned).

    An image STEM.png gives DIR/STEM/STEM-001.png and so on, and a contact sheet DIR/STEM.png with the exemplar first.
    """
    started = time.perf_counter()
    import allograph
    from allograph.generation.write import Order, write_files

    if change is not None and attempts not in (None, 1):
        raise AllographError("--attempts is not for --as, whose drawings are made once: leave out one")
    if change is not None and size_variation is not None:
        raise AllographError("--size-variation is not for --as, which says how the size changes: leave out one")
    writer = allograph.load(model).guided(guidance).with_attempts(attempts if change is None else 1)
    writer = writer.with_size_variation(size_variation)
    loaded = time.perf_counter()
    order = Order(n, seed, temperature, size, ink, animate, overwrite, together, format, _two(change))
    results = write_files(writer, images, output, order)
    written: list[Written] = []
    problems: list[Problem] = []
    stop: Stopped | None = None
    try:
        for result in results:
            if isinstance(result, Problem):
                problems.append(result)
                say(result.message)
                continue
            written.append(result)
            for note in result.notes:
                say(note)
            if not as_json:
                print(f"{result.image}: {describe(result)}")
    except AllographError as error:  # nothing more can be written
        done = f" ({len(written)} of {len(images)} images are done)" if written else ""
        problems.append(Problem(output, str(error)))
        say(f"{error}{done}")
    except KeyboardInterrupt:
        stop = Stopped(f"stopped; {len(written)} of {len(images)} images are done, nothing is half-written")
    ended = time.perf_counter()
    seconds = {
        "load": loaded - started,
        "model": sum(result.model_seconds for result in written),
        "total": ended - started,
    }
    if as_json:
        settings: dict[str, Any] = {"model": model, "sha256": writer.sha256, **asdict(order)}
        settings |= {"temperature": writer.temperature_for(temperature), **writer.adjusted}
        settings |= {"size_variation": writer.card.size_variation[1]}
        print_json({"settings": settings, "images": written, "problems": problems, "seconds": seconds})
    elif written:
        print("{total:.1f} s: {load:.1f} s to start, {model:.2f} s in the model".format(**seconds))
    if stop is not None:
        raise stop
    if problems:
        raise typer.Exit(1 if written else 2)


def _two(change: str | None) -> tuple[Path, Path] | None:
    """The files of --as."""
    if change is None:
        return None
    names = change.split(",")
    if len(names) != 2 or not all(names):
        raise AllographError(f"--as takes two files, BEFORE,AFTER, not {change!r}")
    return Path(names[0]), Path(names[1])


def describe(result: Written) -> str:
    """One line on what was made, from an image or from nothing."""
    count = len(result.drawings)
    drawings = "1 drawing" if count == 1 else f"{count} drawings"
    shown = "" if result.on_sheet == count else f"the first {result.on_sheet} "
    growing = f", growing in {result.animation}" if result.animation else ""
    return f"{drawings} in {result.drawings[0].parent}, {shown}on one sheet in {result.sheet}{growing}"
