"""`allograph complete`: several ways to complete the hidden part of a picture."""

from __future__ import annotations

__all__ = ["complete"]

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.console import (
    InkOption,
    JsonOption,
    ModelOption,
    OutputOption,
    OverwriteOption,
    SeedOption,
    ThreadsOption,
    print_json,
    say,
)
from allograph.cli.write import describe
from allograph.weights import DEFAULT


def complete(
    image: Annotated[
        Path, typer.Argument(help="A picture of one symbol, a part of which is missing.", metavar="IMAGE")
    ],
    mask: Annotated[
        str,
        typer.Option(
            help="The hidden part: a picture of the same shape, white there; or left, right, top or bottom for a half."
        ),
    ],
    n: Annotated[int, typer.Option("-n", help="Number of drawings.")] = 16,
    exemplar: Annotated[
        list[Path] | None,
        typer.Option(help="A whole picture of the same symbol, if there is one. May be repeated."),
    ] = None,
    output: OutputOption = Path("completed"),
    model: ModelOption = DEFAULT,
    seed: SeedOption = 0,
    size: Annotated[
        int | None, typer.Option(help="Longer side of a drawing in pixels.", show_default="the image's", metavar="PX")
    ] = None,
    ink: InkOption = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Complete a symbol of which a part is hidden, in several ways, given the visible part.

    Outside the mask, the picture does not change. An image STEM.png gives DIR/STEM/STEM-001.png and so on, and a
    contact sheet DIR/STEM.png with the damaged picture first.
    """
    import allograph
    from allograph.generation.complete import complete_files
    from allograph.imaging.hidden_part import HALVES

    writer = allograph.load(model)
    hidden = mask if mask in HALVES else Path(mask)
    options = {"n": n, "seed": seed, "size": size, "overwrite": overwrite}
    written = complete_files(writer, image, hidden, exemplar or (), output, ink=ink, **options)  # type: ignore[arg-type]
    for note in written.notes:
        say(note)
    if as_json:
        settings = {"model": model, "sha256": writer.sha256, "mask": mask, "exemplars": exemplar or [], "ink": ink}
        print_json({"settings": settings | options, **vars(written)})
    else:
        print(f"{written.image}: {describe(written)}")
