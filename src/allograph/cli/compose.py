"""`allograph compose`: pictures of text and their ground truth, in many hands."""

from __future__ import annotations

__all__ = ["compose"]

from pathlib import Path
from typing import Annotated, Literal

import typer

from allograph.cli.console import (
    GuidanceOption,
    InkOption,
    JsonOption,
    Progress,
    SeedOption,
    Stopped,
    ThreadsOption,
    print_json,
    say,
)
from allograph.cli.extras import needing


def compose(
    text: Annotated[
        Path, typer.Option("--text", help="A UTF-8 file with one line of text on each line.", metavar="FILE")
    ],
    glyphs: Annotated[
        Path, typer.Option("--glyphs", help="FOLDER/CLASS/*.png, as read-sheet makes it.", metavar="FOLDER")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pictures.", metavar="DIR")],
    layout: Annotated[
        Literal["kraken", "calamari", "page-xml", "coco"], typer.Option(help="Which files to make.")
    ] = "kraken",
    size: Annotated[int, typer.Option(min=12, max=400, help="Size of an em in pixels.", metavar="PX")] = 48,
    drawings: Annotated[
        int,
        typer.Option(
            "--drawings", min=1, max=200, help="Number of drawings of each symbol to choose from.", metavar="N"
        ),
    ] = 20,
    lines: Annotated[int, typer.Option("--lines", min=1, max=200, help="Number of lines on a page.", metavar="N")] = 20,
    variation: Annotated[float, typer.Option(min=0, max=3, help="How much hands differ; 0: not at all.")] = 1.0,
    paper: Annotated[Literal["white", "aged"], typer.Option(help="What the lines lie on.")] = "white",
    rules: Annotated[bool, typer.Option("--rules", help="Rule the lines.")] = False,
    noise: Annotated[float, typer.Option(min=0, max=1, help="Grain, blur and faded ink.")] = 0.0,
    model: Annotated[
        str, typer.Option("--model", help="Weights: a known name, a .safetensors file; none for no new drawings.")
    ] = "omniglot-bending",
    seed: SeedOption = 0,
    guidance: GuidanceOption = None,
    ink: InkOption = "auto",
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Write lines of text in new drawings, each line in its own hand, with the ground truth from which OCR learns.

    The same command continues a job that was stopped. Under torchrun or srun, several processes share the pages.
    """
    with needing("font"):
        from allograph.typography.compose import ComposeSettings
        from allograph.typography.compose import compose as compose_lines
        from allograph.typography.hand import Style

    import allograph
    from allograph.runtime.distributed import joined
    from allograph.runtime.threads import usable_cores

    style = Style(size, variation, paper, rules, noise)
    settings = ComposeSettings(layout, style, drawings, lines, seed, ink)
    writer = None if model == "none" else allograph.load(model).guided(guidance)
    workers = min(4, threads or usable_cores())
    with joined("run the same command to continue") as processes, Progress("lines") as progress:
        try:
            report = compose_lines(
                text,
                glyphs,
                output,
                writer,
                settings,
                workers=max(1, workers // processes.local_size),
                progress=progress,
                processes=processes,
            )
        except KeyboardInterrupt:
            raise Stopped(f"stopped; run the same command to continue in {output}") from None
    status = 1 if report.problems else 0
    if processes.first:
        for problem in report.problems:
            say(problem.message)
        if as_json:
            print_json({"lines": report.lines, "files": report.files, "problems": report.problems})
        else:
            pages = f" on {report.files} pages" if layout in ("page-xml", "coco") else ""
            print(f"{output}: {report.lines} lines{pages}, for {layout}")
    raise typer.Exit(status)
