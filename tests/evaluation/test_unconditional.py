"""Drawings from nothing: copies of the training, real drawings and noise are judged as what they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allograph import AllographError
from allograph.data import ConceptDataset, stroke_concepts
from allograph.evaluation import Critic, Judges, TrainingFeatures, from_nothing
from allograph.evaluation.oneshot.unconditional import picture_from_nothing, unconditional_trials

SIZE = 40


@pytest.fixture(scope="module")
def training(critic: Critic) -> TrainingFeatures:
    """What a model was trained on: 12 symbols, 5 drawings of each."""
    return TrainingFeatures.of(stroke_concepts(12, 5, seed=8), Judges(critic), SIZE)


def test_copies_of_the_training_are_found_out(symbols: ConceptDataset, training: TrainingFeatures) -> None:
    known = training.drawings.drawings(np.arange(len(training.drawings)), SIZE)

    def copying(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
        assert context is None
        return known[torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))[:n]][None]

    result = from_nothing(copying, symbols, training, trials=3)
    assert result.generated.originality.value < 1e-3 > result.generated.simclr_originality.value
    assert result.generated.originality.value < result.copies.originality.value < result.real.originality.value
    assert (result.drawings, result.training, result.task) == (20, 60, "unconditional")
    assert "taken for real" in result.table()


def test_real_drawings_are_taken_for_real_half_of_the_time_and_noise_never(
    symbols: ConceptDataset, training: TrainingFeatures
) -> None:
    by_seed = {
        trial.seed: trial for trial in unconditional_trials(symbols, training.drawings, drawings=None, trials=6, seed=0)
    }

    def people(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
        return symbols.drawings(by_seed[seed].real, SIZE)[None]

    def noise(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
        return (torch.rand(1, n, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) < 0.1).float()

    exact = from_nothing(people, symbols, training, trials=6)
    assert exact.generated == exact.real
    assert exact.real.recognizability.value == pytest.approx(0.5, abs=0.2)
    assert from_nothing(noise, symbols, training, trials=2).generated.recognizability.value == 0


def test_the_nearest_is_looked_for_among_all_of_the_training(training: TrainingFeatures, critic: Critic) -> None:
    assert training.seen.critic.shape == training.seen.embedding.shape == (60, 1024)
    some = training.drawings.drawings([0, 30, 59], SIZE)
    assert torch.allclose(training.seen.critic[[0, 30, 59]], critic.features(some), atol=1e-4)


def test_characters_of_the_two_halves_differ(symbols: ConceptDataset, training: TrainingFeatures) -> None:
    for trial in unconditional_trials(symbols, training.drawings, drawings=9, trials=4, seed=2):
        concepts = symbols.concept[np.concatenate([trial.real, trial.others])]
        assert len(np.unique(concepts)) == 18 and len(np.unique(trial.training)) == 9


def test_too_few_characters_are_one_clear_line(symbols: ConceptDataset, training: TrainingFeatures) -> None:
    with pytest.raises(AllographError, match=r"21 drawings .* twice as many characters .* 40 characters"):
        unconditional_trials(symbols, training.drawings, drawings=21, trials=2, seed=0)
    with pytest.raises(AllographError, match="at least 2 trials"):
        unconditional_trials(symbols, training.drawings, drawings=3, trials=1, seed=0)


def test_the_picture_shows_the_nearest_of_the_training(symbols: ConceptDataset, training: TrainingFeatures) -> None:
    picture = picture_from_nothing(lambda context, n, seed: torch.zeros(1, n, 1, SIZE, SIZE), symbols, training)
    assert picture.width > picture.height
