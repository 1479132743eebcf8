"""The Turing test tells noise from people and people from nobody, and topology counts what writers keep."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from allograph import AllographError
from allograph.card import ModelCard
from allograph.data import ConceptDataset, stroke_concepts
from allograph.evaluation.oneshot.judge import JudgeTraining
from allograph.evaluation.oneshot.line_up import LineUp, halves, line_ups, shapes_of
from allograph.evaluation.oneshot.points import Estimate
from allograph.evaluation.oneshot.resampling import counts_of, resampled_by, units_of
from allograph.evaluation.oneshot.topology import TopologyResult, topology_test
from allograph.evaluation.oneshot.turing import _figures, picture_of, turing_test
from allograph.evaluation.shown import ShownDrawings
from allograph.generation.generator import Writer
from allograph.runtime.distributed import ALONE
from evaluation.small import untrained_bending
from evaluation.writers import Oracle

SIZE = 28
QUICK = JudgeTraining(steps=120, widths=(16, 32, 32))


class Shown:
    """In place of `ShownDrawings`, a writer whose worth is known; what is rendered again is its drawing, too."""

    def __init__(self, draw: Any, again: Any = lambda drawings: drawings) -> None:
        self.draw, self.again, self.direct, self.refused = draw, again, False, 0

    def __call__(self, exemplars: Tensor, count: int, seed: int) -> Tensor:
        return self.draw(exemplars, count, seed)


def noise(exemplars: Tensor, count: int, seed: int) -> Tensor:
    """As much ink, anywhere."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(exemplars), count, *exemplars.shape[1:])
    return (torch.rand(shape, generator=generator) < exemplars.mean()).float()


def shown(symbols: ConceptDataset, draw: Any, size: int = SIZE, seed: int = 0, **more: Any) -> list[LineUp]:
    settings: dict[str, Any] = {"characters": None, "progress": lambda done, total: None, "processes": ALONE, **more}
    return line_ups(Shown(draw), symbols, size=size, seed=seed, **settings)  # type: ignore[arg-type]


def test_drawings_of_a_line_up_are_different_drawings_of_one_character(symbols: ConceptDataset) -> None:
    draw = Oracle(symbols, symbols.side)
    every = shapes_of(symbols.drawings(np.arange(len(symbols)), symbols.side)[:, 0], symbols.side)
    owner = {image.numpy().tobytes(): number for number, image in enumerate(every)}
    for one in shown(symbols, draw, size=symbols.side):
        assert (len(one.exemplars), len(one.people), len(one.others), one.generated.shape[:2]) == (2, 9, 9, (2, 9))
        sets = [[owner[image.numpy().tobytes()] for image in part] for part in (one.exemplars, one.people, one.others)]
        numbers = np.concatenate(sets)
        assert len(set(numbers.tolist())) == 20
        assert set(symbols.concept[numbers]) == {one.concept}
        assert torch.equal(one.after_exemplars("people")[1], one.people)


def test_halves_share_no_alphabet_or_of_one_alphabet_no_character(symbols: ConceptDataset) -> None:
    found = shown(symbols, Oracle(symbols, symbols.side))
    first, second = halves(symbols, found, seed=0)
    families = [{int(symbols.family[found[place].concept]) for place in half} for half in (first, second)]
    assert families[0].isdisjoint(families[1]) and set.union(*families) == {0, 1}
    alone = symbols.select(range(16))
    found = shown(alone, Oracle(alone, alone.side))
    first, second = halves(alone, found, seed=0)
    assert (len(first), len(second)) == (8, 8) and not set(first) & set(second)


def test_neither_place_nor_grey_edges_tell_drawings_apart(symbols: ConceptDataset) -> None:
    drawing = symbols.drawings([7], 105)[:, 0]
    moved = drawing.roll((3, -6), (1, 2)) * 0.8
    for size in (28, 52, 105):
        assert torch.equal(shapes_of(drawing, size), shapes_of(moved, size))
    rows, columns = (shapes_of(drawing, 105)[0].any(axis).nonzero() for axis in (1, 0))
    assert all(abs(int(span[0] + span[-1]) - 104) <= 1 for span in (rows, columns))
    assert not shapes_of(torch.zeros(1, 105, 105), 52).any(), "blank drawings stay blank"


