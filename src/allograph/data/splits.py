"""The splits of Omniglot into training, validation and test characters.

Every list is fixed here by name. Validation characters always come from the training part, so that no choice is ever
made on test characters.
"""

from __future__ import annotations

__all__ = ["SPLITS", "Splits", "split"]

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from allograph.data.concepts import ConceptDataset
from allograph.data.omniglot import BACKGROUND_ALPHABETS
from allograph.errors import AllographError, Problem

SPLITS = ("30-20", "40-10", "45-5", "characters")
"""The splits to measure with; "all", which has no test part, is for weights that are not measured on Omniglot."""

_ALPHABETS = 50

# Medium-sized (29, 34 and 33 characters), one angular, one round, one of both kinds, none with a close relative
# among the other background alphabets, as Greek, Latin and Cyrillic have. The same in all splits by alphabet.
_VALIDATION_ALPHABETS = ("Anglo-Saxon_Futhorc", "Burmese_(Myanmar)", "N_Ko")

# Every second and every fourth evaluation alphabet in alphabetical order: test sets of the smaller splits are part of
# those of the larger ones, and no official background alphabet is ever tested on.
_TEST_ALPHABETS = {
    "40-10": (
        "Atemayar_Qelisayer",
        "Aurek-Besh",
        "Ge_ez",
        "Gurmukhi",
        "Keble",
        "Manipuri",
        "Old_Church_Slavonic_(Cyrillic)",
        "Sylheti",
        "Tengwar",
        "ULOG",
    ),
    "45-5": ("Aurek-Besh", "Gurmukhi", "Manipuri", "Sylheti", "ULOG"),
}


@dataclass(frozen=True)
class Splits:
    """Three data sets that share no concept or, if all have the same concepts (digits, letters, the classes of a small
    folder), no image.

    images: kind of the images, one of `allograph.imaging.spaces.IMAGES`: "symbols" and "digits" (ink on paper, placed
    as in Omniglot and in MNIST), "grey" or "colour" pictures. problems: what could not be read.
    """

    train: ConceptDataset
    validation: ConceptDataset
    test: ConceptDataset
    problems: tuple[Problem, ...] = ()
    images: str = "symbols"


def split(omniglot: ConceptDataset, name: str = "30-20") -> Splits:
    """Divide Omniglot by alphabets or by characters.

    - "30-20": the 30 background alphabets, three of them for validation; test on the 20 evaluation alphabets.
    - "40-10", "45-5": test on 10 or 5 of the evaluation alphabets; the same three for validation.
    - "characters": three characters of each of the 50 alphabets are for test and two for validation, at even distances:
      of n characters, those at n (2k + 1) / 6, k = 0, 1, 2, and at n / 3 and 2 n / 3.
    - "all": no test part. Four characters of each alphabet that "30-20" does not train on are for validation, those at
      n (2k + 1) / 8, k = 0 to 3; all others are for training. So weights of the 30-20 split, trained further on this
      one, have not seen the validation part either.

    Raises AllographError if there is no such split, or if `omniglot` does not have all 50 alphabets.
    """
    if len(omniglot.family_names) != _ALPHABETS:
        raise AllographError(
            f"Omniglot has {_ALPHABETS} alphabets, but these archives {len(omniglot.family_names)}: use the official "
            "images_background.zip and images_evaluation.zip"
        )
    if name == "characters":
        return _split_characters(omniglot)
    if name == "all":
        return _split_all(omniglot)
    if name == "30-20":
        test = omniglot.family_names[BACKGROUND_ALPHABETS:]
    elif name in _TEST_ALPHABETS:
        test = _TEST_ALPHABETS[name]
    else:
        raise AllographError(f"there is no split '{name}' of Omniglot: choose one of {', '.join((*SPLITS, 'all'))}")
    held_out = {*test, *_VALIDATION_ALPHABETS}
    return Splits(
        train=_of_families(omniglot, set(omniglot.family_names) - held_out),
        validation=_of_families(omniglot, _VALIDATION_ALPHABETS),
        test=_of_families(omniglot, test),
    )


def _of_families(dataset: ConceptDataset, names: Collection[str]) -> ConceptDataset:
    families = [index for index, name in enumerate(dataset.family_names) if name in names]
    return dataset.select(np.flatnonzero(np.isin(dataset.family, families)))


def _split_characters(dataset: ConceptDataset) -> Splits:
    validation: list[int] = []
    test: list[int] = []
    for family in range(len(dataset.family_names)):
        characters = np.flatnonzero(dataset.family == family)
        n = len(characters)
        test += characters[[n * (2 * k + 1) // 6 for k in range(3)]].tolist()
        validation += characters[[n // 3, 2 * n // 3]].tolist()
    rest = np.setdiff1d(np.arange(dataset.concepts), validation + test)
    return Splits(dataset.select(rest), dataset.select(validation), dataset.select(test))


def _split_all(dataset: ConceptDataset) -> Splits:
    background = set(split(dataset, "30-20").train.family_names)
    validation: list[int] = []
    for family, name in enumerate(dataset.family_names):
        if name not in background:
            characters = np.flatnonzero(dataset.family == family)
            validation += characters[[len(characters) * (2 * k + 1) // 8 for k in range(4)]].tolist()
    rest = np.setdiff1d(np.arange(dataset.concepts), validation)
    return Splits(dataset.select(rest), dataset.select(validation), dataset.select([]))
