"""How often drawings are recognised, and how reliable the probabilities are."""

from __future__ import annotations

__all__ = ["CELLS", "Cell", "RecognitionResult", "collect", "evaluate_recognition"]

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from allograph.data import ConceptDataset
from allograph.evaluation.likelihood.estimate import device_name
from allograph.evaluation.oneshot.points import Estimate
from allograph.recognition.calibration import Calibration, Case
from allograph.recognition.evidence import SAMPLES, SHORTLIST, Evidence, Examiner
from allograph.recognition.trials import Setting, Source, Trial, run_trial
from allograph.runtime.distributed import ALONE, Processes

CELLS: tuple[tuple[Setting, int], ...] = (("within", 1), ("within", 5), ("across", 1), ("across", 5))
"""Settings and numbers of drawings of each class."""

_BINS = 15

METHODS: Mapping[str, Callable[[Evidence, Calibration], int]] = {
    "cosine of the critic's features": lambda e, c: int(e.cosines.argmax()),
    "log p(x | x') - log p(x), shortlist": lambda e, c: int(e.near[e.forward.argmax()]),
    "log p(x' | x) - log p(x'), shortlist": lambda e, c: int(e.near[e.backward.argmax()]),
    "both directions, shortlist": lambda e, c: int(e.near[(e.forward + e.backward).argmax()]),
    "all together": lambda e, c: int(c.probabilities(e)[:-1].argmax()),
}
"""The class that each method chooses."""


@dataclass(frozen=True)
class Cell:
    """The results of one setting with one number of drawings of each class.

    Attributes:
        setting: ``within`` alphabets or ``across`` them.
        shots, classes, tests: numbers of drawings of each class, of classes, and of tests.
        errors: the share of wrong answers by each method, if every drawing shows one of the classes.
        refused: the share of drawings of known classes answered by "none of these"; accepted: of others that are not.
        calibration: expected calibration error of the answers, if every second drawing shows none of the classes.
        calibration_known: the same of `predict_proba`, if every drawing shows one.
        quick, slow: seconds a drawing, by the cosine alone and by all together.
    """

    setting: str
    shots: int
    classes: int
    tests: int
    errors: dict[str, Estimate]
    refused: Estimate
    accepted: Estimate
    calibration: float
    calibration_known: float
    quick: float
    slow: float


