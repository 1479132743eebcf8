"""A data set by name."""

from __future__ import annotations

__all__ = ["DATASETS", "load_dataset"]

from dataclasses import replace
from pathlib import Path

import numpy as np

from allograph.data.folders import load_folder, split_folder
from allograph.data.omniglot import load_omniglot
from allograph.data.splits import Splits
from allograph.data.splits import split as split_omniglot
from allograph.data.strokes import SYMBOLS_PER_FAMILY, stroke_concepts
from allograph.errors import AllographError

DATASETS = ("omniglot", "strokes")

_STROKE_FAMILIES = 20
_STROKE_DRAWINGS = 20
_STROKE_FAMILIES_HELD_OUT = 2


def load_dataset(
    name_or_folder: str | Path, data_dir: str | Path | None = None, split: str = "30-20", seed: int = 0
) -> Splits:
    """The training, validation and test parts of "omniglot", of "strokes", or of a folder ROOT/CLASS/*.png.

    `data_dir` is where Omniglot's archives are or go, `split` how it is divided (`allograph.data.splits`). "strokes"
    (400 symbols of 20 scripts, 20 drawings each) are made from `seed` and divided by script; a folder is divided by
    `seed` (`allograph.data.folders`). A folder named like a data set is meant by "./NAME".

    Raises AllographError when there is neither such a data set nor such a folder, and as the loaders do.
    """
    if name_or_folder == "omniglot":
        return split_omniglot(load_omniglot(data_dir), split)
    if name_or_folder == "strokes":
        return _stroke_splits(seed)
    root = Path(name_or_folder).expanduser()
    if not root.exists():
        raise AllographError(
            f"there is no data set and no folder '{name_or_folder}': give {' or '.join(DATASETS)}, or a folder that "
            "holds CLASS/*.png"
        )
    folder = load_folder(root)
    return replace(split_folder(folder.dataset, seed), problems=folder.problems)


def _stroke_splits(seed: int) -> Splits:
    strokes = stroke_concepts(_STROKE_FAMILIES * SYMBOLS_PER_FAMILY, _STROKE_DRAWINGS, seed)
    test_from = strokes.concepts - _STROKE_FAMILIES_HELD_OUT * SYMBOLS_PER_FAMILY
    validation_from = test_from - _STROKE_FAMILIES_HELD_OUT * SYMBOLS_PER_FAMILY
    parts = np.split(np.arange(strokes.concepts), [validation_from, test_from])
    train, validation, test = (strokes.select(part) for part in parts)
    return Splits(train, validation, test)
