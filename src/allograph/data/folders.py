"""Any folder of images as a data set: ROOT/CLASS/*.png, one concept for each class."""

from __future__ import annotations

__all__ = [
    "Folder",
    "ImageKind",
    "class_images",
    "left_out",
    "load_folder",
    "loose_images",
    "passed_over",
    "split_folder",
]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.pictures import Pictures
from allograph.data.splits import Splits
from allograph.errors import AllographError, Problem
from allograph.imaging.area_average import area_average
from allograph.imaging.picture_files import IMAGE_SUFFIXES
from allograph.runtime.files import explain_os_error

ImageKind = Literal["symbols", "grey", "colour"]

_SIDE = 105
# Largest side of stored pictures: twice the size at which models of this family are trained.
_LARGEST = 128
# With at least this many concepts, whole concepts are held out; with fewer, drawings.
_MANY_CONCEPTS = 10
_HELD_OUT = 0.1
# A pair needs two drawings in each of the three parts.
_DRAWINGS_TO_DIVIDE = 6


@dataclass(frozen=True)
class Folder:
    """The content of a folder: the data set of all readable images, the unreadable ones, and files that are not
    images."""

    dataset: ConceptDataset
    problems: tuple[Problem, ...]
    passed_over: tuple[Path, ...] = ()


def load_folder(root: str | Path, images: ImageKind = "symbols") -> Folder:
    """Read ROOT/CLASS/*.png, or of any other format that `allograph write` reads, of any size.

    "symbols", of any colour and polarity: every image is brought to the space of Omniglot's drawings, 105 pixels
    square, as by `allograph write` (`allograph.imaging.preprocess`). "grey", "colour": every image is the middle square
    of a picture, on white where it is transparent, with eight bits for each channel; all are averaged or enlarged to
    the side of the largest, at most 128 pixels.

    Classes and files are read in the order of their names. Other files and deeper folders are skipped and named
    (`passed_over`), hidden ones skipped silently. Drawers are unknown, so every image has its own. Unusable images and
    classes without images are left out and reported.

    Raises AllographError if there is no folder, no class folder in it, or no usable image.
    """
    root = Path(root)
    take = _symbol if images == "symbols" else partial(_picture, channels=1 if images == "grey" else 3)
    problems: list[Problem] = []
    drawings: list[npt.NDArray[np.uint8]] = []
    concept: list[int] = []
    names: list[str] = []
    for name, paths in class_images(root).items():
        taken = []
        for path in paths:
            try:
                taken.append(take(path))
            except AllographError as error:
                problems.append(Problem(path, str(error)))
        if not paths:
            problems.append(Problem(root / name, f"{root / name} holds no image: it is left out"))
        if taken:
            concept += [len(names)] * len(taken)
            names.append(name)
            drawings += taken
    if not drawings:
        raise AllographError(f"{root} has no usable image: {problems[0].message}")
    dataset = ConceptDataset(
        name=root.resolve().name,
        images=PackedBitmaps(np.stack(drawings), _SIDE) if images == "symbols" else _pictures(drawings),
        concept=np.array(concept),
        drawer=np.arange(len(drawings)),
        concept_names=tuple(names),
        family_names=(root.resolve().name,),
        family=np.zeros(len(names), dtype=np.int64),
    )
    return Folder(dataset, tuple(problems), tuple(passed_over(root)))


def _symbol(path: Path) -> npt.NDArray[np.uint8]:
    """A packed bitmap."""
    from allograph.imaging.preprocessing import preprocess

    return np.packbits(preprocess(path, _SIDE).drawing >= 0.5)


def _picture(path: Path, channels: int) -> npt.NDArray[np.uint8]:
    """A picture (C, s, s), s at most `_LARGEST`."""
    from allograph.imaging.decoding import decode_picture
    from allograph.imaging.pictures import square

    picture = square(decode_picture(path).picture, channels)
    pixels = np.array(picture, dtype=np.uint8).reshape(picture.height, picture.width, channels).transpose(2, 0, 1)
    return _averaged(pixels, min(picture.width, _LARGEST))


def _pictures(pictures: list[npt.NDArray[np.uint8]]) -> Pictures:
    side = max(picture.shape[-1] for picture in pictures)
    return Pictures(np.stack([_averaged(picture, side) for picture in pictures]))


