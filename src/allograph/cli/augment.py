"""`allograph augment`: a training set from one or a few exemplars of each class."""

from __future__ import annotations

__all__ = ["augment"]

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from allograph.cli.console import (
    FormatOption,
    GuidanceOption,
    InkOption,
    JsonOption,
    ModelOption,
    Progress,
    SeedOption,
    Stopped,
    TemperatureOption,
    ThreadsOption,
    print_json,
    say,
)
from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.generation.augment import AugmentReport


def augment(
    folder: Annotated[Path, typer.Argument(help="FOLDER/CLASS/*.png, one or more exemplars a class.")],
    per_class: Annotated[
        int | None, typer.Option("--per-class", help="Drawings of each class.", metavar="N", show_default=False)
    ] = None,
    to: Annotated[
        int | None,
        typer.Option("--to", help="Fill each class up to N, exemplars among them.", metavar="N", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the set.", show_default="FOLDER-augmented")
    ] = None,
    model: ModelOption = "omniglot",
    seed: SeedOption = 0,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    size: Annotated[
        int | None, typer.Option(help="Longer side of a drawing, pixels.", show_default="the exemplar's", metavar="PX")
    ] = None,
    ink: InkOption = "auto",
    keep_originals: Annotated[bool, typer.Option("--keep-originals", help="Copy the exemplars to the set.")] = False,
    format: FormatOption = "png",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew instead of going on.")] = False,
    layout: Annotated[
        Literal["imagefolder", "hf"], typer.Option(help="hf: also metadata.csv, for Hugging Face's datasets.")
    ] = "imagefolder",
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Make a set of N drawings of each class, DIR/CLASS/0001.png and so on, from one or a few exemplars a class.

    A job that was stopped goes on with the same command. DIR/manifest.csv says how every file was made. Started by
    torchrun or srun, several processes each take their share of the classes.
    """
    import allograph
    from allograph.generation.augment import AugmentOrder, augment_folder
    from allograph.generation.metadata import write_metadata
    from allograph.runtime.distributed import joined

    # Beside the folder under which the user stands, not beside FOLDER: that may be read-only.
    output = output or Path(f"{folder.resolve().name}-augmented")
    if (per_class is None) == (to is None):
        raise AllographError("say how many drawings to make: --per-class N of each class, or --to N to fill classes up")
    fill = to is not None
    count = to if to is not None else per_class or 0
    # A class that is filled up has its exemplars in it.
    order = AugmentOrder(count, seed, temperature, size, ink, keep_originals or fill, overwrite, format, fill)
    writer = allograph.load(model).guided(guidance)
    again = f"run the same command {'without --overwrite ' if overwrite else ''}to go on"
    with joined(again) as processes, Progress("drawings") as progress:
        try:
            report = augment_folder(writer, folder, output, order, progress, processes)
        except KeyboardInterrupt:
            those = "" if processes.size == 1 else " of the first process's"
            raise Stopped(
                f"stopped; {progress.done} of {progress.total}{those} drawings are in {output}; {again}"
            ) from None
    if processes.first and layout == "hf":
        write_metadata(report.manifest)
    if not processes.first:
        raise typer.Exit(_status(report))
    for problem in report.problems:
        say(problem.message)
    if as_json:
        print_json({"sha256": writer.sha256, **asdict(report)})
    else:
        kept = f" ({report.kept} were there)" if report.kept else ""
        drawings = f"{report.made + report.kept} drawings of {report.classes} classes{kept}"
        print(f"{output}: {drawings}, listed in {report.manifest}")
    raise typer.Exit(_status(report))


def _status(report: AugmentReport) -> int:
    return 0 if not report.problems else 1 if report.classes else 2
