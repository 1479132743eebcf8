"""The files of one exemplar's drawings, and how they are put in place."""

from __future__ import annotations

__all__ = ["Places", "Written", "move", "refusal", "save_png"]

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from allograph.errors import AllographError
from allograph.imaging import ENDINGS, DrawingFormat, ending_of
from allograph.runtime.files import atomic_write, explain_os_error, png


@dataclass(frozen=True)
class Written:
    """What was made from one image or from nothing.

    Attributes:
        image: the exemplar's file, if any.
        drawings, sheet, animation: the files made.
        on_sheet: number of drawings on the sheet, the first ones.
        model_seconds: time that the model took for all drawings.
        notes: notes for the user, one line each.
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


def refusal(
    places: Places, inputs: set[Path], *, overwrite: bool, earlier: tuple[Path, Places] | None = None
) -> str | None:
    """Why the results of an image may not go to their paths, or None."""
    if earlier is not None:
        return f"{earlier[0]} has the same name, so their results would collide; rename one"
    existing = places.existing()
    own = [path for path in existing if path.resolve() in inputs]
    if own:
        return f"its results would replace the exemplar {own[0]}; choose another folder with -o"
    if obstacle := places.obstacle():
        return f"{obstacle}; move it away or choose another folder with -o"
    if existing and not overwrite:
        return f"{existing[0]} exists already; choose another folder with -o, or add --overwrite"
    return None


def move(made: Places, places: Places, n: int, *, animation: bool = False, overwrite: bool = False) -> None:
    """Move the n finished drawings of one stem, with their sheet and animation, to their final paths.

    No file of an earlier call disappears before its successor is there: a job that is killed here leaves files of two
    calls, not none. Without `overwrite` nothing is replaced, not even files made since the job started.
    """
    numbers = range(1, n + 1)
    pairs = [(made.drawing(number), places.drawing(number)) for number in numbers] + [(made.sheet, places.sheet)]
    pairs += [(made.animation, places.animation)] if animation else []
    new = {target for _, target in pairs}
    try:
        if reason := refusal(places, set(), overwrite=overwrite):
            raise AllographError(reason)
        try:
            places.folder.mkdir(exist_ok=True)
            for source, target in pairs:
                source.replace(target)
        except BaseException:
            if not overwrite:  # any file there now was moved here
                for source, target in pairs:
                    if not source.exists():
                        target.unlink(missing_ok=True)
            with suppress(OSError):
                places.folder.rmdir()
            raise
        for path in places.existing():
            if path not in new:
                path.unlink()
    except OSError as error:
        raise explain_os_error(error, f"cannot write {error.filename2 or error.filename or places.folder}") from error


def save_png(picture: Image.Image, path: Path, *, runs: bool = False) -> None:
    """Write a picture completely or not at all; for `runs` see `png`."""
    atomic_write(path, png(picture, runs=runs))