@dataclass(frozen=True)
class RecognitionResult:
    """Everything about one measurement that a comparison needs."""

    data: str
    fingerprint: str
    trials: int
    shortlist: int
    samples: int
    seed: int
    threshold: float
    critic: str
    machine: str
    cells: tuple[Cell, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        heads = [f"{cell.setting}, {cell.shots} of {cell.classes}" for cell in self.cells]
        lines = [
            f"{self.data}: {self.trials} trials, shortlist {self.shortlist}, K = {self.samples}, seed {self.seed}",
            _line("errors, % (drawings of how many classes)", heads),
        ]
        lines += [_line(name, [_percent(cell.errors[name]) for cell in self.cells]) for name in self.cells[0].errors]
        lines += [
            _line(f"known, but refused (threshold {self.threshold})", [_percent(cell.refused) for cell in self.cells]),
            _line("unknown, but accepted", [_percent(cell.accepted) for cell in self.cells]),
            _line("expected calibration error, %", [f"{100 * cell.calibration:.1f}" for cell in self.cells]),
            _line("the same, known classes only", [f"{100 * cell.calibration_known:.1f}" for cell in self.cells]),
            _line("seconds a drawing, cosine alone", [f"{cell.quick:.3f}" for cell in self.cells]),
            _line("seconds a drawing, all together", [f"{cell.slow:.3f}" for cell in self.cells]),
        ]
        return "\n".join(lines)


def collect(
    examiner: Examiner,
    dataset: ConceptDataset,
    others: ConceptDataset,
    *,
    trials: int,
    shortlist: int = SHORTLIST,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> list[list[Trial]]:
    """The trials of each of `CELLS`, shared by several ``processes``."""

    def work(item: tuple[int, int]) -> dict[str, Any]:
        cell, number = item
        run = partial(run_trial, examiner, source, rest, *CELLS[cell], number)
        trial = run(shortlist=shortlist, samples=samples, seed=seed).plain()
        progress(cell * trials + number + 1, len(CELLS) * trials)
        return trial

    source = Source.of(examiner, dataset)
    few = [others.images_of(concept)[: max(shots for _, shots in CELLS)] for concept in range(others.concepts)]
    rest = Source.of(examiner, others.select_drawings(np.concatenate(few)))
    items = [(cell, number) for cell in range(len(CELLS)) for number in range(trials)]
    found = [Trial.of(one) for one in processes.spread(work, items)]
    return [found[cell * trials : (cell + 1) * trials] for cell in range(len(CELLS))]


def cases_of(trial: Trial, shortlist: int) -> list[tuple[Case, Case]]:
    """Each test twice: with its class among the others, and without it."""
    return [
        ((evidence.first(shortlist), right), (evidence.without(right).first(shortlist), -1))
        for evidence, right in zip(trial.evidence, trial.right, strict=True)
    ]


def evaluate_recognition(
    examiner: Examiner,
    dataset: ConceptDataset,
    others: ConceptDataset,
    calibration: Calibration,
    *,
    trials: int = 10,
    shortlist: int = SHORTLIST,
    samples: int = SAMPLES,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> RecognitionResult:
    """Measures recognition of the data set's characters, in trials within its alphabets and across many (`run_trial`).

    Raises:
        AllographError: there are too few characters or drawings.
    """
    start = time.perf_counter()
    how: dict[str, Any] = {"trials": trials, "shortlist": shortlist, "samples": samples, "seed": seed}
    found = collect(examiner, dataset, others, progress=progress, processes=processes, **how)
    return RecognitionResult(
        data=dataset.name,
        fingerprint=dataset.fingerprint(),
        threshold=calibration.threshold,
        critic=examiner.critic.fingerprint,
        machine=device_name("cpu"),
        cells=tuple(_cell(*names, runs, calibration, shortlist) for names, runs in zip(CELLS, found, strict=True)),
        seconds=time.perf_counter() - start,
        **how,
    )


def _cell(setting: str, shots: int, trials: Sequence[Trial], calibration: Calibration, shortlist: int) -> Cell:
    wrong: dict[str, list[float]] = {}
    refused, accepted, sure, right, sure_known, right_known = [], [], [], [], [], []
    for trial in trials:
        cases = cases_of(trial, shortlist)
        names = {name: [choose(known[0], calibration) for known, _ in cases] for name, choose in METHODS.items()}
        for name, chosen in {"modified Hausdorff distance": trial.nearest, **names}.items():
            wrong.setdefault(name, []).append(float(np.mean(np.array(chosen) != trial.right)))
        known = [(calibration.probabilities(evidence), answer) for (evidence, answer), _ in cases]
        unknown = [calibration.probabilities(evidence) for _, (evidence, _) in cases]
        refused.append(float(np.mean([p[-1] > calibration.threshold for p, _ in known])))
        accepted.append(float(np.mean([p[-1] <= calibration.threshold for p in unknown])))
        sure_known += [p[:-1].max() / p[:-1].sum() for p, _ in known]
        right_known += [p[:-1].argmax() == answer for p, answer in known]
        sure += [p.max() for p, _ in known] + [p.max() for p in unknown]
        right += [p.argmax() == answer for p, answer in known] + [p.argmax() == len(p) - 1 for p in unknown]
    return Cell(
        setting=setting,
        shots=shots,
        classes=len(trials[0].evidence[0].cosines),
        tests=sum(len(trial.right) for trial in trials),
        errors={name: Estimate.mean(np.array(values)) for name, values in wrong.items()},
        refused=Estimate.mean(np.array(refused)),
        accepted=Estimate.mean(np.array(accepted)),
        calibration=calibration_error(np.array(sure), np.array(right)),
        calibration_known=calibration_error(np.array(sure_known), np.array(right_known)),
        quick=float(np.mean([trial.quick for trial in trials])),
        slow=float(np.mean([trial.slow for trial in trials])),
    )


def calibration_error(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The expected calibration error ``sum_b n_b / n |mean sure - mean right|`` over 15 bins of equal width (Guo et
    al., *On Calibration of Modern Neural Networks*, ICML 2017)."""
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return float(sum(abs((sure - right)[bins == one].sum()) for one in np.unique(bins)) / len(sure))


def _percent(one: Estimate) -> str:
    return f"{100 * one.value:.1f} ± {100 * one.error:.1f}"


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:44}" + "".join(f"{cell:>20}" for cell in cells)
