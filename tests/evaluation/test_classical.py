"""Classical augmentation: what its ranges mean, that it was tuned on training alphabets alone, and how."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from allograph.data import ConceptDataset, load_dataset
from allograph.evaluation import Classical, tuned
from allograph.evaluation.augmentation.classical import TUNED
from allograph.evaluation.augmentation.classifiers import ClassifierTraining
from allograph.evaluation.augmentation.tuning import candidates, tune_classical


def bar(size: int = 40) -> torch.Tensor:
    """A horizontal bar in the middle, (1, 1, size, size)."""
    image = torch.zeros(1, 1, size, size)
    image[..., size // 2 - 2 : size // 2 + 2, size // 4 : -size // 4] = 1
    return image


def changed(image: torch.Tensor, count: int = 64, **ranges: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return Classical(**ranges)(image.expand(count, -1, -1, -1), generator)  # type: ignore[arg-type]


def middle(images: torch.Tensor) -> torch.Tensor:
    """Centres of ink, (n, 2): x and y in half frames."""
    places = (2 * torch.arange(images.shape[-1]) + 1) / images.shape[-1] - 1
    mass = images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 2)) * places).sum(1), (images.sum((1, 3)) * places).sum(1)], 1) / mass[:, None]


def height(images: torch.Tensor) -> torch.Tensor:
    return (images[:, 0].amax(2) > 0.5).sum(1)


def test_no_range_changes_nothing() -> None:
    image = torch.rand(3, 2, 30, 30)
    assert torch.allclose(Classical()(image, torch.Generator().manual_seed(0)), image, atol=1e-5)


def test_every_range_does_what_its_name_says() -> None:
    image = bar()
    shifted = middle(changed(image, shift=0.2))
    assert 0.15 < shifted.abs().max() <= 0.2 + 1e-3
    assert (shifted.min(0).values < -0.1).all() and (shifted.max(0).values > 0.1).all()
    ink = image.sum()
    larger = changed(image, scale=1.3).sum((1, 2, 3)) / ink
    assert larger.min() == pytest.approx(1.3**-2, abs=0.05) and larger.max() == pytest.approx(1.3**2, abs=0.08)
    stretched = changed(image, stretch=1.5)
    assert torch.allclose(stretched.sum((1, 2, 3)), ink, rtol=0.05), "a stretch keeps the area"
    assert height(changed(image, turn=30)).max() > 2 * height(image).max()
    assert height(changed(image, shear=0.4)).max() == height(image).max(), "a shear along the bar leaves it as high"
    pens = changed(image, pen=4).sum((1, 2, 3)) / ink
    assert pens.min() < 0.8 and pens.max() > 1.2


def test_an_elastic_bend_is_smooth_and_grows_with_its_range() -> None:
    image = bar()
    little, much = (changed(image, elastic=amount, control=4) for amount in (0.03, 0.1))
    assert (little - image).abs().mean() < (much - image).abs().mean()
    assert (much.amax((1, 2, 3)) > 0.9).all(), "strokes are bent, not dissolved"


@given(
    turn=st.floats(0, 90),
    stretch=st.floats(1, 2),
    shift=st.floats(0, 1),
    elastic=st.floats(0, 0.3),
    control=st.integers(2, 9),
    pen=st.floats(0, 5),
    channels=st.sampled_from([1, 3]),
)
def test_drawings_stay_drawings(channels: int, **ranges: float) -> None:
    image = (torch.rand(4, channels, 24, 24, generator=torch.Generator().manual_seed(1)) < 0.2).float()
    one, other = (
        Classical(**ranges)(image, torch.Generator().manual_seed(2))  # type: ignore[arg-type]
        for _ in range(2)
    )
    assert one.shape == image.shape
    assert one.min() >= 0 and one.max() <= 1
    assert torch.equal(one, other)


def test_candidates_begin_with_no_change_and_more_begin_with_the_same() -> None:
    few, many = candidates(4, seed=1), candidates(9, seed=1)
    assert [one.settings for one in few] == [one.settings for one in many[:4]]
    assert few[0].settings == Classical()
    assert len({one.settings for one in many}) == 9


def test_tuning_tries_the_best_longest_and_says_all_that_it_tried(symbols: ConceptDataset) -> None:
    said: list[str] = []
    tuning = tune_classical(
        symbols, size=28, training=ClassifierTraining(steps=2), count=4, rounds=(1, 2), report=said.append
    )
    assert len(said) == 2
    assert [one["trials"] for one in tuning.tried] == [2, 2, 1, 1]
    assert tuning.accuracy.value == tuning.tried[0]["accuracy"] == max(one["accuracy"] for one in tuning.tried[:2])
    first = {name: value for name, value in tuning.tried[0].items() if name not in ("trials", "accuracy")}
    assert Classical(**first) == tuning.settings


def test_what_ships_was_tuned_on_training_alphabets(data_dir) -> None:
    document = json.loads(TUNED.read_text())
    splits = load_dataset("omniglot", data_dir)
    assert document["data_fingerprint"] == splits.train.fingerprint()
    assert set(document["alphabets"]) == set(splits.train.family_names)
    assert tuned() == Classical(**document["settings"])
    assert document["command"].startswith("python -m allograph.evaluation classical")
    best = document["tried"][0]
    assert best["trials"] == max(one["trials"] for one in document["tried"])
    assert {name: best[name] for name in document["settings"]} == document["settings"]