def _averaged(picture: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    return picture if picture.shape[-1] == side else area_average(picture, side).round().byte().numpy()


def class_images(root: Path) -> dict[str, list[Path]]:
    """The image files of every class folder in `root`, classes and files sorted by name; none may be readable.

    Raises AllographError when there is no such folder or no class in it.
    """
    try:
        entries = sorted(root.iterdir())
        classes = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        images = {folder.name: [path for path in sorted(folder.iterdir()) if _is_image(path)] for folder in classes}
    except FileNotFoundError as error:
        raise AllographError(f"there is no folder {root}: name one that holds CLASS/*.png") from error
    except NotADirectoryError as error:
        raise AllographError(f"{root} is a file: name the folder that holds CLASS/*.png") from error
    except OSError as error:
        raise explain_os_error(error, f"cannot read {error.filename or root}") from error
    if not classes:
        loose = sum(_is_image(entry) for entry in entries)
        found = f"{loose} images, but no class folder" if loose else "no class folder"
        raise AllographError(f"{root} holds {found}: put each class's images into a folder of its own, CLASS/*.png")
    if not any(images.values()) and (parts := [folder for folder in classes if _holds_classes(folder)]):
        names = " or ".join(str(part) for part in parts[:3])
        raise AllographError(f"{root} holds no images but folders of class folders: name one of them, {names}")
    return images


def _holds_classes(folder: Path) -> bool:
    """Whether images lie in folders inside this one, as in train/CLASS/*.png."""
    try:
        return any(_is_image(path) for inner in folder.iterdir() if inner.is_dir() for path in inner.iterdir())
    except OSError:
        return False


def passed_over(root: Path) -> list[Path]:
    """Everything in the class folders of `root` that is not an image, sorted: other files and deeper folders, none
    hidden."""
    try:
        classes = [entry for entry in sorted(root.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
        inside = [path for folder in classes for path in sorted(folder.iterdir())]
    except OSError:  # reported when the images were read
        return []
    return [path for path in inside if not path.name.startswith(".") and not _is_image(path)]


def left_out(paths: Sequence[Path]) -> str:
    """One line that counts the skipped files and names the first few."""
    count = len(paths)
    named = ", ".join(str(path) for path in paths[:5]) + (", ..." if count > 5 else "")
    what = "file is not a picture and was" if count == 1 else "files are not pictures and were"
    return f"{count} {what} left out: {named}"


def loose_images(root: Path) -> list[Path]:
    """The image files in `root` itself, sorted by name; none may be readable.

    Raises AllographError when there is no such folder.
    """
    try:
        return [path for path in sorted(root.iterdir()) if _is_image(path)]
    except FileNotFoundError as error:
        raise AllographError(f"there is no folder {root}: name one that holds images") from error
    except NotADirectoryError as error:
        raise AllographError(f"{root} is a file: name the folder that holds the images") from error
    except OSError as error:
        raise explain_os_error(error, f"cannot read {error.filename or root}") from error


def split_folder(dataset: ConceptDataset, seed: int = 0) -> Splits:
    """Hold out a tenth for validation and a tenth for test, chosen by `seed`.

    With ten or more concepts of at least two drawings, concepts are held out, and the three parts share none. With
    fewer, a tenth (at least two) of the drawings of every concept with six or more is held out: the parts then share
    concepts but no drawing.

    Raises AllographError if no concept has six drawings.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, 0]))
    counts = dataset.drawings_per_concept
    pairable = np.flatnonzero(counts >= 2)
    if len(pairable) >= _MANY_CONCEPTS:
        share = round(_HELD_OUT * len(pairable))
        shuffled = random.permutation(pairable)
        validation, test = np.sort(shuffled[:share]), np.sort(shuffled[share : 2 * share])
        rest = np.setdiff1d(np.arange(dataset.concepts), shuffled[: 2 * share])
        return Splits(dataset.select(rest), dataset.select(validation), dataset.select(test))
    if counts.max(initial=0) < _DRAWINGS_TO_DIVIDE:
        raise AllographError(
            f"'{dataset.name}' is too small to hold out a validation part: it needs {_MANY_CONCEPTS} classes of two "
            f"images, or one class of {_DRAWINGS_TO_DIVIDE}; add images"
        )
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for concept in range(dataset.concepts):
        images = random.permutation(dataset.images_of(concept)).tolist()
        share = max(2, round(_HELD_OUT * len(images))) if len(images) >= _DRAWINGS_TO_DIVIDE else 0
        for part, chosen in zip(parts, (images[2 * share :], images[:share], images[share : 2 * share]), strict=True):
            part.extend(chosen)
    train, validation, test = (dataset.select_drawings(sorted(part)) for part in parts)
    return Splits(train, validation, test)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
