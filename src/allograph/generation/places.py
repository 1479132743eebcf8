"""Where the drawings of one exemplar lie, and writing them there."""

from __future__ import annotations

__all__ = ["Places", "Written", "save_png"]

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from allograph.imaging import ENDINGS, DrawingFormat, ending_of
from allograph.runtime.files import atomic_write, png


@dataclass(frozen=True)
class Written:
    """What was made from one image or from nothing.

    Attributes:
        image: the exemplar's file, if any.
        drawings, sheet, animation: the files made.
        on_sheet: number of drawings on the sheet, the first ones.
        model_seconds: time that the model took for all drawings.
        notes: what whoever handed in the image should know, one line each.
    """

    image: Path | None
    drawings: tuple[Path, ...]
    sheet: Path
    animation: Path | None
    on_sheet: int
    model_seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """The paths of the results of one stem."""

    folder: Path
    sheet: Path
    animation: Path
    ending: str

    @classmethod
    def of(cls, stem: str, output: Path, format: DrawingFormat) -> Places:
        return cls(output / stem, output / f"{stem}.png", output / f"{stem}.webp", ending_of(format))

    def drawing(self, number: int) -> Path:
        return self.folder / f"{self.folder.name}-{number:03d}{self.ending}"

    def existing(self) -> list[Path]:
        """The results of an earlier call with any number of drawings, in order."""
        pattern = re.compile(rf"{re.escape(self.folder.name)}-\d{{3,}}({ENDINGS})")
        drawings = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        found = [path for path in drawings if pattern.fullmatch(path.name)]
        return [*found, *(path for path in (self.sheet, self.animation) if path.exists())]

    def obstacle(self) -> str | None:
        """Something in the way that cannot be replaced: a file where a folder should be, or a folder for a file."""
        if self.folder.exists() and not self.folder.is_dir():
            return f"{self.folder} is a file, but should be the folder of its drawings"
        folders = (path for path in self.existing() if path.is_dir())
        return next((f"{path} is a folder, but should be a picture" for path in folders), None)


def save_png(picture: Image.Image, path: Path, *, runs: bool = False) -> None:
    """Write a picture completely or not at all; for `runs` see `png`."""
    atomic_write(path, png(picture, runs=runs))
