"""`allograph split`: a picture of several symbols becomes one file each."""

from __future__ import annotations

__all__ = ["split"]

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.console import InkOption, JsonOption, OverwriteOption, print_json, say


def split(
    image: Annotated[Path, typer.Argument(help="A row, grid or page of separate symbols; - is stdin.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the symbols.", metavar="DIR")] = Path(
        "symbols"
    ),
    ink: InkOption = "auto",
    right_to_left: Annotated[bool, typer.Option("--right-to-left", help="Rows are read from the right.")] = False,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut out the separate symbols of IMAGE, in reading order.

    An image STEM.png gives DIR/STEM/STEM-001.png and so on, and a sheet DIR/STEM.png that numbers them.
    """
    from allograph.imaging.cutting import split_picture
    from allograph.imaging.decoding import stem_of

    made = split_picture(image, output, stem_of(image), ink, right_to_left, overwrite)
    for note in made.notes:
        say(note)
    if as_json:
        print_json({"symbols": made.symbols, "sheet": made.sheet, "notes": made.notes})
        return
    count = len(made.symbols)
    rows = max(symbol.row for symbol in made.symbols)
    what = f"{count} {'symbol' if count == 1 else 'symbols'} in {rows} {'row' if rows == 1 else 'rows'}"
    print(f"{what}: {made.symbols[0].file.parent}, numbered on {made.sheet}")
