"""The result of one-shot classification: error rates with confidence intervals, and every answer."""

from __future__ import annotations

__all__ = ["Chosen", "ClassificationResult", "ErrorRate"]

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ErrorRate:
    """The share of tests with a wrong class.

    Attributes:
        value: the share.
        wrong, tests: numerator and denominator.
        low, high: 95 % confidence interval as if all tests were independent (Wilson).
        runs_low, runs_high: 95 % confidence interval for other runs, from the differences between runs (Student's t):
            tests of one run share exemplars, alphabet and people, so they are not independent.
    """

    value: float
    wrong: int
    tests: int
    low: float
    high: float
    runs_low: float
    runs_high: float

    @classmethod
    def of(cls, wrong: npt.NDArray[np.bool_]) -> ErrorRate:
        """The rate, from which tests were wrong, (runs, tests)."""
        from scipy.stats import binomtest, t

        rates = wrong.mean(axis=1)
        value = float(rates.mean())
        half = float(t.ppf(0.975, len(rates) - 1) * rates.std(ddof=1) / len(rates) ** 0.5)
        runs = max(0.0, value - half), min(1.0, value + half)
        tests = binomtest(int(wrong.sum()), wrong.size).proportion_ci(method="wilson")
        return cls(value, int(wrong.sum()), wrong.size, float(tests.low), float(tests.high), *runs)

    def __str__(self) -> str:
        per_cent = [f"{100 * value:.1f}" for value in (self.value, self.low, self.high, self.runs_low, self.runs_high)]
        value, low, high, runs_low, runs_high = per_cent
        return f"{value:>6} % {f'{low} to {high} %':>18} {f'{runs_low} to {runs_high} %':>18}"


@dataclass(frozen=True)
class Chosen:
    """One test and the classes chosen for it, all counted from 0.

    Attributes:
        run, item: which test.
        right: its true class.
        chosen: class chosen by each score and each baseline.
        margin: nats by which ``both``, or the recogniser, prefers the right class to the best other one; below 0 if the
            answer is wrong.
    """

    run: int
    item: int
    right: int
    chosen: dict[str, int]
    margin: float

    @property
    def answer(self) -> int:
        """The class chosen by both directions together, or by the recogniser."""
        return self.chosen["both" if "both" in self.chosen else "recogniser"]


@dataclass(frozen=True)
class ClassificationResult:
    """Everything about one measurement that a comparison needs.

    Attributes:
        data, fingerprint: name of the data, and SHA-256 of the runs' drawings and places.
        runs, ways, tests: numbers of runs, of classes in each, and of tests in all.
        size: side of the drawings that the model sees, in pixels.
        likelihood: ``whole``, ``bending`` for the bent exemplar without added ink, or ``recogniser`` for what
            `allograph recognise` answers.
        samples, effective_samples: K of every bound, and the mean number of samples that carried its weight, if known.
        variants: number of variants of each exemplar in the mixture.
        seed, precision, machine: how it was computed.
        critic: fingerprint of the critic among the baselines.
        errors: error rates by ``forward``, ``backward`` and ``both``, or by the ``recogniser``.
        baselines: error rates by distances without a generative model, on the same runs.
        per_run: error rates of each run, by each score and baseline.
        chosen: every answer.
        seconds: duration of the measurement.
    """

    data: str
    fingerprint: str
    runs: int
    ways: int
    tests: int
    size: int
    likelihood: str
    samples: int
    variants: int
    effective_samples: float | None
    seed: int
    precision: str
    machine: str
    critic: str | None
    errors: dict[str, ErrorRate]
    baselines: dict[str, ErrorRate]
    per_run: dict[str, list[float]]
    chosen: tuple[Chosen, ...]
    seconds: float

    @property
    def wrong(self) -> tuple[Chosen, ...]:
        """The tests to which both directions together, or the recogniser, gave a wrong class."""
        return tuple(one for one in self.chosen if one.answer != one.right)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        kinds = {"whole": "the whole model", "bending": "bending only", "recogniser": "allograph recognise"}
        head = (
            f"{self.runs} runs of {self.ways}-way one-shot classification, {self.tests} tests, "
            f"{self.size} x {self.size}, {self.data}; {kinds[self.likelihood]}, K = {self.samples}, "
            f"{self.variants} variants of each exemplar, {self.precision}, seed {self.seed}"
        )
        names = {
            "forward": "log p(x | x') - log p(x)",
            "backward": "log p(x' | x) - log p(x')",
            "both": "both directions",
            "recogniser": "allograph recognise",
        }
        lines = [head, f"{'errors, with 95 % confidence':34}{'':8} {'tests':>18} {'runs':>18}"]
        lines += [f"{names[name]:34}{rate}" for name, rate in self.errors.items()]
        lines += [f"{f'{name}, for comparison':34}{rate}" for name, rate in self.baselines.items()]
        effective = "" if self.effective_samples is None else f"effective samples {self.effective_samples:.1f}; "
        return "\n".join([*lines, f"{effective}{self.seconds:.0f} s"])
