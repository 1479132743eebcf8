"""`allograph inspect`: what allograph finds in each picture."""

from __future__ import annotations

__all__ = ["inspect"]

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.console import InkOption, JsonOption, OverwriteOption, print_json, say
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.imaging.inspection import Inspection


def inspect(
    images: Annotated[list[Path], typer.Argument(help="A picture of one symbol each; - is stdin.", metavar="IMAGE...")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for pictures of what was found.", metavar="DIR"),
    ] = None,
    ink: InkOption = "auto",
    size: Annotated[
        int, typer.Option(min=8, max=1024, help="Side of the model's image in pixels.", metavar="PX")
    ] = 105,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what allograph finds in each IMAGE: the ink's tone and colour, the paper, the box, stroke width and parts.

    It also says how sure it is and what to watch for. With -o, DIR/STEM.png shows the marked ink beside what a model
    will see.
    """
    from allograph.imaging.decoding import stem_of
    from allograph.imaging.inspection import inspect_picture
    from allograph.runtime.files import atomic_write, png

    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    taken: set[Path] = set()
    for image in images:
        try:
            inspection, shown = inspect_picture(image, ink, size)
            picture = None
            if output is not None:
                picture = output / f"{stem_of(image)}.png"
                if picture in taken or picture.resolve() == image.resolve():
                    raise AllographError(f"{picture} would be written twice; rename {image} or choose another folder")
                atomic_write(picture, png(shown), overwrite=overwrite)
                taken.add(picture)
        except AllographError as error:
            problems.append(Problem(image, str(error)))
            say(str(error))
            continue
        found.append({"image": str(image), **asdict(inspection), "picture": picture})
        if not as_json:
            print(_described(str(image), inspection))
            for note in inspection.notes:
                say(note)
    if as_json:
        print_json({"images": found, "problems": problems})
    if problems:
        raise typer.Exit(1 if found else 2)


def _described(name: str, found: Inspection) -> str:
    tone = "ink is what is opaque" if found.polarity == "transparent" else f"{found.polarity} ink"
    left, top, right, bottom = found.box
    parts = "1 part" if found.parts == 1 else f"{found.parts} parts"
    more = ", on a page in the picture" if found.page else ""
    more += f", {found.rules} printed lines left out" if found.rules else ""
    more += f", clearly {found.symbols} symbols" if found.symbols > 1 else ""
    return (
        f"{name}: {found.width} x {found.height} pixels, {tone} {found.ink} on {found.paper}, in the box "
        f"{left},{top} to {right},{bottom}, strokes {found.stroke_width:g} pixels wide, {parts}{more}; "
        f"{100 * found.confidence:.0f} % sure"
    )
