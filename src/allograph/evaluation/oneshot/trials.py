"""The loop over trials that the three one-shot tasks share: three kinds of drawings, judged in the same way."""

from __future__ import annotations

__all__ = ["TrialDrawings", "judge_trials"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from allograph.evaluation.drawing import check_drawings
from allograph.evaluation.oneshot.measures import Features, Judges
from allograph.evaluation.oneshot.points import OneShotResult, points_of
from allograph.runtime.distributed import Processes

if TYPE_CHECKING:
    from allograph.data import ConceptDataset


@dataclass(frozen=True)
class TrialDrawings:
    """The drawings of one trial, n of each of W kinds, and the drawings to compare them with.

    Attributes:
        real, generated, copies: people's, the model's, and distorted copies of what the model was given.
        given: features (W, K, D) from which originality is the distance.
        known: function of features (W, n, D): how often drawings are recognised.
    """

    real: Float[Tensor, "W n 1 S S"]
    generated: Float[Tensor, "W n 1 S S"]
    copies: Float[Tensor, "W n 1 S S"]
    given: Features
    known: Callable[[Float[Tensor, "W n D"]], float]


def judge_trials(
    drawings_of: Callable[[int], TrialDrawings],
    dataset: ConceptDataset,
    judges: Judges,
    *,
    trials: int,
    progress: Callable[[int, int], None],
    processes: Processes,
    **about: Any,
) -> OneShotResult:
    """Judge the drawings of every trial; several ``processes`` each take their share. ``about`` holds the other fields
    of the result.

    Raises:
        ValueError: the model's drawings have another shape than the real ones or leave [0, 1].
    """

    def judged(number: int) -> dict[str, tuple[float, ...]]:
        drawn = drawings_of(number)
        check_drawings(drawn.generated, drawn.real.shape)
        kinds = {"real": drawn.real, "generated": drawn.generated, "copies": drawn.copies}
        measured = {name: judges.judge(images, drawn.given, drawn.known) for name, images in kinds.items()}
        progress(number + 1, trials)
        return measured

    found: dict[str, Any] = {**about, **points_of(processes.spread(judged, range(trials)), dataset.name)}
    return OneShotResult(
        data=dataset.name,
        data_fingerprint=dataset.fingerprint(),
        critic=judges.critic.fingerprint,
        embedding=judges.embedding.fingerprint,
        trials=trials,
        **found,
    )
