"""From evidence to probabilities, those of "none of these" included.

If the C classes are equally likely, and a drawing shows none of them in every second case,

    p(c | x) = r_c / (C^g + sum_k r_k)      p(none | x) = C^g / (C^g + sum_k r_k)

where r_c is how much likelier the evidence is if the drawing shows c. If the evidence of classes were independent, g
would be 1; but classes resemble each other, so g is smaller. With m_c drawings of a class

    log r_c = (a + a' log m_c) cosine_c + b forward_c + d backward_c + e + e' log m_c

Likelihoods are known only for a shortlist, so there are two such scales. The cosine alone gives every class a
probability. The sum for the shortlist and "none" is then divided among them again, by all the evidence. The numbers are
fitted on validation alphabets (``python -m allograph.recognition``).
"""

from __future__ import annotations

__all__ = ["Calibration", "Case", "fit_calibration"]

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from allograph.recognition.evidence import Evidence

_FILE = Path(__file__).with_name("calibration.json")

Columns = npt.NDArray[np.float64]

Case = tuple[Evidence, int]
"""The evidence from a drawing, and the class that it shows; -1 for none."""


@dataclass(frozen=True)
class Calibration:
    """The two scales.

    Attributes:
        cosine: a, a', e, e' and g of the scale by the cosine alone.
        likelihood: a, a', e, e', b, d and g of the scale by all the evidence.
        threshold: a drawing is refused if the probability of "none of these" exceeds it.
    """

    cosine: tuple[float, ...]
    likelihood: tuple[float, ...]
    threshold: float = 0.5

    def probabilities(self, evidence: Evidence) -> npt.NDArray[np.float64]:
        """The probabilities of the classes and, last, of none, (C + 1,)."""
        found = _log_shares(_coarse(evidence), self.cosine)
        if len(evidence.near):
            places = np.append(evidence.near, len(evidence.cosines))
            found[places] = np.logaddexp.reduce(found[places]) + _log_shares(_fine(evidence), self.likelihood)
        return np.exp(found)

    @classmethod
    def shipped(cls) -> Calibration:
        """The calibration that ships."""
        values = json.loads(_FILE.read_text(encoding="utf-8"))
        return cls(tuple(values["cosine"]), tuple(values["likelihood"]), values["threshold"])

    def save(self, about: dict[str, Any], path: Path = _FILE) -> None:
        """Write it as JSON, with notes ``about`` it."""
        path.write_text(json.dumps({**asdict(self), **about}, indent=2) + "\n", encoding="utf-8")


def fit_calibration(cases: Sequence[Case]) -> Calibration:
    """The calibration that makes the right answers to all cases most probable, each scale by itself. At its threshold,
    the share of refused drawings of known classes equals the share of accepted drawings of others."""
    answers = [len(evidence.cosines) if right < 0 else right for evidence, right in cases]
    coarse = [_coarse(evidence) for evidence, _ in cases]
    fine, places = [], []
    for (evidence, _), answer in zip(cases, answers, strict=True):
        choices = np.append(evidence.near, len(evidence.cosines))
        if answer in choices:
            fine.append(_fine(evidence))
            places.append(int(np.flatnonzero(choices == answer)[0]))
    fitted = Calibration(
        _fitted(coarse, answers, [20.0, 0.0, -14.0, 0.0, 0.7]),
        _fitted(fine, places, [15.0, 0.0, -12.0, 0.0, 0.1, 0.1, 0.7]),
    )
    none = np.array([fitted.probabilities(evidence)[-1] for evidence, _ in cases])
    shown = np.array([right >= 0 for _, right in cases])
    levels = np.linspace(0.05, 0.95, 91)
    gaps = [abs((none[shown] > level).mean() - (none[~shown] <= level).mean()) for level in levels]
    return replace(fitted, threshold=round(float(levels[int(np.argmin(gaps))]), 2))


def _coarse(evidence: Evidence) -> Columns:
    """The columns by the cosine alone."""
    more = np.log(evidence.shots)
    return _columns(evidence, [evidence.cosines, evidence.cosines * more, np.ones_like(more), more])


def _fine(evidence: Evidence) -> Columns:
    """The columns of the shortlist, by all the evidence."""
    alike, more = evidence.cosines[evidence.near], np.log(evidence.shots[evidence.near])
    return _columns(evidence, [alike, alike * more, np.ones_like(more), more, evidence.forward, evidence.backward])


def _columns(evidence: Evidence, parts: Sequence[npt.NDArray[np.float64]]) -> Columns:
    """The features in which log r (in the last row, the logarithm of C^g) is linear."""
    rows = np.column_stack([*parts, np.zeros(len(parts[0]))])
    return np.vstack([rows, [*[0.0] * len(parts), np.log(len(evidence.cosines))]])


def _log_shares(columns: Columns, numbers: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logits = columns @ np.asarray(numbers)
    return logits - np.logaddexp.reduce(logits)


def _fitted(columns: Sequence[Columns], answers: Sequence[int], start: Sequence[float]) -> tuple[float, ...]:
    """The numbers that make the answers most probable."""
    from scipy.optimize import minimize

    def loss(numbers: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        total, slope = 0.0, np.zeros(len(start))
        for one, answer in zip(columns, answers, strict=True):
            shares = _log_shares(one, numbers)
            total -= float(shares[answer])
            slope -= one[answer] - np.exp(shares) @ one
        return total / len(columns), slope / len(columns)

    best = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-5})
    return tuple(float(f"{number:.4g}") for number in best.x)
