"""What users gain: trains a small classifier on few drawings of each class, with and without a writer's drawings."""

from __future__ import annotations

__all__ = ["ARMS", "AugmentationResult", "ShotResult", "evaluate_augmentation", "few_drawings", "picture_of"]

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.augmentation.classical import Classical
from allograph.evaluation.augmentation.classifiers import ClassifierTraining, accuracy_of, train_classifier
from allograph.evaluation.drawing import DrawingFunction
from allograph.evaluation.oneshot.exemplars import Trial, draw_trials
from allograph.evaluation.oneshot.points import Estimate, Setting
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset

Batches = Callable[[int], Tensor]

ARMS = ("nothing", "classical", "allograph", "both")
"""What is done with the few drawings: repeat them; change them at every step; add a writer's drawings; also change
these at every step."""

_WAYS = 20
_AT_ONCE = 20
_LARGE = 40
"""Images of this side and larger are halved before the classifier sees them."""


@dataclass(frozen=True)
class ShotResult:
    """Accuracies (0 to 1) with ``shots`` drawings of each class, means over the trials with standard errors; and
    differences paired by trial, so that harder and easier choices of characters do not matter."""

    shots: int
    nothing: Estimate
    classical: Estimate
    allograph: Estimate
    both: Estimate
    classical_minus_nothing: Estimate
    allograph_minus_classical: Estimate
    both_minus_classical: Estimate
    both_minus_allograph: Estimate
    accuracies: dict[str, list[float]]

    @classmethod
    def of(cls, shots: int, accuracies: dict[str, list[float]]) -> ShotResult:
        """The result from the accuracies of every trial, by arm."""
        values = {arm: np.asarray(accuracies[arm]) for arm in ARMS}
        pairs = (("classical", "nothing"), ("allograph", "classical"), ("both", "classical"), ("both", "allograph"))
        differences = {f"{one}_minus_{other}": Estimate.mean(values[one] - values[other]) for one, other in pairs}
        return cls(
            shots,
            **{arm: Estimate.mean(values[arm]) for arm in ARMS},
            **differences,
            accuracies=accuracies,
        )


@dataclass(frozen=True)
class AugmentationResult:
    """Everything about one measurement that a comparison needs.

    Attributes:
        ways, drawings: number of classes in a trial, and of real drawings of each: those given and those tested on,
            which are the same for every number of shots.
        made: number of the writer's drawings of each class.
        size: side of the images in pixels; the classifier sees ``seen``.
        refused: number of exemplars that the writer could not use and that were repeated instead.
        classical: the ranges of the classical augmentation.
        classifier: how every classifier was made and trained.
    """

    data: str
    data_fingerprint: str
    setting: Setting
    trials: int
    ways: int
    drawings: int
    tested: int
    made: int
    size: int
    seen: int
    seed: int
    refused: int
    classical: dict[str, Any]
    classifier: dict[str, Any]
    shots: tuple[ShotResult, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        head = (
            f"accuracy in % of real drawings, {self.ways} classes {self.setting} alphabets, {self.trials} trials, "
            f"{self.tested} tested drawings per class; {self.made} made per class; {self.data}, {self.size} px"
        )
        shots = [f"{result.shots} drawing{'s' if result.shots > 1 else ''}" for result in self.shots]
        lines = [head, f"{'trained on':32}" + "".join(f"{name:>16}" for name in shots)]
        arms = ("them alone", "b  with classical augmentation", "c  with allograph's drawings", "d  with both")
        for name, arm in zip(arms, ARMS, strict=True):
            cells = [f"{100 * getattr(result, arm).value:.1f}" for result in self.shots]
            cells = [f"{cell} ± {100 * getattr(r, arm).error:.1f}" for cell, r in zip(cells, self.shots, strict=True)]
            lines.append(f"{'a  ' if arm == 'nothing' else ''}{name}".ljust(32) + "".join(f"{c:>16}" for c in cells))
        for name, field in (
            ("c - b", "allograph_minus_classical"),
            ("d - b", "both_minus_classical"),
            ("d - c", "both_minus_allograph"),
        ):
            values = [getattr(result, field) for result in self.shots]
            lines.append(f"{name:32}" + "".join(f"{f'{100 * v.value:+.1f} ± {100 * v.error:.1f}':>16}" for v in values))
        if self.refused:
            lines.append(f"note: {self.refused} exemplars could not be used; they were repeated instead")
        return "\n".join([*lines, f"{self.seconds:.0f} s"])


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
    setting: Setting = "within",
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> AugmentationResult:
    """Train the same small classifier four times on the same few drawings of unseen classes, and test it on the others.

    A trial takes ``ways`` classes (None: 20, or all where an alphabet has fewer) with ``drawings`` real drawings each:
    k of them are given, for every k in ``shots``; those never given are tested on. The arms (`ARMS`) have the same
    number of steps, batch size and first weights. ``draw`` makes ``made`` drawings of each class from the given ones in
    turn. Several ``processes`` each take their share of the trials.

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
        for k in shots:
            for arm, images in _sources(given[:, :k], pool[k]).items():
                change = classical if arm in ("classical", "both") else None
                batch = batches(images, change, training.per_class, trial.seed + k)
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


def _sources(given: Tensor, pool: Tensor) -> dict[str, Tensor]:
    """The images that each arm draws its batches from."""
    more = torch.cat([given, pool], dim=1)
    return {"nothing": given, "classical": given, "allograph": more, "both": more}
