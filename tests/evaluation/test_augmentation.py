"""The measurement of augmentation judges writers whose worth is known, and compares like with like."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from allograph import AllographError
from allograph.card import ModelCard
from allograph.data import ConceptDataset
from allograph.evaluation import Classical, ShownDrawings, draw_trials, evaluate_augmentation
from allograph.evaluation.augmentation.classifiers import ClassifierTraining, accuracy_of, train_classifier
from allograph.evaluation.augmentation.gain import (
    _batches_of,
    _drawings,
    _drawings_together,
    batches,
    few_drawings,
    picture_of,
    shrunk,
)
from allograph.evaluation.augmentation.result import ShotResult
from allograph.generation.generator import Writer
from commands.family import build
from evaluation.writers import Oracle, copy

SIZE = 28
CLASSICAL = Classical(turn=10, shift=0.1)
SHORT = ClassifierTraining(steps=2, widths=(8, 16))


def measure(draw, dataset: ConceptDataset, **changes):
    settings = {"size": SIZE, "classical": CLASSICAL, "training": SHORT, "trials": 2, "ways": 8, "made": 6, **changes}
    return evaluate_augmentation(draw, dataset, **settings)


def test_a_perfect_writer_is_worth_much_and_a_copying_one_nothing(symbols: ConceptDataset) -> None:
    long = ClassifierTraining(steps=40, widths=(16, 32))
    perfect = measure(Oracle(symbols, SIZE), symbols, training=long, shots=(1,), made=20).shots[0]
    assert perfect.allograph.value > perfect.nothing.value + 0.05
    assert perfect.both.value > perfect.classical.value
    copies = measure(copy, symbols, shots=(1,)).shots[0]
    assert copies.accuracies["allograph"] == copies.accuracies["nothing"]
    assert copies.accuracies["both"] == copies.accuracies["classical"]
    assert copies.half.value == pytest.approx(copies.classical.value, abs=0.2)


def test_the_seed_fixes_everything_and_global_randomness_stays(symbols: ConceptDataset) -> None:
    before = torch.random.get_rng_state()
    one, again, other = (measure(copy, symbols, seed=seed, shots=(1, 2)).shots for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one == again != other
    alone = measure(copy, symbols, seed=1, shots=(2,))
    assert alone.shots[0].shots == 2


def test_tested_drawings_are_given_to_nobody_and_are_the_same_for_all_shots(symbols: ConceptDataset) -> None:
    trial = draw_trials(symbols, trials=2, ways=6, drawings=9)[0]
    given, tested = few_drawings(symbols, trial, SIZE, 4)
    assert given.shape[:2] == (6, 4) and tested.shape[:2] == (6, 5)
    assert torch.equal(given[:, 0], symbols.drawings(trial.exemplars, SIZE))
    everything = torch.cat([given, tested], dim=1).flatten(0, 1).flatten(1)
    assert len(everything.unique(dim=0)) == 54
    assert measure(copy, symbols, shots=(1, 3), drawings=10).tested == 7


def test_the_given_drawings_take_turns(symbols: ConceptDataset) -> None:
    given = torch.rand(3, 5, 1, 4, 4)
    asked: list[tuple[int, int]] = []

    def draw(exemplars: Tensor, count: int, seed: int) -> Tensor:
        place = next(place for place in range(5) if torch.equal(given[:, place], exemplars))
        asked.append((place, count))
        return copy(exemplars, count, seed)

    pool = _drawings(draw, given, [1, 2, 5], 50, seed=0)
    for k, images in pool.items():
        assert images.shape[1] >= 50
        from_each = [int((images[0] == given[0, place]).all(-1).all(-1).all(-1).sum()) for place in range(5)]
        assert from_each == [50 // k] * k + [0] * (5 - k)
    assert max(count for _, count in asked) <= 20


def test_the_given_drawings_are_seen_together_each_first_in_turn(symbols: ConceptDataset) -> None:
    given = torch.rand(3, 5, 1, 4, 4)
    asked: list[tuple[list[int], int]] = []

    def draw(contexts: Tensor, count: int, seed: int) -> Tensor:
        asked.append(([int((given[0] == one).flatten(1).all(1).nonzero()) for one in contexts[0]], count))
        return copy(contexts[:, 0], count, seed)

    assert _drawings_together(draw, 9, given, 10, seed=0).shape[1] == 10
    assert asked == [([(first + number) % 5 for number in range(5)], 2) for first in range(5)]
    asked.clear()
    _drawings_together(draw, 2, given, 5, seed=0)
    assert [places for places, _ in asked] == [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]]


def test_a_writer_that_sees_all_given_drawings_is_measured_with_them(symbols: ConceptDataset) -> None:
    counts = []

    def draw(contexts: Tensor, count: int, seed: int) -> Tensor:
        counts.append(contexts.shape[1])
        return copy(contexts[:, -1], count, seed)

    turns, together = (measure(copy, symbols, shots=(1, 3), together=how) for how in (None, (draw, 9)))
    assert set(counts) == {3}
    assert (turns.together, together.together) == (False, True)
    assert turns.shots[0] == together.shots[0]  # of one drawing there is nothing to see together


def test_half_of_a_batch_is_real_where_that_is_wanted() -> None:
    given, pool = torch.zeros(3, 2, 1, 8, 8), torch.ones(3, 50, 1, 8, 8)
    plain = Classical()
    for count, real in ((2, 1), (4, 2), (5, 3), (1, 1)):
        seen = _batches_of("half", given, pool, plain, count, 0)(0)
        assert seen.shape[:2] == (3, count)
        assert ((seen.mean((2, 3, 4)) == 0).sum(1) == real).all()
    rare = _batches_of("both", given, pool, plain, 40, 0)(0)
    assert (rare.mean((2, 3, 4)) == 0).float().mean() < 0.15  # one in 26


def test_batches_are_balanced_plain_or_changed() -> None:
    images = torch.rand(3, 4, 1, 44, 44)
    plain, changed = (batches(images, change, 5, seed=0) for change in (None, CLASSICAL))
    seen = plain(0)
    assert seen.shape == (3, 5, 1, 22, 22)
    sources = shrunk(images)
    for ways in range(3):
        assert all(any(torch.equal(one, source) for source in sources[ways]) for one in seen[ways])
    assert not torch.equal(plain(1), seen), "drawn anew at every step"
    assert changed(0).shape == seen.shape
    assert torch.equal(shrunk(images[..., :28, :28]), images[..., :28, :28])


def test_a_classifier_learns_what_it_is_shown() -> None:
    images = torch.zeros(3, 2, 1, 16, 16)
    for label in range(3):
        images[label, :, :, 5 * label : 5 * label + 3] = 1
    training = ClassifierTraining(steps=40, widths=(8, 16))
    classifier = train_classifier(lambda step: images, 3, 1, training, seed=0)
    assert accuracy_of(classifier, images) == 1
    assert accuracy_of(classifier, images.roll(1, 0)) == 0


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 0.2, 50)
    rates = {"nothing": 0.4 + hard, "classical": 0.5 + hard, "allograph": 0.56 + hard, "both": 0.6 + hard}
    rates["half"] = 0.7 + hard
    result = ShotResult.of(1, {arm: values.tolist() for arm, values in rates.items()})
    assert result.allograph_minus_classical.value == pytest.approx(0.06)
    assert result.both_minus_classical.value == pytest.approx(0.1)
    assert result.half_minus_classical.value == pytest.approx(0.2)
    assert result.half_minus_both.value == pytest.approx(0.1)
    assert result.allograph_minus_classical.error < 1e-9 < 0.02 < result.allograph.error


def test_numbers_that_make_no_sense_are_one_clear_line(symbols: ConceptDataset) -> None:
    for changes, message in (
        ({"shots": (20,)}, "none is left to test on"),
        ({"shots": ()}, "at least 1"),
        ({"made": 0}, "at least 1"),
        ({"ways": 100}, "no alphabet has 100 characters"),
    ):
        with pytest.raises(AllographError, match=message):
            measure(copy, symbols, **changes)


def test_all_classes_take_part_where_there_are_few(symbols: ConceptDataset) -> None:
    few = symbols.select(range(4))
    assert measure(copy, few, shots=(1,), ways=None).ways == 4
    assert measure(copy, symbols, shots=(1,), ways=None, setting="across").ways == 20


def test_the_result_prints_and_is_json(symbols: ConceptDataset) -> None:
    counted: list[tuple[int, int]] = []
    result = measure(copy, symbols, shots=(1, 2), progress=lambda *count: counted.append(count))
    assert counted == [(number, 20) for number in range(1, 21)]
    back = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert back["shots"][1]["accuracies"]["both"] == result.shots[1].accuracies["both"]
    lines = result.table().splitlines()
    assert "8 classes within alphabets, 2 trials, 18 tested drawings" in lines[0]
    assert [line.split("  ")[0] for line in lines[2:12]] == [
        *("a", "b", "c", "d", "e"),
        *("c - b", "d - b", "d - c", "e - b", "e - d"),
    ]
    picture = picture_of(copy, symbols, size=SIZE, classical=CLASSICAL, ways=8, drawings=20, inked=True)
    assert picture.width > picture.height


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(build("bending"), ModelCard.of({"data": {"name": "none", "images": "symbols"}}), "0" * 64)


def test_drawings_in_the_models_own_images_are_ink_as_they_are_rendered(writer: Writer) -> None:
    exemplars = torch.zeros(2, 1, 28, 28)
    exemplars[0, :, 8:20, 13:15] = exemplars[1, :, 13:15, 8:20] = 1
    drawings = ShownDrawings(writer, None, True)(exemplars, 3, seed=5)
    assert drawings.shape == (2, 3, 1, 28, 28)
    assert set(drawings.unique().tolist()) == {0.0, 1.0}
    noise = writer.model.noise(6, generator=torch.Generator().manual_seed(5)).unflatten(0, (2, 3))
    logits = writer.draw(exemplars[:, None], noise).parameters
    assert torch.equal(drawings, (logits > 0).float())


def test_other_pictures_are_taken_in_and_drawings_rendered_like_them(writer: Writer) -> None:
    exemplars = torch.zeros(2, 1, 32, 32)
    exemplars[0, :, 6:26, 14:19] = 0.8
    draw = ShownDrawings(writer, None, False)
    drawings = draw(exemplars, 2, seed=0)
    assert drawings.shape == (2, 2, 1, 32, 32)
    assert draw.refused == 1, "nothing can be taken in where nothing is drawn"
    assert torch.equal(drawings[1], exemplars[1].expand(2, -1, -1, -1))
    assert drawings[0].amax() == pytest.approx(0.8, abs=0.02), "as grey as the exemplar"
    assert 0.2 < drawings[0].mean() / exemplars[0].mean() < 3


def test_pictures_of_a_model_of_pictures_are_means() -> None:
    grey = Writer(build("grey"), ModelCard.of({"data": {"name": "none", "images": "grey"}}), "0" * 64)
    drawings = ShownDrawings(grey, None, True)(torch.rand(2, 1, 16, 16), 3, seed=0)
    assert drawings.shape == (2, 3, 1, 16, 16)
    assert drawings.min() >= 0 and drawings.max() <= 1
