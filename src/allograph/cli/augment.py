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
    TogetherOption,
    print_json,
    say,
)
from allograph.errors import AllographError
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    from allograph.generation.augment import AugmentReport


def augment(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with one or more exemplars of each class, FOLDER/CLASS/*.png.", metavar="FOLDER"),
    ],
    per_class: Annotated[
        int | None, typer.Option("--per-class", help="Number of new drawings of each class.", metavar="N")
    ] = None,
    to: Annotated[
        int | None,
        typer.Option(help="Or: copy the exemplars and fill each class up to N drawings.", metavar="N"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the set.", show_default="FOLDER-augmented", metavar="DIR"),
    ] = None,
    model: ModelOption = DEFAULT,
    seed: SeedOption = 0,
    temperature: TemperatureOption = None,
    guidance: GuidanceOption = None,
    size: Annotated[
        int | None,
        typer.Option(help="Longer side of a drawing in pixels.", show_default="the exemplar's", metavar="PX"),
    ] = None,
    ink: InkOption = "auto",
    together: TogetherOption = None,
    layout: Annotated[
        Literal["imagefolder", "hf"],
        typer.Option(help="Folders as torchvision's ImageFolder reads them; hf adds metadata.jsonl for `datasets`."),
    ] = "imagefolder",
    keep_originals: Annotated[bool, typer.Option("--keep-originals", help="Copy the exemplars into the set.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start again instead of continuing.")] = False,
    format: FormatOption = "png",
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Make a training set of N drawings of each class, DIR/CLASS/0001.png and so on, from one or a few exemplars.

    Train with half of each batch from your own drawings (--keep-originals or --to) and half from the new ones.

    With --to, the exemplars count among the N, and a class that has as many gets no drawing.

    If a job is stopped, the same command continues it. DIR/manifest.csv says how every file was made. Under torchrun
    or srun, several processes share the classes.
    """
    import allograph
    from allograph.data.folders import left_out, passed_over
    from allograph.generation.augment import AugmentOrder, augment_folder
    from allograph.runtime.distributed import joined

    if (per_class is None) == (to is None):
        raise AllographError(
            "say how many: --per-class N new drawings of each class, or --to N to fill each class up to N"
            if to is None
            else "--per-class and --to do not go together; leave out one"
        )
    # In the current folder, not beside FOLDER, which may be read-only.
    output = output or Path(f"{folder.resolve().name}-augmented")
    count = to if per_class is None else per_class
    assert count is not None
    fill = to is not None
    order = AugmentOrder(count, seed, temperature, size, ink, keep_originals, overwrite, fill, layout, format, together)
    writer = allograph.load(model).guided(guidance)
    again = f"run the same command {'without --overwrite ' if overwrite else ''}to continue"
    with joined(again) as processes, Progress("drawings") as progress:
        try:
            report = augment_folder(writer, folder, output, order, progress, processes)
        except KeyboardInterrupt:
            those = "" if processes.size == 1 else " of the first process's"
            raise Stopped(
                f"stopped; {progress.done} of {progress.total}{those} drawings are in {output}; {again}"
            ) from None
    if not processes.first:
        raise typer.Exit(_status(report))
    for problem in report.problems:
        say(problem.message)
    if others := passed_over(folder):
        say(left_out(others))
    if as_json:
        print_json({"sha256": writer.sha256, **asdict(report)})
    else:
        kept = f" ({report.kept} were there)" if report.kept else ""
        copied = f" and {report.originals} originals" if report.originals else ""
        drawings = f"{report.made + report.kept} drawings{copied} of {report.classes} classes{kept}"
        listed = f"{report.manifest}{f' and {report.metadata}' if report.metadata else ''}"
        print(f"{output}: {drawings}, listed in {listed}")
    raise typer.Exit(_status(report))


def _status(report: AugmentReport) -> int:
    return 0 if not report.problems else 1 if report.classes else 2
