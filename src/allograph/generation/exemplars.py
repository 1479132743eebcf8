"""Some symbols of an alphabet, read from the folder of `allograph invent --like`."""

from __future__ import annotations

__all__ = ["read_alphabet"]

from pathlib import Path
from typing import TYPE_CHECKING

from allograph.data.folders import class_images, loose_images
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer
    from allograph.imaging import Exemplar


def read_alphabet(writer: Writer, folder: Path, ink: Ink = "auto") -> tuple[dict[Path, Exemplar], list[Problem]]:
    """The symbols of an alphabet in FOLDER/*.png (or, without such files, the first image of each class in
    FOLDER/CLASS/), and what could not be read.

    Raises:
        AllographError: the model has not learned from symbols of an alphabet, there is no such folder, or it has no
            usable image.
    """
    writer.check_like(ink)
    paths = loose_images(folder)
    if not paths:
        try:
            paths = [images[0] for images in class_images(folder).values() if images]
        except AllographError:
            raise AllographError(f"{folder} holds no image: put some symbols of an alphabet into it") from None
    taken: dict[Path, Exemplar] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            taken[path] = writer.space.preprocess(path, ink)
        except AllographError as error:
            problems.append(Problem(path, str(error)))
    if not taken:
        raise AllographError(f"{folder} has no usable image{f': {problems[0].message}' if problems else ''}")
    return taken, problems
