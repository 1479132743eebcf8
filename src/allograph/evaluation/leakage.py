"""The part of a data set that a model may be measured on, without anything that it was trained on."""

from __future__ import annotations

__all__ = ["HeldOut", "Part", "check_lake_runs", "default_data", "held_out_part"]

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.card import ModelCard, TrainedOn
    from allograph.data import ConceptDataset, ImageKind

Part = Literal["training", "validation", "test"]
"""The training part is measured only to say how much worse the other parts are."""

_SEEN_SHARE = 0.01
"""From this share of known images on, a part counts as trained on: any two sets have a few equal drawings."""

_BURDA = "omniglot-burda"
"""Shows the drawings of all other Omniglots, by other pixels: no sketch recognises them."""

_DIGITS = ("mnist", "mnist-static", "multi-mnist", "multi-mnist-64")
"""Data sets made of the same digits, with the same test part; only mnist-static has another training part."""


def default_data(card: ModelCard) -> str:
    """The data set as which a model sees Omniglot: as in its training, otherwise ``omniglot``."""
    return card.data.name if card.data.name in OMNIGLOTS else "omniglot"


@dataclass(frozen=True)
class HeldOut:
    """The data to measure on.

    Attributes:
        dataset: the part.
        split: the split of the data, if there is a choice; otherwise empty.
        problems: what could not be read.
    """

    dataset: ConceptDataset
    split: str
    problems: tuple[Problem, ...]


def held_out_part(
    card: ModelCard, data: str, part: Part, *, split: str | None = None, data_dir: str | None = None
) -> HeldOut:
    """The ``part`` of ``data`` (a known name or a folder) for the model with this card.

    A folder's images are read like those of the training. Data that the model was trained on are divided as in its
    training; otherwise ``split`` divides Omniglot (None: 30-20). Three things decide whether the model may have seen
    the part, in its last training or in those of its first weights: equal names and fingerprints of training parts,
    which ensure that it has not; equal drawings under another known name; and the sketch of the training images on the
    card, which recognises them in renamed and copied folders. The training part is available only for the training's
    data.

    Raises:
        AllographError: the model was trained on some of these images, or may have been; it was not trained on the data
            whose training part is wanted; a ``split`` of data that have only one, or one without this part.
    """
    from allograph.data.registry import DATASETS, load_dataset

    trainings = card.trainings
    name = data if data in DATASETS else Path(data).expanduser().resolve().name
    divided = data in OMNIGLOTS
    if divided:
        split = _split_of(name, trainings, split)
    elif split is not None:
        raise AllographError(f"'{data}' has only one split: leave out --split, which is for Omniglot")
    if data in DATASETS:
        _check_digits(name, trainings, part)
        _check_burda(name, trainings)

    same = [training for training in trainings if training.name == name]
    # The seed of the training decided which concepts of a folder were held out, and which strokes were made.
    seed = same[0].seed if same else 0
    splits = load_dataset(data, data_dir, split or "30-20", seed, _folder_images(card))
    fingerprint = splits.train.fingerprint() if same else ""
    known = [training for training in same if training.fingerprint == fingerprint]
    # A drawing that is also in the training part of a known split is no sign of another training.
    without = splits.train if known else None
    sketch = card.data.sketch

    def share(of: ConceptDataset) -> float:
        return of.overlap(sketch, without) if sketch is not None else 0.0

    if len(known) < len(same):
        parts = (splits.train, splits.validation, splits.test)
        if sketch is None or any(share(part) > _SEEN_SHARE for part in parts):
            raise AllographError(f"{_division(name)}: measure it on the images as they were then, or on other data")
    if part == "training":
        if not known:
            raise AllographError(f"the model was not trained on '{name}': ask for its validation or test part")
        return HeldOut(splits.train, split or "", splits.problems)
    dataset = splits.validation if part == "validation" else splits.test
    if not len(dataset):
        raise AllographError(
            f"the '{split}' split of {name} has no {part} part: choose another --part, or other weights"
        )
    others = [training for training in trainings if training not in known]
    if others and (seen := share(dataset)) > _SEEN_SHARE:
        names = " or ".join(dict.fromkeys(f"'{training.name}'" for training in others))
        raise AllographError(
            f"the model was trained on {'these' if seen > 0.99 else f'{seen:.0%} of these'} images, as {names}: "
            "measure it on other images, or under the name that they had in training"
        )
    return HeldOut(dataset, split or "", splits.problems)


def check_lake_runs(card: ModelCard, dataset: ConceptDataset) -> None:
    """Refuse Lake's runs, which show evaluation characters of Omniglot, for a model that has seen them: it, or a model
    that it started from, was trained on a split with evaluation alphabets in its training part, or on such images under
    any name, which the sketch on its card recognises.

    Raises:
        AllographError: the model was trained on some of these images, or may have been.
    """
    for before in card.trainings:
        if before.name == _BURDA or (before.name in OMNIGLOTS and before.split != "30-20"):
            split = "data set omniglot-burda" if before.name == _BURDA else f"{before.split} split of Omniglot"
            raise AllographError(
                f"the model was trained on the {split}, which has characters of Lake's runs "
                "in its training part: measure a model trained on the 30-20 split, or use --part validation"
            )
    if card.data.sketch is not None and (seen := dataset.overlap(card.data.sketch)) > _SEEN_SHARE:
        raise AllographError(
            f"the model was trained on {seen:.0%} of the drawings of Lake's runs, as '{card.data.name}': measure "
            "a model trained on other drawings"
        )


def _split_of(name: str, trainings: Sequence[TrainedOn], asked: str | None) -> str:
    """The split of Omniglot: that of the trainings on it, otherwise the one asked for, otherwise 30-20."""
    before = {training.split for training in trainings if training.name in OMNIGLOTS}
    if len(before) > 1:
        ways = ", ".join(sorted(before))
        raise AllographError(
            f"the model was trained on several splits of {name} ({ways}): measure it on other data, or measure other "
            "weights, such as 'omniglot'"
        )
    if before and asked not in (None, *before):
        raise AllographError(f"{_division(name)}: measure it with --split {before.pop()}")
    return before.pop() if before else asked or "30-20"


def _check_digits(name: str, trainings: Sequence[TrainedOn], part: Part) -> None:
    """Refuse the validation digits of one set that are training digits of another."""
    for before in (training.name for training in trainings):
        mixed = name != before and name in _DIGITS and before in _DIGITS and "mnist-static" in (name, before)
        if mixed and part != "test":
            raise AllographError(
                f"the model was trained on {before}, whose training images are among the validation images of {name}: "
                "measure it with --part test"
            )


def _check_burda(name: str, trainings: Sequence[TrainedOn]) -> None:
    """Refuse omniglot-burda for a model that was trained on another Omniglot, and the reverse."""
    for before in (training.name for training in trainings):
        if before != name and _BURDA in (before, name) and {before, name} <= {_BURDA, *OMNIGLOTS}:
            raise AllographError(
                f"the model was trained on {before}, which shows the same drawings as {name}: measure it on {before}"
            )


def _folder_images(card: ModelCard) -> ImageKind:
    """The kind as which to read a folder's images: grey pictures for a model of digits, which sees whole images."""
    images = card.data.images or card.folder_images
    return "grey" if images == "digits" else cast("ImageKind", images)


def _division(name: str) -> str:
    return f"the model was trained on another split of {name}, so this part may hold images that it has seen"
