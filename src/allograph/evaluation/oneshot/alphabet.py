"""The third one-shot task: new characters of an unseen alphabet, given a few of its characters."""

from __future__ import annotations

__all__ = ["AlphabetTrial", "alphabet_trials", "new_characters", "picture_of_alphabets"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.critics.critic import Critic
from allograph.evaluation.drawing import ContextDrawing
from allograph.evaluation.oneshot.measures import Judges, distorted, recognised
from allograph.evaluation.oneshot.points import OneShotResult
from allograph.evaluation.oneshot.trials import TrialDrawings, judge_trials
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from jaxtyping import Float
    from PIL import Image
    from torch import Tensor

    from allograph.data import ConceptDataset

Indices = npt.NDArray[np.int64]

_COUNTS = {"given": 5, "drawings": 7, "references": 8}
"""Default numbers of characters of each alphabet: the smallest evaluation alphabets of Omniglot have 20."""

_ROWS = 8
"""Rows of the picture."""


@dataclass(frozen=True)
class AlphabetTrial:
    """W alphabets, and one drawing each of different characters of each: K are given (W, K), n are compared with the
    model's (W, n), and m represent the alphabet (W, m)."""

    given: Indices
    others: Indices
    references: Indices
    seed: int


def new_characters(
    draw: ContextDrawing,
    dataset: ConceptDataset,
    critic: Critic,
    *,
    size: int,
    given: int = _COUNTS["given"],
    drawings: int = _COUNTS["drawings"],
    references: int = _COUNTS["references"],
    ways: int = 5,
    trials: int = 20,
    seed: int = 0,
    embedding: Critic | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> OneShotResult:
    """Show ``draw`` some characters of each of ``ways`` alphabets and compare its drawings with their other characters.

    Every kind of drawing x_ki (the model's; real drawings of n characters that were not given; distorted copies of the
    given ones, in turn) is measured by the critic's features phi. Each alphabet k has K given drawings g_kj and m
    references r_kj, which are drawings of further characters:

    - own alphabet: how often phi(x_ki) is more like the mean of phi(r_k1) ... phi(r_km), scaled to the features'
      length, than like that of any other alphabet. References were never given, so a copy has no advantage over a real
      character of the alphabet.
    - diversity: mean_k sqrt(mean_d var_i phi_d(x_ki)), unbiased
    - originality: mean_ki min_j sqrt(mean_d (phi_d(x_ki) - phi_d(g_kj))^2), the distance to the nearest given
      character: 0 for copies

    The last two are also measured by the ``embedding`` (None: the SimCLR that ships). Alphabets with K + n + m
    characters take part; if there are fewer than ``ways``, all of these do. Trial t depends only on (seed, t).

    The task is that of Rezende et al., 2016, section 4: representative samples of a novel alphabet.

    Raises:
        AllographError: fewer than two alphabets are large enough.
    """
    judges = Judges.of(critic, embedding)
    chosen = alphabet_trials(
        dataset, given=given, drawings=drawings, references=references, ways=ways, trials=trials, seed=seed
    )
    ways = len(chosen[0].given)

    def drawings_of(number: int) -> TrialDrawings:
        trial = chosen[number]
        shown, real, known = (_images(dataset, part, size) for part in (trial.given, trial.others, trial.references))
        prototypes = F.normalize(judges.critic.features(known).mean(dim=1), dim=1)
        return TrialDrawings(
            real=real,
            generated=draw(shown, drawings, trial.seed),
            copies=_copies(shown, drawings, trial.seed),
            given=judges.features(shown),
            known=lambda features: recognised(features, prototypes),
        )

    common: dict[str, Any] = {"trials": trials, "progress": progress, "processes": processes}
    fixed: dict[str, Any] = {"task": "alphabet", "setting": "", "size": size, "seed": seed}
    counts = {"ways": ways, "drawings": drawings, "given": given, "references": references, "training": 0}
    return judge_trials(drawings_of, dataset, judges, **common, **counts, **fixed)


def picture_of_alphabets(
    draw: ContextDrawing,
    dataset: ConceptDataset,
    *,
    size: int,
    given: int = _COUNTS["given"],
    ways: int = 5,
    seed: int = 0,
) -> Image.Image:
    """A row for each alphabet of the first trials: given characters, other characters, the model's."""
    trials = alphabet_trials(dataset, **_COUNTS | {"given": given}, ways=ways, trials=_ROWS, seed=seed)
    trials = trials[: max(1, _ROWS // len(trials[0].given))]
    shown, real = (
        torch.cat([_images(dataset, part, size) for part in parts])
        for parts in ([trial.given for trial in trials], [trial.others for trial in trials])
    )
    drawn = [draw(_images(dataset, trial.given, size), trial.others.shape[1], trial.seed) for trial in trials]
    columns = (
        Column("given", shown, True),
        Column("other characters", real),
        Column("the model", torch.cat(drawn)),
    )
    return drawing_sheet(columns, len(shown))


def alphabet_trials(
    dataset: ConceptDataset, *, given: int, drawings: int, references: int, ways: int, trials: int, seed: int
) -> list[AlphabetTrial]:
    """Choose alphabets, characters and a drawing of each; see `new_characters`."""
    if trials < 2 or ways < 2 or given < 1 or drawings < 2 or references < 1:
        raise AllographError("the task alphabet needs at least 2 trials, 2 alphabets, 2 drawings and 1 given character")
    needed = given + drawings + references
    drawn = np.flatnonzero(dataset.drawings_per_concept > 0)
    members = [drawn[dataset.family[drawn] == family] for family in range(len(dataset.family_names))]
    members = [concepts for concepts in members if len(concepts) >= needed]
    if len(members) < 2:
        raise AllographError(
            f"{dataset.name}: {len(members) or 'no'} alphabet{'' if len(members) == 1 else 's'} of this part ha"
            f"{'s' if len(members) == 1 else 've'} the {needed} characters that this needs, and two alphabets must: "
            "give fewer, or use data with whole alphabets held out (of Omniglot the splits 30-20, 40-10, 45-5)"
        )
    chosen = []
    for number in range(trials):
        rng = np.random.Generator(np.random.Philox(key=(seed, number)))
        families = rng.choice(len(members), min(ways, len(members)), replace=False)
        concepts = [rng.choice(members[family], needed, replace=False) for family in families]
        images = np.asarray([[rng.choice(dataset.images_of(concept)) for concept in row] for row in concepts])
        parts = np.split(images, [given, given + drawings], axis=1)
        chosen.append(AlphabetTrial(*parts, seed=int(rng.integers(2**31))))
    return chosen


def _images(dataset: ConceptDataset, indices: Indices, size: int) -> Float[Tensor, "W n 1 S S"]:
    return dataset.drawings(indices.ravel(), size).unflatten(0, indices.shape)


def _copies(given: Float[Tensor, "W K 1 S S"], count: int, seed: int) -> Float[Tensor, "W n 1 S S"]:
    """Distorted copies of the given drawings, which take turns."""
    ways, kept = given.shape[:2]
    rounds = distorted(given.flatten(0, 1), -(-count // kept), seed).unflatten(0, (ways, kept)).transpose(1, 2)
    return rounds.flatten(1, 2)[:, :count]
