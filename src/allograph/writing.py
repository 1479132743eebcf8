"""The job `allograph write`: image files in, for each a folder of new drawings, a contact sheet and an animation out.

For an image STEM.png and the output folder DIR

    DIR/STEM/STEM-001.png ...   the drawings
    DIR/STEM.png                the contact sheet, the exemplar first
    DIR/STEM.webp               the canvases growing step by step, if asked for

An image's files appear all together or not at all: they are made in a hidden folder inside DIR and moved when the
last is complete. What goes wrong with one image is reported and the next one is done; where nothing can be written at
all, the job ends.
"""

from __future__ import annotations

__all__ = ["Order", "Written", "save_png", "write_files"]

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from allograph.data.splits import Problem
from allograph.errors import AllographError
from allograph.imaging import animate, atomic_write, contact_sheet, render, take_in
from allograph.imaging.files import explain_os_error
from allograph.writer import Block, Ink, Writer

if TYPE_CHECKING:
    from PIL import Image

    from allograph.imaging import Exemplar

_ON_SHEET = 640
"""Larger drawings are scaled to this side, pixels, before they go on the contact sheet."""


@dataclass(frozen=True)
class Order:
    """What to write for every image; see `Writer.write` for the first five."""

    n: int = 16
    seed: int = 0
    temperature: float | None = None
    size: int | None = None
    ink: Ink = "auto"
    animate: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Written:
    """What became of one image.

    Attributes:
        image: the exemplar's file.
        drawings, sheet, animation: the files made.
        model_seconds: time that the model took for all drawings.
    """

    image: Path
    drawings: tuple[Path, ...]
    sheet: Path
    animation: Path | None
    model_seconds: float


@dataclass(frozen=True)
class Places:
    """Where the results of one image go."""

    folder: Path
    sheet: Path
    animation: Path

    @classmethod
    def of(cls, image: Path, output: Path) -> Places:
        return cls(output / image.stem, output / f"{image.stem}.png", output / f"{image.stem}.webp")

    def drawing(self, number: int) -> Path:
        return self.folder / f"{self.folder.name}-{number:03d}.png"

    def existing(self) -> list[Path]:
        """The results of an earlier call, of any number of drawings, in order."""
        pattern = re.compile(re.escape(self.folder.name) + r"-\d{3,}\.png")
        drawings = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        found = [path for path in drawings if pattern.fullmatch(path.name)]
        return [*found, *(path for path in (self.sheet, self.animation) if path.exists())]


def write_files(writer: Writer, images: Sequence[Path], output: Path, order: Order) -> Iterator[Written | Problem]:
    """Write new drawings for every image, yielding for each what was made or what was wrong with it.

    Files that exist are refused before anything is computed, unless `order.overwrite`; an input is never overwritten.

    Raises:
        AllographError: the order makes no sense, or nothing can be written under `output`.
    """
    writer.check(order.n, order.temperature, order.size)
    planned, problems = _plan(images, output, order)
    yield from problems
    for image, places in planned:
        try:
            exemplar = take_in(image, writer.model.config.image_size, order.ink)
        except AllographError as error:
            yield Problem(image, str(error))
            continue
        yield _write_one(writer, image, exemplar, places, order)


def _plan(images: Sequence[Path], output: Path, order: Order) -> tuple[list[tuple[Path, Places]], list[Problem]]:
    """Which images to do, and those whose results would meet another's, an earlier call's or an input."""
    planned: dict[str, tuple[Path, Places]] = {}
    problems: list[Problem] = []
    inputs = {path.resolve() for path in images}
    for image in images:
        places = Places.of(image, output)
        earlier = planned.get(image.stem)
        existing = places.existing()
        own = [path for path in existing if path.resolve() in inputs]
        if earlier is not None:
            message = f"{image}: {earlier[0]} has the same name, so their results would meet; rename one"
            problems.append(Problem(image, message))
        elif own:
            message = f"{image}: its results would replace the exemplar {own[0]}; choose another folder with -o"
            problems.append(Problem(image, message))
        elif existing and not order.overwrite:
            message = f"{image}: {existing[0]} exists already; choose another folder with -o, or add --overwrite"
            problems.append(Problem(image, message))
        else:
            planned[image.stem] = image, places
    return list(planned.values()), problems


def _write_one(writer: Writer, image: Path, exemplar: Exemplar, places: Places, order: Order) -> Written:
    """Make all files of one image beside their place, then move them there."""
    old = places.existing()
    with _staging(places.sheet.parent) as staging:
        made = Places.of(image, staging)
        shown: list[Image.Image] = []
        seconds = 0.0
        for block in writer.blocks(
            exemplar, order.n, seed=order.seed, temperature=order.temperature, history=order.animate
        ):
            if order.animate and not shown:
                _animate(made.animation, exemplar, block)
            seconds += block.seconds
            for logits in block.logits:
                drawing = render(logits, exemplar.appearance, order.size)
                save_png(drawing, made.drawing(len(shown) + 1))
                drawing.thumbnail((_ON_SHEET, _ON_SHEET))
                shown.append(drawing)
        save_png(contact_sheet(exemplar, shown), made.sheet)
        try:
            places.folder.mkdir(exist_ok=True)
            for path in old:
                path.unlink()
            for number in range(1, order.n + 1):
                made.drawing(number).replace(places.drawing(number))
            made.sheet.replace(places.sheet)
            if order.animate:
                made.animation.replace(places.animation)
        except OSError as error:
            raise explain_os_error(error, f"cannot write {places.folder}") from error
    return Written(
        image=image,
        drawings=tuple(places.drawing(number) for number in range(1, order.n + 1)),
        sheet=places.sheet,
        animation=places.animation if order.animate else None,
        model_seconds=seconds,
    )


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """A hidden folder inside `output`, on the same disk therefore, that is gone at the end, Ctrl-C included."""
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".allograph-", dir=output))
    except OSError as error:
        raise explain_os_error(error, f"cannot write {output}") from error
    complete = False
    try:
        yield staging
        complete = True
    except AllographError as error:  # nobody wants to know of the hidden folder
        raise AllographError(str(error).replace(str(staging), str(output))) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in made if not complete else ():  # innermost first; those that hold something by now stay
            with suppress(OSError):
                folder.rmdir()


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a picture, completely or not at all."""
    atomic_write(path, lambda file: picture.save(file, format="PNG"))


def _animate(path: Path, exemplar: Exemplar, block: Block) -> None:
    """An animation of the first block at most: more drawings at once cannot be followed by eye."""
    animate(path, exemplar, block.canvases, block.write_windows, block.read_windows)