def test_drawings_rendered_again_are_the_same_drawings_and_a_blank_one_is_left_as_it_is(
    symbols: ConceptDataset,
) -> None:
    draw = ShownDrawings(Writer(untrained_bending(), ModelCard.of({"data": {"images": "symbols"}}), ""), None, False)
    drawings = torch.cat([symbols.drawings([0, 300], 105), torch.zeros(1, 1, 105, 105)])
    again = draw.again(drawings)
    assert again.shape == drawings.shape and again.min() >= 0 and again.max() <= 1
    assert torch.equal(again[2], drawings[2]) and draw.refused == 1
    for one, other in ((drawings[:2], again[:2]), (again[:2], drawings[:2])):
        beside = torch.nn.functional.max_pool2d(other.round(), 9, 1, 4)  # a pixel of the model's is five of these
        assert (one.round() * beside).sum() > 0.9 * one.round().sum()
    assert not torch.equal(again[:2].round(), drawings[:2])


@pytest.mark.slow
def test_noise_is_told_from_people_and_people_are_not(symbols: ConceptDataset) -> None:
    writer = Shown(noise, again=lambda drawings: drawings.flip(2))
    result, found = turing_test(writer, symbols, size=SIZE, training=QUICK)  # type: ignore[arg-type]
    assert result.generated.accuracy.value > 0.98 and result.generated.auc.value > 0.99
    floor = result.people
    assert abs(floor.accuracy.value - 0.5) < max(4 * floor.accuracy.error, 0.06)
    assert abs(floor.auc.value - 0.5) < max(4 * floor.auc.error, 0.06)
    assert result.telling[0].score >= result.telling[-1].score >= 0.5 > result.people.accuracy.error
    assert result.passing[0].score <= result.passing[-1].score
    best = result.telling[0]
    assert best.character == symbols.concept_names[found[best.line_up].concept]
    picture = picture_of(result, found)
    assert picture.width > picture.height
    back = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert (back["task"], back["generated"]["accuracy"]["value"]) == ("turing", result.generated.accuracy.value)
    rows = result.table().splitlines()
    assert [row.split("  ")[0] for row in rows[2:]] == ["people", "real, only rendered again", "generated"]


@pytest.mark.slow
def test_a_perfect_writer_is_told_as_rarely_as_people_and_the_seed_fixes_everything(symbols: ConceptDataset) -> None:
    writer = Shown(Oracle(symbols, symbols.side))

    def run(seed: int, steps: int = 10) -> Any:
        few = {"training": replace(QUICK, steps=steps), "characters": 12, "seed": seed}
        return turing_test(writer, symbols, size=SIZE, **few)[0]  # type: ignore[arg-type]

    before = torch.random.get_rng_state()
    result = run(1, steps=60)
    assert abs(result.generated.accuracy.value - 0.5) < max(4 * result.generated.accuracy.error, 0.06)
    assert result.rendered == result.people, "the same drawings again are the same test"
    assert run(1) == run(1) != run(2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_figures_are_accuracy_and_auc_and_weights_repeat_characters() -> None:
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(6), 5)
    people, others = rng.normal(0, 1, 30).round(1), rng.normal(0.7, 1, 30).round(1)
    counts = np.stack([np.ones(6), np.array([2.0, 0, 1, 0, 3, 0])])
    accuracy, auc = _figures(people, others, owners, counts)
    for row, count in enumerate(counts):
        weight = count[owners]
        truth = np.concatenate([np.zeros(30), np.ones(30)])
        scores, weights = np.concatenate([people, others]), np.concatenate([weight, weight])
        right = ((scores > 0) == truth) @ weights / weights.sum()
        assert accuracy[row] == pytest.approx(right)
        assert auc[row] == pytest.approx(roc_auc_score(truth, scores, sample_weight=weights))


