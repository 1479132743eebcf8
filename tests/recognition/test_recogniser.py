"""The recogniser: scikit-learn's conventions, right answers, none of these, and nothing that depends on order."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score

import allograph
from allograph.bounds import importance_weighted_bound
from allograph.data import ConceptDataset, PackedBitmaps, split, stroke_concepts
from allograph.errors import AllographError
from allograph.recognition import Recogniser, recogniser
from allograph.recognition.evidence import SIDE, bitmaps_of, default_examiner
from allograph.recognition.recogniser import Look, look

SYMBOLS, HANDS = 6, 3


@pytest.fixture(scope="module")
def glyphs() -> ConceptDataset:
    return stroke_concepts(SYMBOLS + 2, HANDS, seed=3)


def pictures(glyphs: ConceptDataset, concepts: Sequence[int], hand: int) -> list[Image.Image]:
    """What one writer drew, black on white."""
    pixels = glyphs.images.pixels(glyphs.at(np.array(concepts), hand))[:, 0]
    return [Image.fromarray(255 - one) for one in pixels]


@pytest.fixture(scope="module")
def fitted(glyphs: ConceptDataset) -> Recogniser:
    labels = [f"symbol {one}" for one in range(SYMBOLS)]
    return Recogniser().fit(pictures(glyphs, range(SYMBOLS), 0), labels)


@pytest.mark.slow
def test_made_up_symbols_are_recognised_with_probabilities(fitted: Recogniser, glyphs: ConceptDataset) -> None:
    tests = pictures(glyphs, range(SYMBOLS), 1) + pictures(glyphs, range(SYMBOLS), 2)
    right = [f"symbol {one}" for one in range(SYMBOLS)] * 2
    assert fitted.score(tests, right) >= 0.9
    found = fitted.predict_proba(tests)
    assert found.shape == (2 * SYMBOLS, SYMBOLS)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (fitted.classes_[found.argmax(axis=1)] == fitted.predict(tests)).all()
    seen = fitted.recognise(tests[0], top=2)
    assert seen.answer == "symbol 0" == seen.guesses[0].label and len(seen.guesses) == 2
    assert seen.guesses[0].probability == pytest.approx(found[0, 0] * (1 - seen.none))


@pytest.mark.slow
def test_it_follows_the_conventions_of_scikit_learn(glyphs: ConceptDataset) -> None:
    made = Recogniser("?", shortlist=0, samples=3)
    assert made.get_params() == {
        "none": "?", "threshold": None, "shortlist": 0, "samples": 3, "seed": 0, "ink": "auto"
    }  # fmt: skip
    copy = clone(made)
    assert copy is not made and copy.get_params() == made.get_params()
    assert made.set_params(samples=5, none=None) is made and made.samples == 5
    with pytest.raises(ValueError, match="not a parameter"):
        made.set_params(depth=2)
    assert is_classifier(made) and "samples=5" in repr(made)
    drawings = [one for hand in range(HANDS) for one in pictures(glyphs, range(4), hand)]
    labels = np.tile([7, 5, 3, 1], HANDS)
    assert cross_val_score(made, np.stack([np.asarray(one) for one in drawings]), labels, cv=3).mean() > 0.7
    assert made.fit(drawings, labels) is made
    assert made.classes_.tolist() == [1, 3, 5, 7]
    assert made.predict(drawings[:1]).tolist() == [7]
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.predict_proba(drawings[:2]), made.predict_proba(drawings[:2]))
    assert allograph.Recogniser is Recogniser


@pytest.mark.slow
def test_the_order_of_classes_and_drawings_does_not_matter(glyphs: ConceptDataset) -> None:
    drawings = pictures(glyphs, range(SYMBOLS), 0) + pictures(glyphs, range(SYMBOLS), 1)
    names = np.array([*"fedcba"] * 2)
    order = np.random.default_rng(0).permutation(len(drawings))
    one = Recogniser(shortlist=3, samples=2).fit(drawings, names)
    other = Recogniser(shortlist=3, samples=2).fit([drawings[place] for place in order], names[order])
    tests = pictures(glyphs, range(3), 2)
    np.testing.assert_allclose(one.predict_proba(tests), other.predict_proba(tests), rtol=1e-3, atol=1e-6)
    backwards = one.predict_proba(tests[::-1])[::-1]
    np.testing.assert_allclose(one.predict_proba(tests), backwards, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_strangers_are_refused_if_that_is_wanted(fitted: Recogniser, glyphs: ConceptDataset) -> None:
    strangers = pictures(glyphs, [SYMBOLS, SYMBOLS + 1], 0) + pictures(glyphs, [SYMBOLS, SYMBOLS + 1], 1)
    known = pictures(glyphs, range(SYMBOLS), 1)
    assert fitted.none_proba(strangers).mean() > 0.5 > fitted.none_proba(known).mean()
    asked = clone(fitted).set_params(none="?").fit(pictures(glyphs, range(SYMBOLS), 0), fitted.classes_)
    answers = asked.predict(strangers)
    refused = [asked.recognise(one).answer is None for one in strangers]
    assert (answers == "?").tolist() == refused and sum(refused) >= 2
    assert "?" not in asked.set_params(threshold=1).predict(strangers)
    assert (asked.set_params(threshold=0).predict(known) == "?").all()
    assert "?" not in fitted.predict(strangers)


def test_evidence_is_the_likelihood_of_the_model(fitted: Recogniser, glyphs: ConceptDataset) -> None:
    test = look(pictures(glyphs, [2], 1)[0])
    found = fitted.examine(test)
    examiner, known = default_examiner(), fitted._known
    model, size = examiner.loaded.model, examiner.loaded.model.config.image_size

    def shown(row: np.ndarray) -> torch.Tensor:
        return PackedBitmaps(row[None], SIDE, only_size=size).drawings([0], size)

    def bound(x: torch.Tensor, context: torch.Tensor | None) -> float:
        many = [
            -importance_weighted_bound(
                model,
                x,
                None if context is None else context[None],
                samples=200,
                generator=torch.Generator().manual_seed(seed),
            ).value.item()
            for seed in range(3)
        ]
        return float(np.mean(many))

    x = shown(test.row)
    one = int(found.near[0])
    exemplar = shown(known.drawings.bits[one])
    assert found.forward[0] == pytest.approx(bound(x, exemplar) - bound(x, None), abs=6)
    assert found.backward[0] == pytest.approx(bound(exemplar, x) - bound(exemplar, None), abs=6)
    assert found.near.tolist() == np.argsort(-found.cosines)[: len(found.near)].tolist()


def test_several_drawings_of_a_class_are_one_class(glyphs: ConceptDataset) -> None:
    drawings = [one for hand in (0, 1) for one in pictures(glyphs, range(3), hand)]
    several = Recogniser(shortlist=2, samples=2).fit(drawings, [0, 1, 2] * 2)
    assert several.predict_proba(pictures(glyphs, range(3), 2)).shape == (3, 3)
    assert several.predict(pictures(glyphs, range(3), 2)).tolist() == [0, 1, 2]


def test_what_files_gave_is_kept(glyphs: ConceptDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "glyph.png"
    pictures(glyphs, [5], 2)[0].save(path)
    first = look(path)
    monkeypatch.setattr(recogniser, "preprocess", None)  # nothing is taken in anew
    again = look(str(path))
    np.testing.assert_array_equal(first.row, again.row)
    np.testing.assert_array_equal(first.features, again.features)
    with pytest.raises(TypeError):
        look(path, "dark")  # another question


def test_mistakes_are_said_in_one_line(glyphs: ConceptDataset) -> None:
    some = pictures(glyphs, range(2), 0)
    with pytest.raises(AllographError, match="2 drawings and 1 labels"):
        Recogniser().fit(some, ["a"])
    with pytest.raises(AllographError, match="0 drawings"):
        Recogniser().fit([], [])
    with pytest.raises(AllographError, match="call fit first"):
        Recogniser().predict(some)
    with pytest.raises(AllographError, match="ink"):
        Recogniser().fit([Image.new("L", (50, 50), 255)], ["a"])


@pytest.mark.slow
def test_real_drawings_of_unseen_alphabets(omniglot: ConceptDataset) -> None:
    unseen = split(omniglot).validation
    concepts = np.flatnonzero(unseen.family == 0)[:20]
    rows = [unseen.images.bits[unseen.at(concepts, hand)] for hand in (2, 9)]  # type: ignore[attr-defined]
    features = [default_examiner().features(bitmaps_of(part)).numpy() for part in rows]
    looks = [[Look(*pair) for pair in zip(*part, strict=True)] for part in zip(rows, features, strict=True)]
    made = Recogniser().fit_looks(looks[0], concepts)
    answers = [made.recognise(one) for one in looks[1]]
    assert np.mean([one.guesses[0].label == right for one, right in zip(answers, concepts, strict=True)]) >= 0.9
    assert np.mean([one.answer is None for one in answers]) <= 0.3
