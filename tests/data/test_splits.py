"""The splits of Omniglot: nothing is in two parts, nothing gets lost, and the lists never change."""

from __future__ import annotations

import numpy as np
import pytest

from allograph.data import SPLITS, ConceptDataset, PackedBitmaps, Splits, split
from allograph.errors import AllographError

ALPHABET_SPLITS = [name for name in SPLITS if name != "characters"]
SIZES = {
    "30-20": (868, 96, 659),
    "40-10": (1214, 96, 313),
    "45-5": (1362, 96, 165),
    "characters": (1373, 100, 150),
}


def parts(splits: Splits) -> tuple[ConceptDataset, ConceptDataset, ConceptDataset]:
    return splits.train, splits.validation, splits.test


@pytest.fixture(scope="module")
def labels(omniglot: ConceptDataset) -> ConceptDataset:
    """Omniglot's concepts and alphabets with one blank drawing each, so that dividing it costs nothing."""
    one = np.arange(omniglot.concepts)
    blank = PackedBitmaps.pack(np.zeros((len(one), 1, 1)))
    return ConceptDataset("labels", blank, one, one, omniglot.concept_names, omniglot.family_names, omniglot.family)


@pytest.mark.parametrize("name", SPLITS)
def test_every_character_is_in_exactly_one_part(labels: ConceptDataset, name: str) -> None:
    divided = parts(split(labels, name))
    names = [concept for part in divided for concept in part.concept_names]
    assert len(set(names)) == len(names)
    assert set(names) == set(labels.concept_names)
    assert tuple(part.concepts for part in divided) == SIZES[name]


@pytest.mark.parametrize("name", ALPHABET_SPLITS)
def test_every_alphabet_is_in_exactly_one_part(labels: ConceptDataset, name: str) -> None:
    divided = parts(split(labels, name))
    families = [family for part in divided for family in part.family_names]
    assert len(set(families)) == len(families) == 50
    train, test = (int(number) for number in name.split("-"))
    assert len(divided[0].family_names) + len(divided[1].family_names) == train
    assert len(divided[2].family_names) == test


def test_30_20_tests_on_the_evaluation_archive_and_validates_on_background(labels: ConceptDataset) -> None:
    divided = split(labels, "30-20")
    assert divided.test.family_names == labels.family_names[30:]
    assert divided.validation.family_names == ("Anglo-Saxon_Futhorc", "Burmese_(Myanmar)", "N_Ko")


def test_smaller_test_sets_are_parts_of_larger_ones(labels: ConceptDataset) -> None:
    five, ten, twenty = (set(split(labels, name).test.family_names) for name in ("45-5", "40-10", "30-20"))
    assert five < ten < twenty


def test_three_characters_of_each_alphabet_are_tested_and_two_validate(labels: ConceptDataset) -> None:
    divided = split(labels, "characters")
    assert np.bincount(divided.test.family).tolist() == [3] * 50
    assert np.bincount(divided.validation.family).tolist() == [2] * 50


def test_all_alphabets_train_where_nothing_is_tested(labels: ConceptDataset) -> None:
    divided, official = split(labels, "all"), split(labels, "30-20")
    assert divided.train.family_names == labels.family_names
    assert (divided.train.concepts, divided.validation.concepts, divided.test.concepts) == (1531, 92, 0)
    assert np.bincount(divided.validation.family).tolist() == [4] * 23
    assert not set(divided.validation.concept_names) & {*divided.train.concept_names, *official.train.concept_names}


def test_test_characters_of_one_split_are_trained_on_in_another(labels: ConceptDataset) -> None:
    """Which is why a model is measured on its own split alone; the larger test sets hold the smaller ones."""
    divided = {name: split(labels, name) for name in SPLITS}
    tested, trained = (
        {name: set(getattr(parts, part).concept_names) for name, parts in divided.items()} for part in ("test", "train")
    )
    safe = {(one, other) for one in SPLITS for other in SPLITS if not tested[one] & trained[other]}
    own = {(name, name) for name in SPLITS}
    assert safe == own | {("40-10", "30-20"), ("45-5", "30-20"), ("45-5", "40-10")}


@pytest.mark.parametrize("name", SPLITS)
def test_the_division_is_the_same_every_time(labels: ConceptDataset, name: str) -> None:
    one, again = split(labels, name), split(labels, name)
    for part, other in zip(parts(one), parts(again), strict=True):
        assert part.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("name", ["30-20", "characters"])
def test_no_drawing_is_in_two_parts(omniglot: ConceptDataset, name: str) -> None:
    divided = parts(split(omniglot, name))
    assert sum(len(part) for part in divided) == len(omniglot)
    seen = [{row.tobytes() for row in part.images.bits} for part in divided]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_an_unknown_split_names_the_known_ones(labels: ConceptDataset) -> None:
    with pytest.raises(AllographError, match=r"'50-0'.*30-20, 40-10, 45-5, characters, all"):
        split(labels, "50-0")


def test_what_is_not_omniglot_is_not_split(strokes: ConceptDataset) -> None:
    with pytest.raises(AllographError, match="50 alphabets, but these archives 2"):
        split(strokes)
