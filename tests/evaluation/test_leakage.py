"""No model is measured on what it was trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allograph.card import ModelCard
from allograph.data import SPLITS, ConceptDataset, Splits, registry
from allograph.errors import AllographError
from allograph.evaluation import leakage
from allograph.evaluation.leakage import HeldOut


def held_out_part(card: dict[str, Any], *arguments: Any, **settings: Any) -> HeldOut:
    return leakage.held_out_part(ModelCard.of(card), *arguments, **settings)


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

    monkeypatch.setattr(registry, "load_dataset", load)
    known = ("omniglot", "omniglot-28", "mnist", "mnist-static", "multi-mnist", "strokes", "omniglot-burda")
    monkeypatch.setattr(registry, "DATASETS", known)
    return splits


def card(name: str, part: ConceptDataset, *, split: str = "30-20", sketch: bool = True) -> dict[str, Any]:
    data = {"name": name, "split": split, "fingerprint": part.fingerprint()}
    return {"data": {**data, "sketch": list(part.sketch())} if sketch else data}


def test_the_held_out_parts_of_the_training_data_may_be_measured(data: Splits) -> None:
    for name in ("strokes", "omniglot", "mnist"):
        for part, expected in (("validation", data.validation), ("test", data.test)):
            found = held_out_part(card(name, data.train), name, part).dataset
            assert found.fingerprint() == expected.fingerprint()


def test_the_training_part_is_given_out_for_the_data_of_the_training_alone(data: Splits) -> None:
    found = held_out_part(card("strokes", data.train), "strokes", "training").dataset
    assert found.fingerprint() == data.train.fingerprint()
    with pytest.raises(AllographError, match="was not trained on 'strokes'"):
        held_out_part(card("mine", data.train), "strokes", "training")


def test_the_division_is_the_trainings_unless_another_is_asked_for_and_then_refused(data: Splits) -> None:
    trained = card("omniglot", data.test, split="45-5")
    found = held_out_part(trained, "omniglot", "test")
    assert found.split == "45-5"
    assert found.dataset.fingerprint() == data.train.fingerprint()
    for name in ("omniglot", "omniglot-28"):
        with pytest.raises(AllographError, match=r"another split .* --split 45-5"):
            held_out_part(trained, name, "test", split="30-20")
    assert held_out_part(trained, "omniglot-28", "test").split == "45-5"


@pytest.mark.parametrize("trained", SPLITS)
def test_no_division_of_omniglot_is_measured_after_a_training_on_another(data: Splits, trained: str) -> None:
    part = data.test if trained == "45-5" else data.train
    for asked in SPLITS:
        for name in ("omniglot", "omniglot-28"):
            if asked == trained:
                assert held_out_part(card(name, part, split=trained), name, "test", split=asked).split == asked
                continue
            with pytest.raises(AllographError, match=f"another split .* --split {trained}"):
                held_out_part(card("omniglot", part, split=trained), name, "test", split=asked)


def test_other_training_data_of_the_same_name_are_refused(data: Splits) -> None:
    with pytest.raises(AllographError, match="as they were then"):
        held_out_part(card("strokes", data.validation, sketch=False), "strokes", "test")


def test_a_copy_under_another_name_is_found_out(data: Splits) -> None:
    with pytest.raises(AllographError, match="trained on these images, as 'mine'"):
        held_out_part(card("mine", data.test), "strokes", "test")
    assert held_out_part(card("mine", data.test), "strokes", "validation")
    assert held_out_part(card("mine", data.test, sketch=False), "strokes", "test"), "older cards remember no images"


def test_so_is_a_part_of_one(data: Splits, strokes: ConceptDataset) -> None:
    mixed = strokes.select([0, 1, 2, 24, 25])
    with pytest.raises(AllographError, match="17% of these images"):
        held_out_part(card("mine", mixed), "strokes", "test")


@pytest.mark.parametrize("before", ["mnist", "mnist-static", "multi-mnist"])
def test_the_validation_digits_are_training_digits_of_static_mnist_and_the_other_way_round(
    data: Splits, before: str
) -> None:
    trained = card(before, data.train)
    for name in ("mnist", "mnist-static", "multi-mnist"):
        assert held_out_part(trained, name, "test")
        if name != before and "mnist-static" in (name, before):
            with pytest.raises(AllographError, match=f"trained on {before}, .* of {name}: .* --part test"):
                held_out_part(trained, name, "validation")
        else:
            assert held_out_part(trained, name, "validation")


@pytest.mark.parametrize(("before", "name"), [("omniglot-28", "omniglot-burda"), ("omniglot-burda", "omniglot")])
def test_burdas_omniglot_shows_the_drawings_of_the_others(data: Splits, before: str, name: str) -> None:
    trained = card(before, data.train)
    assert held_out_part(trained, before, "test")
    for part in ("validation", "test"):
        with pytest.raises(AllographError, match=f"trained on {before}, .* same drawings as {name}: .* on {before}"):
            held_out_part(trained, name, part)
    with pytest.raises(AllographError, match="characters of Lake's runs"):
        leakage.check_lake_runs(ModelCard.of(card("omniglot-burda", data.train)), data.test)


def test_equal_drawings_in_the_users_own_division_do_no_harm(
    data: Splits, strokes: ConceptDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = replace(data, validation=strokes.select(range(11, 24)))
    monkeypatch.setattr(registry, "load_dataset", lambda *rest: doubled)
    trained = card("letters", doubled.train)
    assert held_out_part(trained, "my/letters", "validation").dataset is doubled.validation

    for ancestor, wrong in ((strokes.select(range(30, 40)), False), (strokes.select(range(20, 30)), True)):
        both = {*doubled.train.sketch(), *ancestor.sketch()}
        trained["data"] |= {"ancestors": [card("old", ancestor, sketch=False)["data"]], "sketch": sorted(both)}
        if wrong:
            with pytest.raises(AllographError, match="33% of these images, as 'old'"):
                held_out_part(trained, "my/letters", "validation")
        else:
            assert held_out_part(trained, "my/letters", "validation")


def test_another_folder_of_the_same_name_is_told_by_its_images(data: Splits, strokes: ConceptDataset) -> None:
    other = strokes.select(range(36, 40))
    found = held_out_part(card("letters", other), "your/letters", "test")
    assert found.dataset.fingerprint() == data.test.fingerprint()
    with pytest.raises(AllographError, match="another split of letters"):
        held_out_part(card("letters", other, sketch=False), "your/letters", "test")
    grown = strokes.select(range(8))
    with pytest.raises(AllographError, match="another split of letters"):
        held_out_part(card("letters", grown), "your/letters", "test")


def test_ancestors_count_as_the_training_does(data: Splits) -> None:
    def grown_from(name: str, part: ConceptDataset, **settings: Any) -> dict[str, Any]:
        ancestor = card(name, part, sketch=False, **settings)["data"]
        grown = card("mine", data.validation, sketch=False)
        grown["data"]["ancestors"] = [{"name": "oldest", "split": "30-20", "fingerprint": "0"}, ancestor]
        return grown

    assert held_out_part(grown_from("strokes", data.train), "strokes", "test")
    with pytest.raises(AllographError, match="another split of strokes"):
        held_out_part(grown_from("strokes", data.validation), "strokes", "test")
    assert held_out_part(grown_from("omniglot", data.test, split="45-5"), "omniglot-28", "test").split == "45-5"
    with pytest.raises(AllographError, match="--split 45-5"):
        held_out_part(grown_from("omniglot", data.test, split="45-5"), "omniglot", "test", split="30-20")
    with pytest.raises(AllographError, match="trained on mnist-static"):
        held_out_part(grown_from("mnist-static", data.train), "mnist", "validation")
    several = grown_from("omniglot", data.test, split="45-5")
    several["data"] |= {"name": "omniglot"}
    with pytest.raises(AllographError, match=r"several splits of omniglot \(30-20, 45-5\)"):
        held_out_part(several, "omniglot", "test")


@pytest.mark.parametrize(
    ("said", "asked", "images"),
    [
        ("digits", "symbols", "grey"),
        ("colour", "symbols", "colour"),
        ("symbols", "grey", "symbols"),
        (None, "grey", "grey"),
        (None, None, "symbols"),
    ],
)
def test_a_folder_is_taken_in_as_what_the_training_images_are(
    data: Splits, monkeypatch: pytest.MonkeyPatch, said: str | None, asked: str | None, images: str
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(registry, "load_dataset", lambda *rest: seen.append(rest[-1]) or data)
    trained: dict[str, Any] = {"data": {"name": "mnist"} | ({"images": said} if said else {})}
    trained["settings"] = {"data": {"images": asked} if asked else {}}
    held_out_part(trained, "my/letters", "test")
    assert seen == [images]


def test_a_split_of_what_is_divided_in_one_way_is_refused(data: Splits) -> None:
    for name in ("mnist", "my/omniglot"):
        with pytest.raises(AllographError, match=f"'{name}' has only one split: leave out --split"):
            held_out_part({}, name, "test", split="30-20")


def test_a_card_that_says_nothing_is_taken_at_its_word(data: Splits) -> None:
    assert held_out_part({}, "omniglot", "test").split == "30-20"
    assert held_out_part({"data": {"name": "none"}}, "strokes", "test").split == ""


def test_a_split_without_a_test_part_says_so(data: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = replace(data, test=data.test.select([]))
    monkeypatch.setattr(registry, "load_dataset", lambda name, *rest: nothing)
    trained = card("omniglot", data.train, split="all")
    with pytest.raises(AllographError, match="'all' split of omniglot has no test part: choose another --part"):
        held_out_part(trained, "omniglot", "test")
    assert held_out_part(trained, "omniglot", "validation").dataset.concepts == data.validation.concepts
