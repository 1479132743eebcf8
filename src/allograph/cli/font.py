"""`allograph font`: a font from drawings of its characters."""

from __future__ import annotations

__all__ = ["font"]

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.console import (
    GuidanceOption,
    InkOption,
    JsonOption,
    OverwriteOption,
    Progress,
    SeedOption,
    Stopped,
    ThreadsOption,
    print_json,
    say,
)
from allograph.cli.extras import needing
from allograph.errors import AllographError


def font(
    folder: Annotated[
        Path,
        typer.Argument(
            help="FOLDER/CLASS/*.png, one class for each character, as read-sheet makes it.", metavar="FOLDER"
        ),
    ],
    output: Annotated[
        list[Path],
        typer.Option("-o", "--output", help="A .ttf, .otf, .woff2 or .ufo file. May be repeated.", metavar="FILE"),
    ],
    variants: Annotated[
        int, typer.Option("--variants", min=1, max=20, help="Number of drawings of each character.", metavar="N")
    ] = 5,
    name: Annotated[
        str | None, typer.Option("--name", help="The font's name.", show_default="the first file's", metavar="NAME")
    ] = None,
    designer: Annotated[str, typer.Option(help="The person whose handwriting it is.", show_default=False)] = "",
    license: Annotated[str, typer.Option(help="What others may do with the font.", show_default=False)] = "",
    model: Annotated[
        str, typer.Option("--model", help="Weights: a known name or a .safetensors file; `none` for no new drawings.")
    ] = "omniglot-bending",
    seed: SeedOption = 0,
    guidance: GuidanceOption = None,
    ink: InkOption = "auto",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Make a font whose repeated letters differ: from the drawings in FOLDER, with new drawings as alternates.

    Size and baseline come from the sheet's guide lines; for other pictures they are estimated.
    """
    with needing("font"):
        from allograph.typography.design import design_of
        from allograph.typography.font import FORMATS, FontNames, write_font
        from allograph.typography.glyphs import collect
        from allograph.typography.scripts import cautions

    import allograph
    from allograph.runtime.threads import usable_cores

    if wrong := next((path for path in output if path.suffix.lower() not in FORMATS), None):
        raise AllographError(f"{wrong} does not end in {', '.join(FORMATS)}; the ending says what kind of font to make")
    if not overwrite and (there := next((path for path in output if path.exists()), None)):
        raise AllographError(f"{there} exists already; choose another name with -o, or add --overwrite")
    names = FontNames(name or output[0].stem, designer, license)
    writer = None if model == "none" or variants == 1 else allograph.load(model).guided(guidance)
    with Progress("characters") as progress:
        try:
            glyphs, problems = collect(
                folder,
                writer,
                variants,
                seed=seed,
                ink=ink,
                workers=min(4, threads or usable_cores()),
                progress=progress,
            )
            design, more = design_of(glyphs, folder)
            for path in output:
                write_font(path, design, names, overwrite=overwrite)
        except KeyboardInterrupt:
            raise Stopped("stopped; no font is half-written; run the same command again") from None
    problems += more
    for problem in problems:
        say(problem.message)
    for caution in cautions(glyph.symbol for glyph in glyphs):
        say(caution)
    own = sum(glyph.own for glyph in glyphs)
    new = sum(len(glyph.drawings) for glyph in glyphs) - own
    if as_json:
        about = {"family": names.family, "characters": [glyph.symbol for glyph in glyphs], "own": own, "new": new}
        print_json({"files": output, **about, "kerning_pairs": len(design.kerning), "problems": problems})
    else:
        files = ", ".join(map(str, output))
        print(f"{files}: {len(glyphs)} characters, {own} drawings from {folder} and {new} new ones")
    if problems:
        raise typer.Exit(1)
