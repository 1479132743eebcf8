"""The Turing test of drawings: does a network that sees an exemplar and a drawing know whether a person drew it?"""

from __future__ import annotations

__all__ = ["Telling", "Told", "TuringResult", "picture_of", "turing_test"]

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from allograph.evaluation.oneshot.judge import JudgeTraining, scores_of, train_judge
from allograph.evaluation.oneshot.line_up import LineUp, ShapesResult, described, halves, line_ups
from allograph.evaluation.oneshot.points import Estimate
from allograph.evaluation.oneshot.resampling import counts_of, resampled_by, units_of
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset
    from allograph.evaluation.shown import ShownDrawings

Indices = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

KINDS = {"people": "others", "rendered": "rendered", "generated": "generated"}
"""What a judge tells from people's drawings: other drawings by people, these only rendered again, the model's."""

_SHOWN = 24
"""Drawings of a kind in the record and in the picture."""

_ROWS = 8


@dataclass(frozen=True)
class Told:
    """How well judges tell drawings of one kind from people's: 1/2 is chance, 1 always.

    accuracy: share of drawings of both kinds that are told rightly. auc: how often a drawing of this kind has a higher
    score than a person's. halves: the accuracy of each of the two judges.
    """

    accuracy: Estimate
    auc: Estimate
    halves: tuple[float, float]


@dataclass(frozen=True)
class Telling:
    """A drawing of the model's and its score, the probability that no person drew it: the line-up and the places of its
    exemplar and of itself therein."""

    character: str
    alphabet: str
    score: float
    line_up: int
    exemplar: int
    drawing: int


@dataclass(frozen=True)
class TuringResult(ShapesResult):
    """The result of the Turing test.

    Attributes:
        judge: how every judge was made and trained.
        people: other drawings by people told from people's: the floor.
        rendered: the same drawings, only read and rendered again; None if the model's images are the data's.
        generated: the model's drawings.
        telling: the model's drawings with the highest scores. passing: those with the lowest.
    """

    judge: dict[str, Any]
    people: Told
    rendered: Told | None
    generated: Told
    telling: tuple[Telling, ...]
    passing: tuple[Telling, ...]
    task: str = "turing"

    def table(self) -> str:
        """A table to print."""
        head = (
            f"told from people's drawings by a network that sees exemplar and drawing, {self.size} px; "
            f"{self.characters} characters, {self.exemplars} exemplars each, {self.drawings} drawings of each kind "
            f"beside an exemplar; {self.data}; errors: bootstrap over {self.resampled}"
        )
        lines = [head, f"{'':32}{'told apart':>18}{'AUC':>18}"]
        kinds = (("people", self.people), ("real, only rendered again", self.rendered), ("generated", self.generated))
        for name, told in kinds:
            if told is not None:
                accuracy = f"{100 * told.accuracy.value:.1f} ± {100 * told.accuracy.error:.1f} %"
                lines.append(f"{name:32}{accuracy:>18}{f'{told.auc.value:.3f} ± {told.auc.error:.3f}':>18}")
        return "\n".join([*lines, *self.notes])


