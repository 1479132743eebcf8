"""No model is measured on what it was trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allograph.data import ConceptDataset, Splits, loading
from allograph.errors import AllographError
from allograph.evaluation.unseen import unseen_part


@pytest.fixture
def data(strokes: ConceptDataset, monkeypatch: pytest.MonkeyPatch) -> Splits:
    """Three parts of forty symbols, under whatever name they are asked for, the name the only thing that differs."""
    parts = [strokes.select(range(start, start + 12)) for start in (0, 12, 24)]
    splits = Splits(*parts)

    def load(name: str, data_dir: object, split: str, *rest: object) -> Splits:
        named = [replace(part, name=name) for part in (splits.train, splits.validation, splits.test)]
        if split == "45-5":
            named[0], named[2] = named[2], named[0]
        return Splits(*named)

    monkeypatch.setattr(loading, "load_dataset", load)
    monkeypatch.setattr(loading, "DATASETS", ("omniglot", "omniglot-28", "mnist", "mnist-static", "strokes"))
    return splits


def card(name: str, part: ConceptDataset, *, split: str = "30-20", sketch: bool = True) -> dict[str, Any]:
    data = {"name": name, "split": split, "fingerprint": part.fingerprint()}
    return {"data": {**data, "sketch": list(part.sketch())} if sketch else data}


def test_the_held_out_parts_of_the_training_data_may_be_measured(data: Splits) -> None:
    for name in ("strokes", "omniglot", "mnist"):
        for part, expected in (("validation", data.validation), ("test", data.test)):
            found = unseen_part(card(name, data.train), name, part).dataset
            assert found.fingerprint() == expected.fingerprint()


def test_the_division_is_the_trainings_unless_another_is_asked_for_and_then_refused(data: Splits) -> None:
    trained = card("omniglot", data.test, split="45-5")
    found = unseen_part(trained, "omniglot", "test")
    assert found.split == "45-5"
    assert found.dataset.fingerprint() == data.train.fingerprint()
    for name in ("omniglot", "omniglot-28"):
        with pytest.raises(AllographError, match=r"another division .* --split 45-5"):
            unseen_part(trained, name, "test", split="30-20")
    assert unseen_part(trained, "omniglot-28", "test").split == "45-5"


def test_other_training_data_of_the_same_name_are_refused(data: Splits) -> None:
    with pytest.raises(AllographError, match="as they were then"):
        unseen_part(card("strokes", data.validation, sketch=False), "strokes", "test")


def test_a_copy_under_another_name_is_found_out(data: Splits) -> None:
    with pytest.raises(AllographError, match="trained on these images, as 'mine'"):
        unseen_part(card("mine", data.test), "strokes", "test")
    assert unseen_part(card("mine", data.test), "strokes", "validation")
    assert unseen_part(card("mine", data.test, sketch=False), "strokes", "test"), "older cards remember no images"


def test_so_is_a_part_of_one(data: Splits, strokes: ConceptDataset) -> None:
    mixed = strokes.select([0, 1, 2, 24, 25])
    with pytest.raises(AllographError, match="17% of these images"):
        unseen_part(card("mine", mixed), "strokes", "test")


def test_the_digits_of_mnist_are_held_out_under_all_their_names_in_the_test_part_alone(data: Splits) -> None:
    trained = card("mnist", data.train)
    with pytest.raises(AllographError, match="--part test"):
        unseen_part(trained, "mnist-static", "validation")
    assert unseen_part(trained, "mnist-static", "test")
    assert unseen_part(trained, "mnist", "validation")


def test_a_card_that_says_nothing_is_taken_at_its_word(data: Splits) -> None:
    assert unseen_part({}, "omniglot", "test").split == "30-20"
    assert unseen_part({"data": {"name": "none"}}, "strokes", "test").split == ""
