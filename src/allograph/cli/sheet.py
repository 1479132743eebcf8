"""`allograph sheet`: a sheet of paper to write your own symbols on."""

from __future__ import annotations

__all__ = ["sheet"]

from pathlib import Path
from typing import Annotated, Literal

import typer

from allograph.cli.console import OverwriteOption, say
from allograph.cli.extras import needing
from allograph.errors import AllographError


def sheet(
    characters: Annotated[
        str | None, typer.Argument(help="The symbols, such as ABCabc.", show_default=False, metavar="[SYMBOLS]")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A UTF-8 file of symbols; a line =XYZ is one symbol.", metavar="FILE")
    ] = None,
    script: Annotated[
        str | None, typer.Option("--script", help="The letters and digits of a script, such as Armenian.", metavar="S")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The PDF file.", metavar="FILE")] = Path("sheet.pdf"),
    boxes: Annotated[int, typer.Option("--boxes", help="Number of boxes for each symbol.", metavar="N")] = 1,
    paper: Annotated[Literal["a4", "letter"], typer.Option(help="Size of the paper.")] = "a4",
    guides: Annotated[
        Literal["lines", "square"] | None,
        typer.Option(help="Guide lines in the boxes.", show_default="those of the script"),
    ] = None,
    font: Annotated[
        list[Path] | None,
        typer.Option("--font", help="A font that has the symbols, for the labels. May be repeated.", metavar="FILE"),
    ] = None,
    title: Annotated[str, typer.Option(help="Title above the boxes.", show_default=False)] = "",
    overwrite: OverwriteOption = False,
) -> None:
    """Make a PDF to print: a labelled box for each symbol, to be filled in by hand.

    Scan or photograph the filled pages and give them to `allograph read-sheet`.
    """
    with needing("font"):
        from allograph.typography.characters import of_file, of_script, of_text
        from allograph.typography.labels import Labels
        from allograph.typography.layout import pages_of
        from allograph.typography.sheet import write_sheet

    if sum(given is not None for given in (characters, file, script)) != 1:
        raise AllographError("name the symbols in one way: as text, such as ABC, with --file or with --script")
    if characters is not None:
        symbols = of_text(characters)
    elif file is not None:
        symbols = of_file(file)
    else:
        symbols = of_script(script or "")
    pages = pages_of(symbols, boxes=boxes, paper=paper, guides=guides)
    labels = Labels(symbols, font or ())
    write_sheet(output, pages, labels, title=title, overwrite=overwrite)
    if labels.missing:
        some = " ".join(labels.missing[:8]) + (" ..." if len(labels.missing) > 8 else "")
        say(
            f"no installed font has {len(labels.missing)} of the symbols ({some}); their boxes show only code points "
            "unless you name a font with --font"
        )
    count = f"{len(pages)} page{'s' if len(pages) > 1 else ''}"
    print(f"{output}: {len(symbols)} symbols on {count}; print at full size")
