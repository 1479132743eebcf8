"""Omniglot, MNIST and folders of pictures as torch data sets, with the divisions that allograph uses everywhere.

A sample is (image, label): float32 (C, S, S) from 0 to 1, in which ink is 1 and paper 0 (folders of grey or colour
pictures keep their own tones), and the number of the class within the part. Downloads, caches and divisions are those
of `allograph.data.load_dataset`. Omniglot's parts share no symbol, so a class of one part is in no other. MNIST's parts
share the ten digits; the parts of a folder share its classes if it has fewer than ten.

    train = allograph.datasets.Omniglot("train", size=28, transform=allograph.Augment(p=0.3))
    loader = torch.utils.data.DataLoader(train, batch_size=64, shuffle=True, num_workers=2, persistent_workers=True)
"""

from __future__ import annotations

__all__ = ["MNIST", "ConceptImages", "Folder", "Omniglot", "Part"]

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from allograph.data import ConceptDataset, ImageKind, Splits, load_dataset, load_folder
from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError, Problem

Part = Literal["train", "validation", "test"]

_PARTS = ("train", "validation", "test")
_SIDES = range(1, 1025)


class ConceptImages(Dataset[tuple[Any, Any]]):
    """The drawings of a `ConceptDataset`, such as any of `allograph.data`, with the numbers of their concepts.

    Attributes:
        concepts: the data set below.
        size: side of the images in pixels.
        classes: the names of the concepts; a label is an index into them.
        targets: the label of every image, in the order of the images.

    Args:
        size: None means the size at which the drawings are stored, or the only one at which they may be seen.
        transform: called with each image tensor, such as `allograph.Augment` or a chain of torchvision's.
        target_transform: called with each label.

    Raises:
        AllographError: the data set is only seen at another size, or there is no such size.
    """

    def __init__(
        self,
        concepts: ConceptDataset,
        size: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.concepts = concepts
        self.size = (concepts.images.only_size or concepts.side) if size is None else size
        if self.size not in _SIDES:
            raise AllographError(f"cannot make images of {size} pixels; choose a size from {_SIDES[0]} to {_SIDES[-1]}")
        concepts.check_size(self.size)
        self.transform, self.target_transform = transform, target_transform

    @property
    def classes(self) -> tuple[str, ...]:
        return self.concepts.concept_names

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        return self.concepts.concept

    def __len__(self) -> int:
        return len(self.concepts)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Any, Any]]:
        """A batch of samples, made together, for a `DataLoader`."""
        chosen = np.asarray(indices, np.int64).reshape(-1)
        count = len(self)
        for index in chosen.tolist():
            if not -count <= index < count:
                raise IndexError(f"there is no image {index} among {count}")
        chosen = chosen % max(count, 1)
        images = self.concepts.drawings(chosen, self.size)
        image_of, label_of = self.transform or _same, self.target_transform or _same
        labels = self.targets[chosen].tolist()
        return [(image_of(image), label_of(label)) for image, label in zip(images, labels, strict=True)]

    def __repr__(self) -> str:
        about = f"{len(self)} images of {len(self.classes)} classes, {self.size} x {self.size}"
        return f"{type(self).__name__}({self.concepts.name!r}: {about})"


@final
class Omniglot(ConceptImages):
    """Drawings of handwritten symbols of 50 alphabets; labels are symbols.

    Args:
        part: of the division.
        split: the division, by alphabets (``30-20``, ``40-10``, ``45-5``), ``characters`` or ``all``;
            `allograph.data.split`.
        name: how the drawings are seen: ``omniglot`` at any size; ``omniglot-28`` or ``omniglot-52`` only at that size,
            as in the literature; see `allograph.data.load_omniglot`.
        data_dir: where the archives are or are downloaded to; None means ALLOGRAPH_DATA, otherwise the cache directory.
        size, transform, target_transform: see `ConceptImages`.

    Raises:
        AllographError: an argument is unknown, or the archives are missing and cannot be downloaded.
    """

    def __init__(
        self,
        part: Part = "train",
        *,
        split: str = "30-20",
        name: str = "omniglot",
        size: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        if name not in OMNIGLOTS:
            raise AllographError(f"there is no Omniglot called {name!r}: choose one of {', '.join(OMNIGLOTS)}")
        _check(part)
        super().__init__(_part(load_dataset(name, data_dir, split), part), size, transform, target_transform)


@final
class MNIST(ConceptImages):
    """Handwritten digits: 50,000 to train, 10,000 to validate, 10,000 to test; labels are digits; see `Omniglot`."""

    def __init__(
        self,
        part: Part = "train",
        *,
        size: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        _check(part)
        super().__init__(_part(load_dataset("mnist", data_dir), part), size, transform, target_transform)


@final
class Folder(ConceptImages):
    """ROOT/CLASS/*.png, or any other format that `allograph write` reads; labels are classes, sorted by name.

    Attributes:
        problems: pictures that cannot be used and classes without one; they are left out.

    Args:
        part: of the division that `allograph train` makes (`allograph.data.split_folder`), or ``all``.
        images: ``symbols``, ink on paper that is brought to the space of Omniglot's drawings; or unchanged pictures,
            ``grey`` or ``colour``.
        seed: of the division.
        size, transform, target_transform: see `ConceptImages`.

    Raises:
        AllographError: there is no such folder, no picture in it that can be used, or too few to divide.
    """

    def __init__(
        self,
        root: str | Path,
        part: Part | Literal["all"] = "all",
        *,
        images: ImageKind = "symbols",
        seed: int = 0,
        size: int | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        _check(part, (*_PARTS, "all"))
        root = Path(root).expanduser()
        self.problems: tuple[Problem, ...]
        if part == "all":
            folder = load_folder(root, images)
            concepts, self.problems = folder.dataset, folder.problems
        else:
            splits = load_dataset(root.resolve(), seed=seed, images=images)
            concepts, self.problems = _part(splits, part), splits.problems
        super().__init__(concepts, size, transform, target_transform)


def _same(value: Any) -> Any:
    return value


def _check(part: str, parts: Sequence[str] = _PARTS) -> None:
    if part not in parts:
        raise AllographError(f"there is no part {part!r}: choose one of {', '.join(parts)}")


def _part(splits: Splits, part: str) -> ConceptDataset:
    return getattr(splits, part)