def test_errors_are_those_of_other_characters_and_shrink_with_more(symbols: ConceptDataset) -> None:
    """Of shares that differ from character to character, as a direct simulation finds them."""
    rng = np.random.default_rng(0)
    errors = []
    for characters in (40, 160, 640):
        shares = rng.beta(2, 2, (400, characters))
        truth = shares.mean(1).std()
        counts = counts_of(np.arange(characters), seed=0)
        found = [Estimate.bootstrap(counts @ share / counts.sum(1)).error for share in shares[:20]]
        assert np.mean(found) == pytest.approx(truth, rel=0.1)
        errors.append(np.mean(found))
    assert errors[0] > 1.8 * errors[1] > 3.2 * errors[2]
    many = replace(symbols, family_names=tuple("abcdefgh"), family=np.arange(40) // 5)
    assert resampled_by(many, np.arange(20), np.arange(20, 40)) == "characters", "four alphabets are too few"
    assert resampled_by(many, np.arange(40)) == "alphabets"
    assert list(units_of(many, np.arange(15, 25), "alphabets")) == [0] * 5 + [1] * 5
    together = counts_of(units_of(many, np.arange(40), "alphabets"), seed=0)
    assert (together.reshape(len(together), 8, 5).std(2) == 0).all()


@pytest.mark.slow
def test_topology_counts_what_writers_keep(symbols: ConceptDataset) -> None:
    def copies(exemplars: Tensor, count: int, seed: int) -> Tensor:
        return exemplars[:, None].expand(-1, count, -1, -1, -1)

    def blank(drawings: Tensor) -> Tensor:
        return torch.zeros_like(drawings)

    result, _ = topology_test(Shown(copies, blank), symbols, size=52)  # type: ignore[arg-type]
    assert all(share == Estimate(1.0, 0.0) for share in result.generated.shares)
    assert result.kept is not None and result.kept.parts.value == result.kept.all.value == 0
    assert 0.3 < result.people.both.value <= min(result.people.parts.value, result.people.holes.value) < 1
    assert result.people.all.value <= result.people.both.value
    perfect, _ = topology_test(Shown(Oracle(symbols, symbols.side)), symbols, size=52)  # type: ignore[arg-type]
    for mine, theirs in zip(perfect.generated.shares, perfect.people.shares, strict=True):
        assert abs(mine.value - theirs.value) < 4 * np.hypot(mine.error, theirs.error)
    assert perfect.kept is not None and perfect.kept.all.value == 1
    assert perfect.people == result.people
    assert isinstance(json.loads(json.dumps(perfect.to_dict()))["generated"]["both"]["error"], float)


@pytest.mark.slow
def test_more_drawings_have_smaller_errors() -> None:
    def errors(data: ConceptDataset) -> TopologyResult:
        return topology_test(Shown(Oracle(data, data.side)), data, size=28)[0]  # type: ignore[arg-type]

    few, many = (errors(stroke_concepts(count, 12, seed=3)) for count in (10, 80))
    assert many.people.all.error < 0.6 * few.people.all.error


def test_a_choice_of_characters_is_drawn_from_all_and_few_drawings_will_do(symbols: ConceptDataset) -> None:
    draw = Oracle(symbols, symbols.side)
    some = [one.concept for one in shown(symbols, draw, characters=10)]
    assert (
        len(set(some)) == 10
        and max(some) >= 20
        and some != [one.concept for one in shown(symbols, draw, characters=10, seed=1)]
    )
    few = symbols.select_drawings(np.concatenate([symbols.images_of(concept)[:3] for concept in range(4)]))
    assert all(len(one.exemplars) == len(one.people) == len(one.others) == 1 for one in shown(few, Oracle(few, 105)))
    with pytest.raises(AllographError, match="four characters of three drawings"):
        shown(symbols.select_drawings(symbols.images_of(0)), draw)
    with pytest.raises(AllographError, match="use --size 105 or less"):
        shown(symbols, draw, size=106)
