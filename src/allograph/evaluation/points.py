"""What the one-shot test found: where people's drawings, a model's and copies lie, with standard errors."""

from __future__ import annotations

__all__ = ["Estimate", "OneShotResult", "Point", "Setting"]

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Setting = Literal["within", "across"]
"""Characters of one alphabet at a time, or of all."""


@dataclass(frozen=True)
class Estimate:
    """A mean over trials and its standard error: for other draws of characters and drawings from the same alphabets."""

    value: float
    error: float

    @classmethod
    def mean(cls, values: npt.NDArray[np.float64]) -> Estimate:
        """The mean of one value per trial."""
        return cls(float(values.mean()), _standard_error(values))

    @classmethod
    def ratio(cls, values: npt.NDArray[np.float64], references: npt.NDArray[np.float64]) -> Estimate:
        """Ratio of the means of paired values (the trials are the same); the error by linearisation."""
        reference = float(references.mean())
        ratio = float(values.mean()) / reference
        return cls(ratio, _standard_error(values - ratio * references) / reference)


@dataclass(frozen=True)
class Point:
    """Where one kind of drawing lies: recognised (0 to 1), differing from each other, differing from the exemplar.

    The first three by the critic, whose features tell characters apart and hide other differences; the last two by the
    embedding, which knows of no characters.
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


@dataclass(frozen=True)
class OneShotResult:
    """What `oneshot` measured: real drawings, the writer's, and, beside them, distorted copies of the exemplar."""

    data: str
    data_fingerprint: str
    critic: str
    embedding: str
    setting: Setting
    trials: int
    ways: int
    drawings: int
    size: int
    seed: int
    real: Point
    generated: Point
    copies: Point
    ratio: Point
    """Generated over real: 1, 1, 1 is what a writer reaches that cannot be told from people."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        head = (
            f"{self.ways}-way one-shot {self.setting} alphabets, {self.trials} trials, 1 exemplar and "
            f"{self.drawings - 1} drawings a character, {self.size} px, {self.data}, critic {self.critic}, "
            f"embedding {self.embedding}"
        )
        names = ("recognised", "diversity", "originality", "SimCLR diversity", "originality")
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
