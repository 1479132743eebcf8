"""Searches for the best classical augmentation on training alphabets only: random search by halving."""

from __future__ import annotations

__all__ = ["Candidate", "Tuning", "candidates", "tune_classical"]

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from allograph.evaluation.augmentation.classical import Classical
from allograph.evaluation.augmentation.classifiers import ClassifierTraining, accuracy_of, train_classifier
from allograph.evaluation.augmentation.gain import batches, few_drawings, shrunk
from allograph.evaluation.oneshot.exemplars import draw_trials
from allograph.evaluation.oneshot.points import Estimate

if TYPE_CHECKING:
    from allograph.data import ConceptDataset

_TRIED: dict[str, tuple[float, ...]] = {
    "turn": (0, 5, 10, 15, 20, 25),
    "shear": (0.0, 0.1, 0.2, 0.3, 0.4),
    "stretch": (1.0, 1.2, 1.4, 1.6),
    "scale": (1.0, 1.1, 1.2, 1.35),
    "shift": (0.0, 0.06, 0.12, 0.2),
    "elastic": (0.0, 0.03, 0.06, 0.09, 0.12),
    "control": (3, 4, 5, 6, 8),
    "pen": (0.0, 0.7, 1.5, 2.5),
}
"""The values from which each range is drawn."""

_USUAL = Classical(turn=10, shear=0.2, stretch=1.2, scale=1.2, shift=0.12, elastic=0.06, control=5, pen=0.7)
"""A usual first choice, which is among the candidates."""


@dataclass
class Candidate:
    """Ranges, and their accuracy in each trial so far."""

    settings: Classical
    accuracies: list[float] = field(default_factory=list)

    @property
    def score(self) -> float:
        return float(np.mean(self.accuracies))


@dataclass(frozen=True)
class Tuning:
    """The result of the search: the best ranges, their accuracy, and all candidates, best first."""

    settings: Classical
    accuracy: Estimate
    tried: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)


def candidates(count: int, seed: int) -> list[Candidate]:
    """``count`` choices of ranges, drawn independently: no change, the usual ones, and random ones."""
    rng = np.random.Generator(np.random.Philox(key=(seed, 0)))
    drawn = [
        Classical(**{name: values[rng.integers(len(values))] for name, values in _TRIED.items()})  # type: ignore[arg-type]
        for _ in range(count - 2)
    ]
    return [Candidate(Classical()), Candidate(_USUAL), *map(Candidate, drawn)]


def tune_classical(
    dataset: ConceptDataset,
    *,
    size: int,
    training: ClassifierTraining | None = None,
    count: int = 32,
    rounds: tuple[int, ...] = (4, 8, 16, 32),
    keep: float = 0.4,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> Tuning:
    """The ranges with which a classifier of 20 classes of one alphabet, given one drawing each, recognises the others
    best.

    Every candidate is tried in the first ``rounds[0]`` trials; the best share ``keep`` of them continues until it has
    seen ``rounds[1]``, and so on. All see the same trials, with the same first weights. ``dataset`` must hold training
    alphabets only.
    """
    training = training or ClassifierTraining()
    trials = draw_trials(dataset, trials=rounds[-1], ways=20, seed=seed)
    pairs = [few_drawings(dataset, trial, size, 1) for trial in trials]
    left = tried = candidates(count, seed)
    for seen in rounds:
        for candidate in left:
            for trial, (given, tested) in list(zip(trials, pairs, strict=True))[len(candidate.accuracies) : seen]:
                batch = batches(given, candidate.settings, training.per_class, trial.seed + 1)
                classifier = train_classifier(batch, len(given), given.shape[2], training, trial.seed)
                candidate.accuracies.append(accuracy_of(classifier, shrunk(tested)))
        left = sorted(left, key=lambda one: -one.score)
        report(f"{len(left)} tried on {seen} trials; best {left[0].score:.3f}: {left[0].settings}")
        left = left[: max(2, round(keep * len(left)))]
    best = max((one for one in left if len(one.accuracies) == rounds[-1]), key=lambda one: one.score)
    ordered = sorted(tried, key=lambda one: (-len(one.accuracies), -one.score))
    return Tuning(
        best.settings,
        Estimate.mean(np.asarray(best.accuracies)),
        [{**asdict(one.settings), "trials": len(one.accuracies), "accuracy": one.score} for one in ordered],
    )
