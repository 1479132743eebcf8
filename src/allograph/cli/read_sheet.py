"""`allograph read-sheet`: from photographs of a filled-in sheet to a folder of symbols."""

from __future__ import annotations

__all__ = ["read_sheet"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from allograph.cli.console import JsonOption, Stopped, print_json, say
from allograph.cli.extras import needing
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.typography.read_sheet import PageRead


def read_sheet(
    photos: Annotated[
        list[Path], typer.Argument(help="Photographs or scans of filled-in pages; PDF too.", metavar="PHOTO...")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the symbols.", metavar="DIR")] = Path(
        "symbols"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Read pages again that were read before.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read filled-in pages of `allograph sheet`: DIR/U+0041-A/01.png and so on.

    The pages are found and straightened by their four round marks. DIR/sheet-*.png shows each with its empty and
    doubtful boxes.
    """
    with needing("font"):
        from allograph.typography.read_sheet import read_sheets

    pages: list[PageRead] = []
    problems: list[Problem] = []
    try:
        for result in read_sheets(photos, output, overwrite=overwrite):
            if isinstance(result, Problem):
                problems.append(result)
                say(result.message)
                continue
            pages.append(result)
            for path, reason in result.doubtful:
                say(f"{path} is doubtful: {reason}; see {result.preview}")
            if not as_json:
                print(_described(result))
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {len(pages)} pages are in {output}; run the same command to continue") from None
    except AllographError as error:
        problems.append(Problem(output, str(error)))
        say(str(error))
    if as_json:
        print_json({"pages": pages, "problems": problems})
    if problems:
        raise typer.Exit(1 if pages else 2)


def _described(page: PageRead) -> str:
    count = len(page.files)
    empty = f", {len(page.empty)} empty: {' '.join(page.empty)}" if page.empty else ""
    doubtful = f", {len(page.doubtful)} doubtful" if page.doubtful else ""
    drawings = f"{count} drawing{'s' if count != 1 else ''}"
    return f"{page.photo}: page {page.number} of {page.pages}, {drawings}{doubtful}{empty}; see {page.preview}"
