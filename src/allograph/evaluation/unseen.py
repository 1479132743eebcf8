"""The part of a data set that a model may be measured on: nothing that it was trained on."""

from __future__ import annotations

__all__ = ["Unseen", "unseen_part"]

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from allograph.errors import AllographError, Problem

if TYPE_CHECKING:
    from allograph.data import ConceptDataset

Part = Literal["validation", "test"]

_SEEN_SHARE = 0.01
"""From this share of known images on, a part counts as trained on: a few equal drawings are found in any two sets."""

_ONE_SOURCE = ({"omniglot", "omniglot-28"}, {"mnist", "mnist-static", "multi-mnist"})
"""Data sets made of the same drawings, so that the training images of one may be held out in another."""


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

    A folder's images are taken in as they were for the training. The data are divided as for the model's training where
    it was trained on them, by ``split`` (None: the training's, else 30-20). Whether the model may have seen the part is
    decided by three things: the fingerprint of the training part, equal drawings under another known name, and the
    sketch of the training images on the card, which recognises them in renamed and copied folders.

    Raises:
        AllographError: the model was trained on some of these images, or may have been.
    """
    from allograph.data.loading import DATASETS, load_dataset

    trained = card.get("data", {})
    name = data if data in DATASETS else Path(data).expanduser().resolve().name
    before = trained.get("name")
    same = name == before
    related = any({name, before} <= names for names in _ONE_SOURCE)
    divided = name in _ONE_SOURCE[0]
    if divided and related:
        known = trained.get("split", "30-20")
        if split not in (None, known):
            raise AllographError(f"{_division(name)}: measure it with --split {known}")
        split = known
    elif related and not same and part != "test":
        raise AllographError(
            f"the model was trained on {before}, whose training images are among the validation images of {name}: "
            "measure it with --part test"
        )
    split = split or "30-20"
    # The seed of the training decided which concepts of a folder were held out, and which strokes were made.
    settings = card.get("settings", {})
    seed = settings.get("training", {}).get("seed", 0) if same else 0
    images = settings.get("data", {}).get("images", "symbols")
    splits = load_dataset(data, data_dir, split, seed, images)
    if same and splits.train.fingerprint() != trained.get("fingerprint"):
        raise AllographError(f"{_division(name)}: measure it on the images as they were then, or on other data")
    dataset = splits.validation if part == "validation" else splits.test
    share = dataset.overlap(trained["sketch"]) if "sketch" in trained else 0.0
    if share > _SEEN_SHARE:
        raise AllographError(
            f"the model was trained on {'these' if share > 0.99 else f'{share:.0%} of these'} images, as '{before}': "
            "measure it on others, or under the name that they had then"
        )
    return Unseen(dataset, split if divided else "", splits.problems)


def _division(name: str) -> str:
    return f"the model was trained on another division of {name}, so this part may hold images that it has seen"
