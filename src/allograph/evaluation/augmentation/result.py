"""What a measurement of augmentation found: accuracies by arm and number of drawings."""

from __future__ import annotations

__all__ = ["ARMS", "AugmentationResult", "ShotResult"]

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from allograph.evaluation.oneshot.points import Estimate, Setting

ARMS = ("nothing", "classical", "allograph", "both", "half")
"""What is done with the few drawings: repeat them; change them at every step; add a writer's drawings; also change
these at every step; the same, with as many of the few as of the writer's in every batch."""

_DIFFERENCES = (
    ("classical", "nothing"),
    ("allograph", "classical"),
    ("both", "classical"),
    ("both", "allograph"),
    ("half", "classical"),
    ("half", "both"),
)


@dataclass(frozen=True)
class ShotResult:
    """Accuracies (0 to 1) with ``shots`` drawings of each class, means over the trials with standard errors; and
    differences paired by trial, so that harder and easier choices of characters do not matter."""

    shots: int
    nothing: Estimate
    classical: Estimate
    allograph: Estimate
    both: Estimate
    half: Estimate
    classical_minus_nothing: Estimate
    allograph_minus_classical: Estimate
    both_minus_classical: Estimate
    both_minus_allograph: Estimate
    half_minus_classical: Estimate
    half_minus_both: Estimate
    accuracies: dict[str, list[float]]

    @classmethod
    def of(cls, shots: int, accuracies: dict[str, list[float]]) -> ShotResult:
        """The result from the accuracies of every trial, by arm."""
        values = {arm: np.asarray(accuracies[arm]) for arm in ARMS}
        differences = {f"{a}_minus_{b}": Estimate.mean(values[a] - values[b]) for a, b in _DIFFERENCES}
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
        together: whether the writer saw all given drawings of a class at once, or each in turn.
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
    together: bool
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
            f"{self.tested} tested drawings per class; {self.made} made per class"
            f"{', after all given at once' if self.together else ''}; {self.data}, {self.size} px"
        )
        shots = [f"{result.shots} drawing{'s' if result.shots > 1 else ''}" for result in self.shots]
        lines = [head, f"{'trained on':32}" + "".join(f"{name:>16}" for name in shots)]
        arms = (
            "them alone",
            "b  with classical augmentation",
            "c  with allograph's drawings",
            "d  with both",
            "e  both, half of each batch real",
        )
        for name, arm in zip(arms, ARMS, strict=True):
            cells = [f"{100 * getattr(result, arm).value:.1f}" for result in self.shots]
            cells = [f"{cell} ± {100 * getattr(r, arm).error:.1f}" for cell, r in zip(cells, self.shots, strict=True)]
            lines.append(f"{'a  ' if arm == 'nothing' else ''}{name}".ljust(32) + "".join(f"{c:>16}" for c in cells))
        for name, field in (
            ("c - b", "allograph_minus_classical"),
            ("d - b", "both_minus_classical"),
            ("d - c", "both_minus_allograph"),
            ("e - b", "half_minus_classical"),
            ("e - d", "half_minus_both"),
        ):
            values = [getattr(result, field) for result in self.shots]
            lines.append(f"{name:32}" + "".join(f"{f'{100 * v.value:+.1f} ± {100 * v.error:.1f}':>16}" for v in values))
        if self.refused:
            lines.append(f"note: {self.refused} exemplars could not be used; they were repeated instead")
        return "\n".join([*lines, f"{self.seconds:.0f} s"])
