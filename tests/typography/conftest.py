"""A sheet, filled in by the model that ships, and its pages as pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import handwriting
from allograph import weights
from allograph.typography.characters import of_text
from allograph.typography.labels import Labels
from allograph.typography.layout import Page, pages_of
from allograph.typography.sheet import write_sheet

SYMBOLS = "AGacegilmsty8?."


@pytest.fixture(scope="session")
def page() -> Page:
    return pages_of(of_text(SYMBOLS))[0]


@pytest.fixture(scope="session")
def blank(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    """The printed page."""
    path = tmp_path_factory.mktemp("sheet") / "sheet.pdf"
    write_sheet(path, [page], Labels(page.symbols, system=False))
    return handwriting.rendered(path)[0]


@pytest.fixture(scope="session")
def written(page: Page) -> dict[str, Image.Image]:
    """What the model writes into the boxes; the last two symbols' stay empty."""
    if "omniglot-bending" not in weights.known_names():
        pytest.skip("no weights ship with this copy")
    return handwriting.written(page.symbols[:-2])


@pytest.fixture(scope="session")
def filled(blank: Image.Image, page: Page, written: dict[str, Image.Image]) -> Image.Image:
    return handwriting.fill(blank, page, {(symbol, 1): drawing for symbol, drawing in written.items()})


@pytest.fixture(scope="session")
def hand(filled: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `allograph read-sheet` makes of the filled page."""
    from allograph.typography.read_sheet import PageRead, read_sheets

    folder = tmp_path_factory.mktemp("hand")
    filled.save(folder / "scan.png")
    (result,) = read_sheets([folder / "scan.png"], folder / "symbols")
    assert isinstance(result, PageRead)
    return folder / "symbols"
