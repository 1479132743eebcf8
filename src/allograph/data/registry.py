"""Loads a data set by name."""

from __future__ import annotations

__all__ = ["DATASETS", "load_dataset"]

import difflib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from allograph.data.archives import load_notmnist, load_umist
from allograph.data.burda import load_burda
from allograph.data.folders import ImageKind, load_folder, split_folder
from allograph.data.mnist import load_mnist
from allograph.data.omniglot import OMNIGLOTS, load_omniglot
from allograph.data.splits import Splits
from allograph.data.splits import split as split_omniglot
from allograph.data.static_mnist import load_static_mnist
from allograph.data.strokes import SYMBOLS_PER_FAMILY, stroke_concepts
from allograph.data.two_digits import load_multi_mnist
from allograph.errors import AllographError

DATASETS = (
    *OMNIGLOTS,
    "omniglot-burda",
    "mnist",
    "mnist-static",
    "multi-mnist",
    "multi-mnist-64",
    "umist",
    "notmnist",
    "strokes",
)

_STROKE_FAMILIES = 20
_STROKE_DRAWINGS = 20
_STROKE_FAMILIES_HELD_OUT = 2


def load_dataset(
    name_or_folder: str | Path,
    data_dir: str | Path | None = None,
    split: str = "30-20",
    seed: int = 0,
    images: ImageKind = "symbols",
) -> Splits:
    """The training, validation and test parts of a known data set, or of a folder ROOT/CLASS/*.png.

    `data_dir` is the folder of published files (`allograph.data.files`). "omniglot", "omniglot-28" and "omniglot-52"
    are divided by `split` (`allograph.data.splits`); each other published set has one split. "strokes" (400 symbols of
    20 scripts, 20 drawings each) are made from `seed` and divided by script; the training pictures of "multi-mnist" and
    "multi-mnist-64" are made from `seed`. A folder's images are read as `images` says and divided by `seed`
    (`allograph.data.folders`); write "./NAME" for a folder named like a data set.

    Raises AllographError if there is neither such a data set nor such a folder, and as the loaders do.
    """
    match name_or_folder:
        case "omniglot" | "omniglot-28" | "omniglot-52":
            return split_omniglot(load_omniglot(data_dir, name_or_folder), split)
        case "omniglot-burda":
            return load_burda(data_dir)
        case "mnist":
            return load_mnist(data_dir)
        case "mnist-static":
            return load_static_mnist(data_dir)
        case "multi-mnist" | "multi-mnist-64":
            return load_multi_mnist(data_dir, seed, name_or_folder)
        case "umist":
            return load_umist(data_dir)
        case "notmnist":
            return load_notmnist(data_dir)
        case "strokes":
            return _stroke_splits(seed)
    root = Path(name_or_folder).expanduser()
    if not root.exists():
        nearest = max(DATASETS, key=partial(_likeness, str(name_or_folder)))
        close = _likeness(str(name_or_folder), nearest) >= 0.5
        remedy = f"did you mean '{nearest}'? Otherwise" if close else f"known are {', '.join(DATASETS)}; or"
        raise AllographError(
            f"there is no data set or folder '{name_or_folder}'; {remedy} name a folder that holds CLASS/*.png"
        )
    folder = load_folder(root, images)
    return replace(split_folder(folder.dataset, seed), problems=folder.problems, images=images)


def _likeness(one: str, other: str) -> float:
    """How similar two names are, 0 to 1, whatever the order of their words."""
    spellings = ([name.lower(), "-".join(sorted(name.lower().split("-")))] for name in (one, other))
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in zip(*spellings, strict=True))


def _stroke_splits(seed: int) -> Splits:
    strokes = stroke_concepts(_STROKE_FAMILIES * SYMBOLS_PER_FAMILY, _STROKE_DRAWINGS, seed)
    test_from = strokes.concepts - _STROKE_FAMILIES_HELD_OUT * SYMBOLS_PER_FAMILY
    validation_from = test_from - _STROKE_FAMILIES_HELD_OUT * SYMBOLS_PER_FAMILY
    parts = np.split(np.arange(strokes.concepts), [validation_from, test_from])
    train, validation, test = (strokes.select(part) for part in parts)
    return Splits(train, validation, test)
