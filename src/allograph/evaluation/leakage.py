"""The part of a data set that a model may be measured on: nothing that it was trained on."""

from __future__ import annotations

__all__ = ["Part", "Unseen", "check_unseen_runs", "default_data", "unseen_part"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.data import ConceptDataset, ImageKind

Part = Literal["training", "validation", "test"]
"""The training part is measured for one purpose alone: to say how much worse the others are."""

_SEEN_SHARE = 0.01
"""From this share of known images on, a part counts as trained on: a few equal drawings are found in any two sets."""

_DIGITS = ("mnist", "mnist-static", "multi-mnist", "multi-mnist-64")
"""Data sets made of the same digits, with one test part; the training part of mnist-static is not the others'."""


def default_data(card: Mapping[str, Any]) -> str:
    """How a model sees Omniglot: as in its training, else as ``omniglot``."""
    trained = card.get("data", {}).get("name")
    return trained if trained in OMNIGLOTS else "omniglot"


@dataclass(frozen=True)
class Unseen:
    """What to measure on.

    Attributes:
        dataset: the part.
        split: how the data were divided, where that is a choice; else empty.
        problems: what could not be read.
    """

    dataset: ConceptDataset
    split: str
    problems: tuple[Problem, ...]


def unseen_part(
    card: Mapping[str, Any], data: str, part: Part, *, split: str | None = None, data_dir: str | None = None
) -> Unseen:
    """The ``part`` of ``data`` (a known name or a folder) for the model of this card.

    A folder's images are taken in as those of the training are. The data are divided as for the model's training where
    it was trained on them; Omniglot else by ``split`` (None: 30-20). Whether the model may have seen the part, in its
    last training or in those whose weights that began with, is decided by three things: equal names and fingerprints
    of training parts, which make sure that it has not; equal drawings under another known name; and the sketch of the
    training images on the card, which recognises them in renamed and copied folders. The training part is given out
    for the data of the training alone.

    Raises:
        AllographError: the model was trained on some of these images, or may have been; it was not trained on the data
            whose training part is asked for; a ``split`` of data that are divided in one way.
    """
    from allograph.data.loading import DATASETS, load_dataset

    trained = card.get("data", {})
    trainings = [trained, *trained.get("ancestors", ())]
    name = data if data in DATASETS else Path(data).expanduser().resolve().name
    divided = data in OMNIGLOTS
    if divided:
        split = _split_of(name, trainings, split)
    elif split is not None:
        raise AllographError(f"'{data}' is divided in one way: leave out --split, which is for Omniglot")
    if data in DATASETS:
        _check_digits(name, trainings, part)

    same = [training for training in trainings if training.get("name") == name]
    settings = card.get("settings", {})
    # The seed of the training decided which concepts of a folder were held out, and which strokes were made.
    seed = same[0].get("seed", settings.get("training", {}).get("seed", 0)) if same else 0
    splits = load_dataset(data, data_dir, split or "30-20", seed, _folder_images(card))
    fingerprint = splits.train.fingerprint() if same else ""
    known = [training for training in same if training.get("fingerprint") == fingerprint]
    # A drawing that is in the training part too, of a division that is known, is no sign of another training.
    without = splits.train if known else None
    sketch: Sequence[int] | None = trained.get("sketch")

    def share(of: ConceptDataset) -> float:
        return of.overlap(sketch, without) if sketch is not None else 0.0

    if len(known) < len(same):
        parts = (splits.train, splits.validation, splits.test)
        if sketch is None or any(share(part) > _SEEN_SHARE for part in parts):
            raise AllographError(f"{_division(name)}: measure it on the images as they were then, or on other data")
    if part == "training":
        if not known:
            raise AllographError(f"the model was not trained on '{name}': ask for its validation or test part")
        return Unseen(splits.train, split or "", splits.problems)
    dataset = splits.validation if part == "validation" else splits.test
    others = [training for training in trainings if training not in known]
    if others and (seen := share(dataset)) > _SEEN_SHARE:
        names = " or ".join(dict.fromkeys(f"'{training.get('name')}'" for training in others))
        raise AllographError(
            f"the model was trained on {'these' if seen > 0.99 else f'{seen:.0%} of these'} images, as {names}: "
            "measure it on others, or under the name that they had then"
        )
    return Unseen(dataset, split or "", splits.problems)


def check_unseen_runs(card: Mapping[str, Any], dataset: ConceptDataset) -> None:
    """Refuse Lake's runs, which show evaluation characters of Omniglot, for a model that has seen these: it, or one
    that it began with, was trained on a division with evaluation alphabets in its training part, or on such images
    under whatever name, which the sketch on its card recognises.

    Raises:
        AllographError: the model was trained on some of these images, or may have been.
    """
    trained = card.get("data", {})
    for before in (trained, *trained.get("ancestors", ())):
        way = before.get("split", "30-20")
        if before.get("name") in OMNIGLOTS and way != "30-20":
            raise AllographError(
                f"the model was trained on the {way} division of Omniglot, which has characters of Lake's runs in its "
                "training part: measure one that was trained on the 30-20 division, or take --part validation"
            )
    sketch: Sequence[int] | None = trained.get("sketch")
    if sketch is not None and (seen := dataset.overlap(sketch)) > _SEEN_SHARE:
        raise AllographError(
            f"the model was trained on {seen:.0%} of the drawings of Lake's runs, as '{trained.get('name')}': measure "
            "one that was trained on other drawings"
        )


def _split_of(name: str, trainings: Sequence[Mapping[str, Any]], asked: str | None) -> str:
    """How Omniglot is to be divided: as for the trainings on it, else as asked, else 30-20."""
    before = {training.get("split", "30-20") for training in trainings if training.get("name") in OMNIGLOTS}
    if len(before) > 1:
        ways = ", ".join(sorted(before))
        raise AllographError(f"the model was trained on several divisions of {name} ({ways}): measure it on other data")
    if before and asked not in (None, *before):
        raise AllographError(f"{_division(name)}: measure it with --split {before.pop()}")
    return before.pop() if before else asked or "30-20"


def _check_digits(name: str, trainings: Sequence[Mapping[str, Any]], part: Part) -> None:
    """Refuse the validation digits of one set that are training digits of another."""
    for before in (training.get("name") for training in trainings):
        mixed = name != before and name in _DIGITS and before in _DIGITS and "mnist-static" in (name, before)
        if mixed and part != "test":
            raise AllographError(
                f"the model was trained on {before}, whose training images are among the validation images of {name}: "
                "measure it with --part test"
            )


def _folder_images(card: Mapping[str, Any]) -> ImageKind:
    """What to take a folder's images in as: pictures for a model of digits, which are whole images to it."""
    asked = card.get("settings", {}).get("data", {}).get("images", "symbols")
    images = card.get("data", {}).get("images", asked)
    return "grey" if images == "digits" else images


def _division(name: str) -> str:
    return f"the model was trained on another division of {name}, so this part may hold images that it has seen"
