"""The job `allograph recognise`: the classes of a folder, and what each picture shows."""

from __future__ import annotations

__all__ = ["learn_folder"]

from collections.abc import Callable
from pathlib import Path

from allograph.data.folders import class_images, loose_images
from allograph.errors import AllographError, Problem
from allograph.recognition.recogniser import Look, Recogniser, look


def learn_folder(
    recogniser: Recogniser, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Problem]:
    """Fit the recogniser to FOLDER/CLASS/*.png, or FOLDER/CLASS.png, and return what could not be used.

    Raises:
        AllographError: there is no such folder, or it has no usable drawing.
    """
    classes = _classes(folder)
    problems = [
        Problem(folder / name, f"{folder / name} holds no image: it is left out")
        for name, paths in classes.items()
        if not paths
    ]
    looks: list[Look] = []
    labels: list[str] = []
    files = [(name, path) for name, paths in classes.items() for path in paths]
    for done, (name, path) in enumerate(files):
        progress(done, len(files))
        try:
            looks.append(look(path, recogniser.ink))
        except AllographError as error:
            problems.append(Problem(path, str(error)))
            continue
        labels.append(name)
    progress(len(files), len(files))
    if not looks:
        raise AllographError(f"{folder} has no usable drawing{f': {problems[0].message}' if problems else ''}")
    recogniser.fit_looks(looks, labels)
    return problems


def _classes(folder: Path) -> dict[str, list[Path]]:
    """The files of every class: those of its folder, and a file beside such folders that has the name of the class."""
    classes: dict[str, list[Path]] = {}
    for path in loose_images(folder):
        classes.setdefault(path.stem, []).append(path)
    folders = any(entry.is_dir() and not entry.name.startswith(".") for entry in folder.iterdir())
    inside = class_images(folder) if folders or not classes else {}
    for name, paths in inside.items():
        classes.setdefault(name, []).extend(paths)
    return classes
