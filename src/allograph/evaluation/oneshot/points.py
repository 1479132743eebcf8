"""The result of a one-shot task: where drawings by people, by a model and copies lie, with standard errors."""

from __future__ import annotations

__all__ = ["Estimate", "OneShotResult", "Point", "Setting", "Task", "points_of"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from allograph.errors import AllographError

Task = Literal["unconditional", "exemplars", "alphabet"]
"""Drawings from nothing, new drawings of a character from one, or new characters of an alphabet from some."""


Setting = Literal["within", "across"]
"""Characters of one alphabet at a time, or of all."""


@dataclass(frozen=True)
class Estimate:
    """A mean over trials and its standard error: for other draws of characters and drawings from the same alphabets."""

    value: float
    error: float

    @classmethod
    def mean(cls, values: npt.NDArray[np.float64]) -> Estimate:
        """The mean of one value for each trial."""
        return cls(float(values.mean()), _standard_error(values))

    @classmethod
    def bootstrap(cls, values: npt.NDArray[np.float64]) -> Estimate:
        """The first value, with the standard deviation of the others: its values in the rounds of a bootstrap."""
        return cls(float(values[0]), float(values[1:].std()))

    @classmethod
    def ratio(cls, values: npt.NDArray[np.float64], references: npt.NDArray[np.float64]) -> Estimate:
        """The ratio of the means of values paired by trial, with its error by linearisation."""
        reference = float(references.mean())
        ratio = float(values.mean()) / reference
        return cls(ratio, _standard_error(values - ratio * references) / reference)


@dataclass(frozen=True)
class Point:
    """Where one kind of drawing lies: how often recognised (0 to 1), how diverse, and how far from the given drawings.

    The first three are measured by the critic, whose features tell characters apart and hide other differences, the
    last two by the embedding, which knows no characters.
    """

    recognizability: Estimate
    diversity: Estimate
    originality: Estimate
    simclr_diversity: Estimate
    simclr_originality: Estimate

    @classmethod
    def of(cls, estimate: Callable[[int], Estimate]) -> Point:
        """The point whose i-th number is ``estimate(i)``."""
        return cls(*(estimate(place) for place in range(5)))

    @property
    def parts(self) -> tuple[Estimate, ...]:
        """All numbers, in order."""
        return (
            self.recognizability,
            self.diversity,
            self.originality,
            self.simclr_diversity,
            self.simclr_originality,
        )


def points_of(trials: Sequence[Mapping[str, Sequence[float]]], data: str) -> dict[str, Point]:
    """``real``, ``generated``, ``copies`` and ``ratio`` of a result, from the numbers of each trial.

    Raises:
        AllographError: the real drawings are never recognised or do not differ.
    """
    columns = {name: np.asarray([trial[name] for trial in trials]) for name in ("real", "generated", "copies")}
    if (columns["real"].mean(0) == 0).any():
        raise AllographError(
            f"{data}: the real drawings are all equal or never recognised, so there is nothing to compare with; use "
            "a data set of drawings by several people"
        )

    def mean(name: str) -> Point:
        return Point.of(lambda place: Estimate.mean(columns[name][:, place]))

    points = {name: mean(name) for name in columns}
    ratio = Point.of(lambda place: Estimate.ratio(columns["generated"][:, place], columns["real"][:, place]))
    return {**points, "ratio": ratio}


@dataclass(frozen=True)
class OneShotResult:
    """The result of a one-shot task: points of real drawings, of the model's, and of distorted copies of the given
    ones.

    Attributes:
        task: one of the three tasks.
        setting: for the task ``exemplars``, where exemplars came from; otherwise empty.
        ways: number of characters in a trial; of alphabets for the task ``alphabet``; 1 for ``unconditional``.
        drawings: number of drawings of each way, including the exemplar in the task ``exemplars``.
        given: number of exemplars of each way.
        references: number of drawings that represent each way for recognition: its exemplar, other characters of the
            alphabet, or real drawings beside the model's.
        training: number of training drawings searched for the nearest one; 0 if only the given ones were.
        ratio: generated over real; a model that cannot be told from people reaches 1, 1, 1.
    """

    task: Task
    data: str
    data_fingerprint: str
    critic: str
    embedding: str
    setting: Setting | Literal[""]
    trials: int
    ways: int
    drawings: int
    given: int
    references: int
    training: int
    size: int
    seed: int
    real: Point
    generated: Point
    copies: Point
    ratio: Point

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    @property
    def _what(self) -> str:
        match self.task:
            case "exemplars":
                ways = f"{self.ways}-way one-shot {self.setting} alphabets, {self.trials} trials"
                return f"{ways}, 1 exemplar and {self.drawings - 1} drawings per character"
            case "alphabet":
                ways = f"new characters of {self.ways} alphabets, {self.trials} trials"
                return f"{ways}, {self.given} given characters and {self.drawings} new ones per alphabet"
            case "unconditional":
                return f"{self.trials} times {self.drawings} drawings from nothing, {self.training} training drawings"

    def table(self) -> str:
        """A table to print."""
        head = f"{self._what}, {self.size} px, {self.data}, critic {self.critic}, embedding {self.embedding}"
        recognised = {"exemplars": "recognised", "alphabet": "own alphabet", "unconditional": "taken for real"}
        names = (recognised[self.task], "diversity", "originality", "SimCLR diversity", "originality")
        lines = [head, f"{'':18}" + "".join(f"{name:>18}" for name in names)]
        for name, point in (("real", self.real), ("generated", self.generated), ("copies", self.copies)):
            known = point.recognizability
            cells = [f"{100 * known.value:.1f} ± {100 * known.error:.1f} %"]
            cells += [f"{part.value:.3f} ± {part.error:.3f}" for part in point.parts[1:]]
            lines.append(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells))
        cells = [f"{part.value:.3f} ± {part.error:.3f}" for part in self.ratio.parts]
        lines.append(f"{'generated / real':18}" + "".join(f"{cell:>18}" for cell in cells))
        return "\n".join(lines)


def _standard_error(values: npt.NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
