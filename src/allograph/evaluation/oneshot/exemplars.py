"""The second one-shot task: new drawings of an unseen character. Are they recognised, and as diverse as real ones?"""

from __future__ import annotations

__all__ = ["Trial", "draw_trials", "from_exemplars", "picture_of"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from allograph.errors import AllographError
from allograph.evaluation.critics.critic import Critic
from allograph.evaluation.drawing import DrawingFunction
from allograph.evaluation.oneshot.measures import Features, Judges, distorted, recognised
from allograph.evaluation.oneshot.points import OneShotResult, Setting
from allograph.evaluation.oneshot.trials import TrialDrawings, judge_trials
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from allograph.data import ConceptDataset


@dataclass(frozen=True)
class Trial:
    """One trial with W characters of `family` (-1: of several): the exemplar of each (W,) and n other drawings (W,
    n)."""

    family: int
    exemplars: npt.NDArray[np.int64]
    others: npt.NDArray[np.int64]
    seed: int


def from_exemplars(
    draw: DrawingFunction,
    dataset: ConceptDataset,
    critic: Critic,
    *,
    size: int,
    trials: int = 20,
    ways: int = 20,
    drawings: int = 20,
    setting: Setting = "within",
    seed: int = 0,
    embedding: Critic | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> OneShotResult:
    """Show `draw` one exemplar of each of `ways` characters and compare its drawings with those of other people.

    Every kind of drawing is measured on the same exemplars e_k, with the same number n = drawings - 1 of drawings
    x_ki of every character k, by the critic's features phi (D dimensions, length sqrt(D)), see `measures`:

    - recognizability: how often the exemplar most like x_ki, over all exemplars of the trial, is e_k
    - diversity: mean_k sqrt(mean_d var_i phi_d(x_ki)), unbiased: 0 for equal drawings, near 1 for unrelated ones
    - originality: mean_ki sqrt(mean_d (phi_d(x_ki) - phi_d(e_k))^2), 0 for copies, near sqrt(2) for unrelated ones

    Diversity and originality are also measured in the features of `embedding` (None: the SimCLR that ships), as in the
    paper; the critic's own features, which have learned to ignore how people differ, say less about it.

    Characters come from one alphabet at a time ("within", harder) or from all ("across"). During development, `dataset`
    holds validation characters; the test alphabets are only for the final figure. `size` is the side of exemplars and
    drawings in pixels. Drawings that have another shape or leave [0, 1] raise ValueError. Several `processes` each take
    their share of the trials.

    Boutin, Singhal, Thomas, Serre, *Diversity vs. Recognizability*, NeurIPS 2022, sections 2 and 3.
    """
    judges = Judges.of(critic, embedding)
    chosen = draw_trials(dataset, trials=trials, ways=ways, drawings=drawings, setting=setting, seed=seed)

    def drawings_of(number: int) -> TrialDrawings:
        trial = chosen[number]
        exemplars, real = _images(dataset, trial, size)
        seen = judges.features(exemplars)
        return TrialDrawings(
            real=real,
            generated=draw(exemplars, drawings - 1, trial.seed),
            copies=distorted(exemplars, drawings - 1, trial.seed),
            given=Features(*(features[:, None] for features in seen)),
            known=lambda features: recognised(features, seen.critic),
        )

    common: dict[str, Any] = {"trials": trials, "progress": progress, "processes": processes}
    asked: dict[str, Any] = {"setting": setting, "ways": ways, "drawings": drawings, "size": size, "seed": seed}
    fixed: dict[str, Any] = {"task": "exemplars", "given": 1, "references": 1, "training": 0}
    return judge_trials(drawings_of, dataset, judges, **common, **asked, **fixed)


def _images(dataset: ConceptDataset, trial: Trial, size: int) -> tuple[Tensor, Tensor]:
    """The exemplars (W, 1, S, S) and the other drawings (W, n, 1, S, S)."""
    others = dataset.drawings(trial.others.ravel(), size).unflatten(0, trial.others.shape)
    return dataset.drawings(trial.exemplars, size), others


def picture_of(
    draw: DrawingFunction,
    dataset: ConceptDataset,
    *,
    size: int,
    ways: int = 20,
    drawings: int = 20,
    setting: Setting = "within",
    seed: int = 0,
) -> Image.Image:
    """The first trial of `from_exemplars`: exemplars, other people's drawings, the writer's drawings."""
    trial = draw_trials(dataset, trials=2, ways=ways, drawings=drawings, setting=setting, seed=seed)[0]
    exemplars, real = _images(dataset, trial, size)
    generated = draw(exemplars, drawings - 1, trial.seed)
    columns = (Column("given", exemplars[:, None], True), Column("people", real), Column("the model", generated))
    return drawing_sheet(columns)


def draw_trials(
    dataset: ConceptDataset,
    *,
    trials: int,
    ways: int = 20,
    drawings: int = 20,
    setting: Setting = "within",
    seed: int = 0,
) -> list[Trial]:
    """Choose characters, exemplars and other drawings; trial t depends only on (seed, t); alphabets take turns.

    Only characters with at least `drawings` drawings take part; "within", only alphabets with `ways` such characters.
    """
    if trials < 2 or ways < 2 or drawings < 3:
        raise AllographError("a one-shot test needs at least 2 trials, 2 ways and 3 drawings of each character")
    eligible = np.flatnonzero(dataset.drawings_per_concept >= drawings)
    pools = [(-1, eligible)]
    if setting == "within":
        pools = [(int(f), eligible[dataset.family[eligible] == f]) for f in np.unique(dataset.family[eligible])]
    pools = [(family, pool) for family, pool in pools if len(pool) >= ways]
    if not pools:
        place, remedy = "no choice of characters", "ask for fewer ways or drawings"
        if setting == "within":
            place, remedy = "no alphabet", "use the setting across, or ask for fewer ways or drawings"
        raise AllographError(f"{dataset.name}: {place} has {ways} characters of {drawings} drawings; {remedy}")
    chosen = []
    for number in range(trials):
        rng = np.random.Generator(np.random.Philox(key=(seed, number)))
        family, pool = pools[number % len(pools)]
        concepts = rng.choice(pool, ways, replace=False)
        images = np.stack([rng.choice(dataset.images_of(concept), drawings, replace=False) for concept in concepts])
        chosen.append(Trial(family, images[:, 0], images[:, 1:], int(rng.integers(2**31))))
    return chosen
