"""What users gain: trains a small classifier on few drawings of each class, with and without a writer's drawings."""

from __future__ import annotations

__all__ = ["evaluate_augmentation", "few_drawings", "picture_of"]

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.augmentation.classical import Classical
from allograph.evaluation.augmentation.classifiers import ClassifierTraining, accuracy_of, train_classifier
from allograph.evaluation.augmentation.result import ARMS, AugmentationResult, ShotResult
from allograph.evaluation.drawing import DrawingFunction
from allograph.evaluation.oneshot.exemplars import Trial, draw_trials
from allograph.evaluation.oneshot.points import Setting
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset

Batches = Callable[[int], Tensor]

_WAYS = 20
_AT_ONCE = 20
_LARGE = 40
"""Images of this side and larger are halved before the classifier sees them."""


def evaluate_augmentation(
    draw: DrawingFunction,
    dataset: ConceptDataset,
    *,
    size: int,
    classical: Classical,
    training: ClassifierTraining | None = None,
    shots: Sequence[int] = (1, 2, 5),
    trials: int = 20,
    ways: int | None = None,
    drawings: int = 20,
    made: int = 400,
    together: tuple[Callable[[Tensor, int, int], Tensor], int] | None = None,
    setting: Setting = "within",
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> AugmentationResult:
    """Train the same small classifier five times on the same few drawings of unseen classes, and test it on the others.

    A trial takes ``ways`` classes (None: 20, or all where an alphabet has fewer) with ``drawings`` real drawings each:
    k of them are given, for every k in ``shots``; those never given are tested on. The arms (`ARMS`) have the same
    number of steps, batch size and first weights. ``draw`` makes ``made`` drawings of each class from the given ones in
    turn; or ``together``, a function of several exemplars and the most that it takes, makes them from as many at once.
    Several ``processes`` each take their share of the trials.

    Raises:
        AllographError: too few classes or drawings, or a number out of range.
    """
    start = time.perf_counter()
    training = training or ClassifierTraining()
    shots = sorted(set(shots))
    if not shots or shots[0] < 1 or made < 1 or training.steps < 1:
        raise AllographError("drawings per class, new drawings and steps must be at least 1")
    if shots[-1] >= drawings:
        raise AllographError(
            f"{shots[-1]} of {drawings} drawings are given, so none is left to test on: use fewer shots"
        )
    ways = _ways(dataset, drawings, setting) if ways is None else ways
    chosen = draw_trials(dataset, trials=trials, ways=ways, drawings=drawings, setting=setting, seed=seed)
    each = len(shots) * len(ARMS)

    def measure(number: int) -> tuple[dict[tuple[int, str], float], int]:
        """The accuracy of every classifier of a trial, and the number of refused exemplars."""
        trial, found, before = chosen[number], {}, getattr(draw, "refused", 0)
        given, tested = few_drawings(dataset, trial, size, shots[-1])
        pool = _drawings(draw, given, shots, made, trial.seed)
        if together is not None:
            pool |= {k: _drawings_together(*together, given[:, :k], made, trial.seed) for k in shots if k > 1}
        for k in shots:
            for arm in ARMS:
                batch = _batches_of(arm, given[:, :k], pool[k], classical, training.per_class, trial.seed + k)
                classifier = train_classifier(batch, ways, given.shape[2], training, trial.seed)
                found[k, arm] = accuracy_of(classifier, shrunk(tested))
                progress(number * each + len(found), trials * each)
        return found, getattr(draw, "refused", 0) - before

    results = processes.spread(measure, range(trials))
    accuracies = {k: {arm: [found[k, arm] for found, _ in results] for arm in ARMS} for k in shots}
    return AugmentationResult(
        data=dataset.name,
        data_fingerprint=dataset.fingerprint(),
        setting=setting,
        trials=trials,
        ways=ways,
        drawings=drawings,
        tested=drawings - shots[-1],
        made=made,
        together=together is not None,
        size=size,
        seen=shrunk(torch.zeros(1, 1, 1, size, size)).shape[-1],
        seed=seed,
        refused=sum(refused for _, refused in results),
        classical=asdict(classical),
        classifier=asdict(training),
        shots=tuple(ShotResult.of(k, accuracies[k]) for k in shots),
        seconds=time.perf_counter() - start,
    )


def few_drawings(
    dataset: ConceptDataset, trial: Trial, size: int, most: int
) -> tuple[Float[Tensor, "ways most c size size"], Float[Tensor, "ways tested c size size"]]:
    """The drawings to give, in the order in which they are added, and those to test on."""
    indices = np.concatenate([trial.exemplars[:, None], trial.others], axis=1)
    images = dataset.drawings(indices.ravel(), size).unflatten(0, indices.shape)
    return images[:, :most], images[:, most:]


def batches(images: Float[Tensor, "ways n c size size"], classical: Classical | None, count: int, seed: int) -> Batches:
    """The batches of a training: ``count`` images of each class, drawn with replacement, changed or unchanged."""
    generator = torch.Generator().manual_seed(seed)
    ways, n = images.shape[:2]

    def batch(step: int) -> Tensor:
        rows = torch.arange(ways)[:, None]
        chosen = images[rows, torch.randint(n, (ways, count), generator=generator)]
        if classical is not None:
            chosen = classical(chosen.flatten(0, 1), generator).unflatten(0, (ways, count))
        return shrunk(chosen)

    return batch


def shrunk(images: Float[Tensor, "ways n c size size"]) -> Float[Tensor, "ways n c seen seen"]:
    """Images as a classifier sees them: large ones at half their side."""
    if images.shape[-1] < _LARGE:
        return images
    return F.avg_pool2d(images.flatten(0, 1), 2).unflatten(0, images.shape[:2])


def picture_of(
    draw: DrawingFunction,
    dataset: ConceptDataset,
    *,
    size: int,
    classical: Classical,
    ways: int,
    drawings: int,
    inked: bool,
    setting: Setting = "within",
    seed: int = 0,
) -> Image.Image:
    """Training images of the first trial: one given drawing, real ones, changed ones, the writer's.

    ``inked``: 1 is ink, shown black on white.
    """
    trial = draw_trials(dataset, trials=2, ways=ways, drawings=drawings, setting=setting, seed=seed)[0]
    given, tested = few_drawings(dataset, trial, size, 1)
    generator = torch.Generator().manual_seed(trial.seed)
    repeated = given.expand(-1, 6, -1, -1, -1)
    changed = classical(repeated.flatten(0, 1), generator).unflatten(0, repeated.shape[:2])
    columns = (
        Column("given", given, True, inked),
        Column("people", tested, inked=inked),
        Column("classical", changed, inked=inked),
        Column("allograph", draw(given[:, 0], 6, trial.seed), inked=inked),
    )
    return drawing_sheet(columns)


def _ways(dataset: ConceptDataset, drawings: int, setting: Setting) -> int:
    """The number of classes: 20, or all if there are fewer."""
    eligible = dataset.family[dataset.drawings_per_concept >= drawings]
    most = len(eligible) if setting == "across" else int(np.bincount(eligible, minlength=1).max())
    return max(2, min(_WAYS, most))


def _drawings(
    draw: DrawingFunction, given: Float[Tensor, "ways most c size size"], shots: Sequence[int], made: int, seed: int
) -> dict[int, Float[Tensor, "ways made c size size"]]:
    """For every k of ``shots``, at least ``made`` drawings of each class, equally many from each of the first k."""
    after: list[Tensor] = []
    for place in range(shots[-1]):
        count = -(-made // min(k for k in shots if k > place))
        parts = [
            draw(given[:, place], min(_AT_ONCE, count - first), (seed + 7919 * place + first) % 2**31)
            for first in range(0, count, _AT_ONCE)
        ]
        after.append(torch.cat(parts, dim=1))
    return {k: torch.cat([one[:, : -(-made // k)] for one in after[:k]], dim=1) for k in shots}


def _drawings_together(
    draw: Callable[[Tensor, int, int], Tensor],
    most: int,
    given: Float[Tensor, "ways k c size size"],
    made: int,
    seed: int,
) -> Float[Tensor, "ways made c size size"]:
    """At least ``made`` drawings of each class after its k given ones at once, ``most`` at most; each of them comes
    first equally often, as in `allograph augment`."""
    k = given.shape[1]
    count = -(-made // k)
    parts = []
    for place in range(k):
        context = given[:, [(place + number) % k for number in range(min(k, most))]]
        parts += [
            draw(context, min(_AT_ONCE, count - first), (seed + 7919 * place + first) % 2**31)
            for first in range(0, count, _AT_ONCE)
        ]
    return torch.cat(parts, dim=1)


def _batches_of(arm: str, given: Tensor, pool: Tensor, classical: Classical, count: int, seed: int) -> Batches:
    """The batches of an arm, ``count`` images of each class."""
    change = classical if arm in ("classical", "both", "half") else None
    if arm != "half":
        images = given if arm in ("nothing", "classical") else torch.cat([given, pool], dim=1)
        return batches(images, change, count, seed)
    real = batches(given, change, count - count // 2, seed)
    drawn = batches(pool, change, count // 2, seed + 1) if count > 1 else None
    return real if drawn is None else lambda step: torch.cat([real(step), drawn(step)], dim=1)
