"""The first one-shot task: drawings from nothing. Are they like real ones, are they diverse, are they copies?"""

from __future__ import annotations

__all__ = ["TrainingFeatures", "UnconditionalTrial", "from_nothing", "picture_from_nothing", "unconditional_trials"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from allograph.errors import AllographError
from allograph.evaluation.drawing import ContextDrawing
from allograph.evaluation.oneshot.measures import Features, Judges, distorted, taken_for_real
from allograph.evaluation.oneshot.points import OneShotResult
from allograph.evaluation.oneshot.trials import TrialDrawings, judge_trials
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

    from allograph.data import ConceptDataset

Indices = npt.NDArray[np.int64]

_MOST = 100
"""Largest number of drawings in a trial, if the part has twice as many characters."""

_ROWS, _NEAREST = 8, 3
"""Rows of the picture, and number of training drawings beside each drawing."""

_AT_ONCE = 2000
"""Number of training drawings whose pixels are in memory at a time."""


@dataclass(frozen=True)
class UnconditionalTrial:
    """One drawing each of 2n different unseen characters, in two halves (n,), and n training drawings (n,)."""

    real: Indices
    others: Indices
    training: Indices
    seed: int


@dataclass(frozen=True)
class TrainingFeatures:
    """All drawings of a model's training, at the size of its images, and the judges' features of them, (N, D)."""

    drawings: ConceptDataset
    judges: Judges
    size: int
    seen: Features

    @classmethod
    def of(cls, drawings: ConceptDataset, judges: Judges, size: int) -> TrainingFeatures:
        parts = np.array_split(np.arange(len(drawings)), -(-len(drawings) // _AT_ONCE))
        critic, embedding = zip(*(judges.features(drawings.drawings(part, size)) for part in parts), strict=True)
        return cls(drawings, judges, size, Features(torch.cat(critic), torch.cat(embedding)))


def from_nothing(
    draw: ContextDrawing,
    dataset: ConceptDataset,
    training: TrainingFeatures,
    *,
    drawings: int | None = None,
    trials: int = 20,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> OneShotResult:
    """Let ``draw`` draw from nothing, and compare its drawings with unseen real ones and with all training drawings.

    Every kind of n drawings x_i (the model's; real ones of unseen characters, one each; distorted copies of training
    drawings) is measured by the critic's features phi, with real drawings y_j of n further unseen characters:

    - taken for real: how often the drawing most like x_i, among all other x_j and all y_j, is a y_j; 1/2 if both have
      the same distribution. A model that has learned the training alphabets perfectly draws these and not the unseen
      ones, so it reaches what copies of training drawings reach.
    - diversity: sqrt(mean_d var_i phi_d(x_i)), unbiased
    - originality: mean_i min_j sqrt(mean_d (phi_d(x_i) - phi_d(t_j))^2), t_j all training drawings: the distance to the
      nearest, 0 for copies; real drawings of unseen characters show the value for drawings that are not copies

    The last two are also measured by the judges' embedding. n is ``drawings``, otherwise 100 or, if that is fewer, half
    of the characters. Trial t depends only on (seed, t).

    Raises:
        AllographError: too few unseen characters.
    """
    judges, size = training.judges, training.size
    chosen = unconditional_trials(dataset, training.drawings, drawings=drawings, trials=trials, seed=seed)
    known = Features(*(features[None] for features in training.seen))

    def drawings_of(number: int) -> TrialDrawings:
        trial = chosen[number]
        real = dataset.drawings(trial.real, size)
        others = judges.critic.features(dataset.drawings(trial.others, size))
        return TrialDrawings(
            real=real[None],
            generated=draw(None, len(real), trial.seed),
            copies=distorted(training.drawings.drawings(trial.training, size), 1, trial.seed)[:, 0][None],
            given=known,
            known=lambda features: taken_for_real(features[0], others),
        )

    common: dict[str, Any] = {"trials": trials, "progress": progress, "processes": processes}
    counts = {"drawings": len(chosen[0].real), "references": len(chosen[0].others), "training": len(training.drawings)}
    fixed: dict[str, Any] = {"task": "unconditional", "setting": "", "ways": 1, "given": 0}
    return judge_trials(drawings_of, dataset, judges, size=size, seed=seed, **common, **counts, **fixed)


def picture_from_nothing(
    draw: ContextDrawing, dataset: ConceptDataset, training: TrainingFeatures, *, seed: int = 0
) -> Image.Image:
    """The model's drawings and unseen real ones, each with its nearest training drawings by the embedding."""
    trial = unconditional_trials(dataset, training.drawings, drawings=None, trials=2, seed=seed)[0]
    embedding, size = training.judges.embedding, training.size

    def columns(title: str, images: Float[Tensor, "n 1 S S"]) -> list[Column]:
        most = (embedding.features(images) @ training.seen.embedding.T).topk(_NEAREST).indices
        closest = training.drawings.drawings(most.flatten().numpy(), size).unflatten(0, most.shape)
        return [Column(title, images[:, None], True), Column("nearest of training", closest)]

    first, second = draw(None, 2 * _ROWS, trial.seed)[0].split(_ROWS)
    real = dataset.drawings(np.resize(trial.real, _ROWS), size)
    return drawing_sheet([*columns("drawn", first), *columns("drawn", second), *columns("real", real)], _ROWS)


def unconditional_trials(
    dataset: ConceptDataset, training: ConceptDataset, *, drawings: int | None, trials: int, seed: int
) -> list[UnconditionalTrial]:
    """Choose characters and drawings; see `from_nothing`."""
    drawn = np.flatnonzero(dataset.drawings_per_concept > 0)
    half = min(drawings or _MOST, len(drawn) // 2, len(training))
    if trials < 2 or half < max(2, drawings or 0):
        raise AllographError(
            f"{dataset.name}: {max(2, drawings or 0)} drawings from nothing are compared with twice as many characters "
            f"in at least 2 trials; this part has {len(drawn)} characters, the training part {len(training)} drawings"
        )
    chosen = []
    for number in range(trials):
        rng = np.random.Generator(np.random.Philox(key=(seed, number)))
        concepts = rng.choice(drawn, 2 * half, replace=False)
        real, others = np.split(np.asarray([rng.choice(dataset.images_of(concept)) for concept in concepts]), 2)
        copied = rng.choice(len(training), half, replace=False)
        chosen.append(UnconditionalTrial(real, others, copied, int(rng.integers(2**31))))
    return chosen
