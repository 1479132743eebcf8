"""New characters of an alphabet: models whose worth is known beforehand are judged as what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from allograph import AllographError
from allograph.data import ConceptDataset, stroke_concepts
from allograph.evaluation import Critic, new_characters
from allograph.evaluation.oneshot.alphabet import _copies, alphabet_trials, picture_of_alphabets

SIZE = 40
COUNTS = {"given": 3, "drawings": 4, "references": 5}


@pytest.fixture(scope="module")
def alphabets(symbols: ConceptDataset) -> ConceptDataset:
    """Three alphabets of symbols by 20 writers; those of the second are upside down, of the third thick."""
    return replace(symbols, family_names=("a", "b", "c"), family=np.repeat([0, 1, 2], [12, 14, 14]))


def measure(draw, dataset: ConceptDataset, critic: Critic, **changes):  # type: ignore[no-untyped-def]
    return new_characters(draw, dataset, critic, **{"size": SIZE, "trials": 4, **COUNTS, **changes})


def copies(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
    """The characters given, in turn."""
    assert context is not None
    return context[:, torch.arange(n) % context.shape[1]]


def test_copies_of_what_was_given_are_not_original(alphabets: ConceptDataset, critic: Critic) -> None:
    result = measure(copies, alphabets, critic)
    assert result.generated.originality.value == result.generated.simclr_originality.value == 0
    assert 0 < result.copies.originality.value < result.real.originality.value
    assert result.real.diversity.value > 0.3, "characters differ more than drawings of one do"


def test_real_characters_are_not_told_from_real_ones(alphabets: ConceptDataset, critic: Critic) -> None:
    trials = alphabet_trials(alphabets, **COUNTS, ways=3, trials=6, seed=0)
    by_seed = {trial.seed: trial for trial in trials}

    def people(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
        shown = by_seed[seed].others
        return alphabets.drawings(shown.ravel(), SIZE).unflatten(0, shown.shape)

    result = measure(people, alphabets, critic, trials=6)
    assert result.generated == result.real
    assert [part.value for part in result.ratio.parts] == pytest.approx([1] * 5)
    assert (result.task, result.ways, result.given, result.references) == ("alphabet", 3, 3, 5)
    assert "own alphabet" in result.table()


def test_drawings_of_another_alphabet_are_recognised_as_such(alphabets: ConceptDataset, critic: Critic) -> None:
    def shifted(context: torch.Tensor | None, n: int, seed: int) -> torch.Tensor:
        assert context is not None
        return copies(context.roll(1, 0), n, seed)

    right, wrong = (measure(draw, alphabets, critic, trials=6).generated for draw in (copies, shifted))
    assert wrong.recognizability.value < right.recognizability.value
    assert wrong.originality.value > right.originality.value == 0


def test_no_character_has_two_parts_in_a_trial(alphabets: ConceptDataset) -> None:
    trials = alphabet_trials(alphabets, **COUNTS, ways=2, trials=5, seed=1)
    for trial in trials:
        parts = [trial.given, trial.others, trial.references]
        assert [part.shape for part in parts] == [(2, 3), (2, 4), (2, 5)]
        concepts = alphabets.concept[np.concatenate(parts, axis=1)]
        assert len(np.unique(concepts)) == concepts.size
        families = alphabets.family[concepts]
        assert (families == families[:, :1]).all() and families[0, 0] != families[1, 0]
    again = alphabet_trials(alphabets, **COUNTS, ways=2, trials=3, seed=1)
    assert all(np.array_equal(one.given, other.given) for one, other in zip(again, trials, strict=False))


def test_copies_take_turns() -> None:
    given = torch.rand(2, 3, 1, 8, 8)
    made = _copies(given, 7, seed=0)
    assert made.shape == (2, 7, 1, 8, 8)
    flat, shown = made.flatten(2), given.flatten(2)
    nearest = torch.cdist(flat, shown).argmin(-1)
    assert nearest.tolist() == [[0, 1, 2, 0, 1, 2, 0]] * 2


def test_too_few_alphabets_are_one_clear_line(alphabets: ConceptDataset) -> None:
    with pytest.raises(AllographError, match=r"1 alphabet of this part has the 13 characters.*30-20"):
        alphabet_trials(alphabets.select(range(26)), **COUNTS | {"given": 4}, ways=2, trials=2, seed=0)
    with pytest.raises(AllographError, match="no alphabets of this part have the 30"):
        alphabet_trials(alphabets, given=10, drawings=10, references=10, ways=2, trials=2, seed=0)
    with pytest.raises(AllographError, match="at least 2 trials"):
        alphabet_trials(alphabets, **COUNTS, ways=1, trials=2, seed=0)


def test_the_picture_has_a_row_for_each_alphabet() -> None:
    dataset = stroke_concepts(40, 2, seed=0)
    dataset = replace(dataset, family_names=("a", "b"), family=np.repeat([0, 1], 20))
    wide = picture_of_alphabets(copies, dataset, size=16, given=5)
    narrow = picture_of_alphabets(copies, dataset, size=16, given=2)
    assert wide.height == narrow.height and wide.width > narrow.width > wide.height
