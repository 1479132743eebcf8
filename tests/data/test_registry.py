"""Data sets by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from allograph.data import load_dataset, registry
from allograph.data.omniglot import OMNIGLOTS
from allograph.errors import AllographError


def test_omniglot_is_divided_as_asked(data_dir: Path) -> None:
    splits = load_dataset("omniglot", data_dir, split="45-5")
    assert len(splits.test.family_names) == 5


def test_strokes_are_divided_by_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_STROKE_DRAWINGS", 1)
    splits = load_dataset("strokes", seed=3)
    families = [set(part.family_names) for part in (splits.train, splits.validation, splits.test)]
    assert [len(part) for part in families] == [16, 2, 2]
    assert len(set.union(*families)) == 20


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(AllographError, match="'omniglott'; did you mean 'omniglot'"):
        load_dataset("omniglott")


def test_a_name_like_none_lists_all() -> None:
    with pytest.raises(AllographError, match="known are omniglot, omniglot-28, omniglot-52, omniglot-burda, mnist"):
        load_dataset("zzzz")


def test_the_nearest_name_is_the_one_meant() -> None:
    for wrong, right in (
        ("static-mnist", "mnist-static"),
        ("MNIST", "mnist"),
        ("binary-mnist-static", "mnist-static"),
        ("not-mnist", "notmnist"),
    ):
        with pytest.raises(AllographError, match=f"did you mean '{right}'"):
            load_dataset(wrong)


def test_a_data_set_says_what_its_images_are(data_dir: Path) -> None:
    kinds = {"omniglot-28": "symbols", "mnist": "digits", "mnist-static": "digits", "multi-mnist": "grey"}
    kinds |= {"umist": "grey", "notmnist": "grey"}
    for name, images in kinds.items():
        if not (data_dir / {"omniglot-28": "omniglot", "mnist-static": "binarized_mnist"}.get(name, name)).exists():
            continue
        assert load_dataset(name, data_dir, images="colour").images == images


def test_a_folder_is_what_it_was_taken_in_as_even_if_it_is_named_like_a_data_set(tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "mnist" / "one" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(path)
    for images in ("grey", "colour"):
        splits = load_dataset(tmp_path / "mnist", images=images)
        assert (splits.train.name, splits.images) == ("mnist", images)


def test_all_omniglots_are_divided_alike(data_dir: Path) -> None:
    averaged, sampled, pooled = (load_dataset(name, data_dir) for name in OMNIGLOTS)
    assert averaged.test.concept_names == sampled.test.concept_names == pooled.test.concept_names
    assert [part.test.images.only_size for part in (averaged, sampled, pooled)] == [None, 28, 52]
