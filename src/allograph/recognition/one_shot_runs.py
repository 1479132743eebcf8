"""The recogniser on runs of one-shot classification, Lake's among them."""

from __future__ import annotations

__all__ = ["classify_runs"]

import time
from collections.abc import Callable

import numpy as np

from allograph.data import ClassificationRuns, PackedBitmaps
from allograph.errors import AllographError
from allograph.evaluation.classification.result import Chosen, ClassificationResult, ErrorRate
from allograph.evaluation.likelihood.estimate import device_name
from allograph.recognition.evidence import SIDE, bitmaps_of, default_examiner
from allograph.recognition.recogniser import Look, Recogniser
from allograph.runtime.distributed import ALONE, Processes


def classify_runs(
    recogniser: Recogniser,
    runs: ClassificationRuns,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> ClassificationResult:
    """Measures the errors of `Recogniser.predict` over all runs. Like all other methods, it sees the stored drawings.
    Several ``processes`` each take their share of the runs.

    Raises:
        AllographError: the drawings are no bitmaps of Omniglot's size.
    """
    images, examiner = runs.dataset.images, default_examiner()
    if not isinstance(images, PackedBitmaps) or images.side != SIDE:
        raise AllographError(f"{runs.dataset.name} has no drawings of {SIDE} x {SIDE} pixels: use omniglot")
    start = time.perf_counter()

    def chances_of(run: int) -> list[list[float]]:
        recogniser.fit_looks(looks(runs.exemplars[run]), np.arange(runs.ways))
        chances = recogniser.predict_proba(looks(runs.tests[run]))
        progress(run + 1, len(runs))
        return chances.tolist()

    def looks(indices: np.ndarray) -> list[Look]:
        drawings = bitmaps_of(images.select(indices).bits)
        return [Look(*pair) for pair in zip(drawings.bits, examiner.features(drawings).numpy(), strict=True)]

    chances = np.array(processes.spread(chances_of, range(len(runs))))
    chosen = chances.argmax(axis=-1)
    wrong = chosen != runs.right
    answers = []
    for run, item in np.ndindex(runs.tests.shape):
        right, shares = int(runs.right[run, item]), np.log(np.maximum(chances[run, item], 1e-300))
        margin = round(float(shares[right] - np.delete(shares, right).max()), 3)
        answers.append(Chosen(run, item, right, {"recogniser": int(chosen[run, item])}, margin))
    return ClassificationResult(
        data=runs.dataset.name,
        fingerprint=runs.fingerprint(),
        runs=len(runs),
        ways=runs.ways,
        tests=runs.tests.size,
        size=examiner.loaded.model.config.image_size,
        likelihood="recogniser",
        samples=recogniser.samples,
        variants=1,
        effective_samples=None,
        seed=recogniser.seed,
        precision="float32",
        machine=device_name("cpu"),
        critic=examiner.critic.fingerprint,
        errors={"recogniser": ErrorRate.of(wrong)},
        baselines={},
        per_run={"recogniser": wrong.mean(axis=-1).tolist()},
        chosen=tuple(answers),
        seconds=time.perf_counter() - start,
    )
