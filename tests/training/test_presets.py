"""Every preset trains on every data set that it fits, in both precisions; what does not fit is refused in one line."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest

from allograph.data import ConceptDataset, Splits
from allograph.data.registry import DATASETS, load_dataset
from allograph.errors import AllographError
from allograph.presets import load_preset, preset_names
from allograph.training import check_fit
from tools.test_numbers import tool

check = tool("check_presets")


@cache
def loaded(data: str, data_dir: Path) -> Splits:
    return load_dataset(data, data_dir)


@pytest.mark.slow
@pytest.mark.parametrize("precision", check.PRECISIONS)
@pytest.mark.parametrize(("preset", "data", "words"), list(check.cases()))
def test_every_preset_takes_steps_on_each_data_set_that_it_fits(
    preset: str, data: str, words: tuple[str, ...], precision: str, data_dir: Path, strokes_splits: Splits
) -> None:
    small = ["batch_size=4", "max_steps=3", "warmup_steps=0", "validation_pairs=4"]
    small += ["steps=3", "latent=4"] if preset == "draw" else []
    small += ["steps=3"] if preset.startswith("paper/") else []
    splits = strokes_splits if data == "strokes" else loaded(data, data_dir)
    found = check.losses(load_preset(preset, [*words, *small]), splits, 3, precision)
    assert all(map(math.isfinite, found))
    assert len(set(found)) == 3


def test_every_preset_and_every_data_set_is_checked() -> None:
    assert set(check.FITS) == set(preset_names())
    # Nobody but its users has the file of omniglot-burda; tests/data reads a small one.
    assert {data for _, data, _ in check.cases()} == set(DATASETS) - {"omniglot-burda"}


def test_exemplars_of_unlabelled_images_are_refused_with_presets_that_need_none(data_dir: Path) -> None:
    with pytest.raises(AllographError, match="--preset sequential"):
        check_fit(load_preset("omniglot"), loaded("mnist-static", data_dir).train)


@pytest.mark.parametrize(
    ("preset", "words", "remedy"),
    [
        ("omniglot-bending", ["exemplars=family"], "--preset omniglot-alphabet"),
        ("sequential", ["exemplars=family", "contexts=[1]"], "model.context=true"),
    ],
)
def test_exemplars_of_a_family_are_for_models_that_do_not_bend_them(
    preset: str, words: list[str], remedy: str, strokes: ConceptDataset
) -> None:
    with pytest.raises(AllographError, match=remedy) as caught:
        check_fit(load_preset(preset, words), strokes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("preset", "words", "remedy"),
    [
        ("sequential", [], "binarisation=dynamic"),
        ("sequential", ["likelihood.kind=logistic", "likelihood.channels=3"], "model.likelihood.channels=1"),
        ("ppca", ["model.channels=3"], "model.channels=1"),
        ("faces", ["contexts=0"], "set contexts=1"),
    ],
)
def test_a_likelihood_of_other_images_is_refused_with_the_remedy(
    preset: str, words: list[str], remedy: str, data_dir: Path
) -> None:
    with pytest.raises(AllographError, match=remedy) as caught:
        check_fit(load_preset(preset, words), loaded("umist", data_dir).train)
    assert "\n" not in str(caught.value)