def turing_test(
    draw: ShownDrawings,
    dataset: ConceptDataset,
    *,
    size: int,
    characters: int | None = None,
    training: JudgeTraining | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> tuple[TuringResult, list[LineUp]]:
    """Train judges to tell people's drawings from other people's, from the same drawn again, and from the model's.

    A judge sees an exemplar and a drawing of the same character, both as shapes of ``size`` pixels (see `shapes_of`).
    It is trained on the characters of one half of the alphabets and tested on those of the other half, then another one
    the other way round; the figures are the means of both. All judges have the same first weights and the same course
    of training, and see the same exemplars and the same drawings by people. Standard errors are those for other
    alphabets (for other characters, where there are few alphabets) of the same judges: bootstrap.

    It is a classifier two-sample test (Lopez-Paz, Oquab, *Revisiting Classifier Two-Sample Tests*, ICLR 2017) of
    drawings given an exemplar. Returns the line-ups, too.

    Raises:
        AllographError: see `line_ups`.
    """
    training = training or JudgeTraining()
    shown = line_ups(
        draw,
        dataset,
        size=size,
        characters=characters,
        seed=seed,
        progress=lambda done, total: progress(done, 2 * total),
        processes=processes,
    )
    divided = halves(dataset, shown, seed)
    kinds = [kind for kind in KINDS if kind != "rendered" or len(shown[0].rendered)]
    trials = [(kind, way) for kind in kinds for way in (0, 1)]

    def judged(number: int) -> Tensor:
        """The scores of people's drawings and of the others, (2, n), of the half that the judge was not trained on."""
        kind, way = trials[number]
        steps = len(trials) * training.steps

        def at(step: int) -> None:
            done = (number * training.steps + step) / steps
            progress(len(shown) + int(len(shown) * done), 2 * len(shown))

        known, unknown = (_pairs(shown, divided[half], KINDS[kind]) for half in (way, 1 - way))
        judge = train_judge(*known, training, seed, at)
        return torch.stack([scores_of(judge, pairs) for pairs in unknown])

    scores = dict(zip(trials, processes.spread(judged, range(len(trials))), strict=True))
    unit = resampled_by(dataset, *(_concepts(shown, half) for half in divided))

    def told(kind: str) -> Told | None:
        if kind not in kinds:
            return None
        values = []
        for way in (0, 1):
            half = divided[1 - way]
            units = units_of(dataset, _concepts(shown, half), unit)
            sizes = [shown[place].generated.shape[:2].numel() for place in half]
            people, others = scores[kind, way].double().numpy()
            values.append(
                _figures(people, others, np.repeat(np.arange(len(half)), sizes), counts_of(units, seed + way))
            )
        accuracy, auc = (np.mean([value[which] for value in values], axis=0) for which in (0, 1))
        first, second = (float(value[0][0]) for value in values)
        return Told(Estimate.bootstrap(accuracy), Estimate.bootstrap(auc), (first, second))

    ranked = sorted(_named(shown, dataset, divided, scores), key=lambda one: -one.score)
    fields: dict[str, Any] = described(dataset, shown, size, unit, seed)
    fields |= {kind: told(kind) for kind in KINDS}
    result = TuringResult(
        **fields,
        judge=asdict(training),
        telling=tuple(ranked[:_SHOWN]),
        passing=tuple(ranked[: -_SHOWN - 1 : -1]),
    )
    return result, shown


def _concepts(shown: Sequence[LineUp], places: Indices) -> Indices:
    return np.asarray([shown[place].concept for place in places])


def _pairs(shown: Sequence[LineUp], places: Indices, kind: str) -> tuple[Tensor, Tensor]:
    """Each exemplar of these characters with each drawing beside it, by people and of a kind, (n, 2, S, S) both."""
    pairs = []
    for drawings in ("people", kind):
        beside = [(shown[place].exemplars, shown[place].after_exemplars(drawings)) for place in places]
        both = [torch.stack([one[:, None].expand_as(others), others], 2).flatten(0, 1) for one, others in beside]
        pairs.append(torch.cat(both))
    return pairs[0], pairs[1]


def _figures(people: Scores, others: Scores, owners: Indices, counts: Scores) -> tuple[Scores, Scores]:
    """Accuracy and AUC, for each row of ``counts`` (rounds, characters) of how often the characters count.

    ``owners`` (n,): the character of each score.
    """
    characters = counts.shape[1]
    right = np.bincount(owners, (people <= 0).astype(float) + (others > 0), characters)
    sizes = np.bincount(owners, minlength=characters).astype(float)
    weight = counts @ sizes
    wins = np.stack([_wins(others[owners == one], people, owners, characters) for one in range(characters)])
    return counts @ right / (2 * weight), np.einsum("ri,ij,rj->r", counts, wins, counts, optimize=True) / weight**2


def _wins(others: Scores, people: Scores, owners: Indices, characters: int) -> Scores:
    """How often a score in ``others`` is above one of each character's people; equal ones count one half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, people, "left") + np.searchsorted(ordered, people, "right")
    return np.bincount(owners, len(others) - below / 2, characters).astype(float)


def _named(
    shown: Sequence[LineUp], dataset: ConceptDataset, divided: tuple[Indices, Indices], scores: Mapping[Any, Tensor]
) -> Iterator[Telling]:
    """The model's drawings with their scores."""
    for way in (0, 1):
        probabilities = iter(scores["generated", way][1].sigmoid().tolist())
        for place in divided[1 - way].tolist():
            concept = shown[place].concept
            names = dataset.concept_names[concept], dataset.family_names[dataset.family[concept]]
            for exemplar, drawing in np.ndindex(*shown[place].generated.shape[:2]):
                yield Telling(*names, next(probabilities), place, exemplar, drawing)


def picture_of(result: TuringResult, shown: Sequence[LineUp]) -> Image.Image:
    """Exemplars and the model's drawings after them: those that are told most surely, with their scores; then those
    that are taken for a person's."""
    columns = []
    for title, found in (("told most surely", result.telling), ("taken for a person's", result.passing)):
        for first in range(0, _SHOWN, _ROWS):
            rows = found[first : first + _ROWS]
            if len(rows) < min(_ROWS, len(found)):
                break  # of few drawings, whole columns alone
            exemplars = torch.stack([shown[one.line_up].exemplars[one.exemplar] for one in rows])
            drawings = torch.stack([shown[one.line_up].generated[one.exemplar, one.drawing] for one in rows])
            notes = tuple(f"{one.score:.3f}" for one in rows)
            columns.append(Column("" if first else title, exemplars[:, None, None].float(), True))
            columns.append(Column("", drawings[:, None, None].float(), notes=notes))
    return drawing_sheet(columns, _ROWS)
