"""Are new drawings of an unseen character recognised, and do they differ from each other as real ones do?"""

from __future__ import annotations

__all__ = [
    "DrawingFunction",
    "Trial",
    "draw_trials",
    "drawings_of",
    "oneshot",
    "picture_of",
]

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allograph.errors import AllographError
from allograph.evaluation.critics import Critic
from allograph.evaluation.pictures import Column, drawing_sheet
from allograph.evaluation.points import Estimate, OneShotResult, Point, Setting
from allograph.evaluation.simclr import default_embedding
from allograph.parallel import ALONE, Processes

if TYPE_CHECKING:
    from PIL import Image

    from allograph.data import ConceptDataset
    from allograph.writer import Writer

DrawingFunction = Callable[[Tensor, int, int], Tensor]
"""(exemplars (B, 1, S, S), n, seed) -> n new drawings of each exemplar's character (B, n, 1, S, S), in [0, 1]."""


@dataclass(frozen=True)
class Trial:
    """One test of W characters of `family` (-1: of several): the exemplar of each (W,) and n other drawings (W, n)."""

    family: int
    exemplars: npt.NDArray[np.int64]
    others: npt.NDArray[np.int64]
    seed: int


def drawings_of(writer: Writer, temperature: float | None = None, *, whole: bool = False) -> DrawingFunction:
    """What `oneshot` measures of a writer: the drawings that it shows, or samples of its whole model, ink included.

    ``temperature`` None is the card's own, and 1 for the whole model.
    """

    def draw(exemplars: Tensor, n: int, seed: int) -> Tensor:
        noise = writer.model.noise(len(exemplars) * n, generator=torch.Generator().manual_seed(seed))
        noise, context = noise.unflatten(0, (len(exemplars), n)), exemplars[:, None]
        if not whole:
            return torch.sigmoid(writer.draw(context, noise, temperature).parameters)
        heat = 1.0 if temperature is None else temperature
        with torch.inference_mode():
            return torch.sigmoid(writer.model.sample(context, temperature=heat, noise=noise).parameters)

    return draw


def oneshot(
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
    """Show `draw` one exemplar each of `ways` characters and compare what it draws with what other people drew.

    Every kind of drawing is measured on the same exemplars e_k, with the same number n = drawings - 1 of drawings
    x_ki of every character k, by the critic's features phi (D dimensions, length sqrt(D)):

    - recognizability: how often the exemplar most like x_ki, over all exemplars of the trial, is e_k
    - diversity: mean_k sqrt(mean_d var_i phi_d(x_ki)), unbiased: 0 for equal drawings, near 1 for unrelated ones
    - originality: mean_ki sqrt(mean_d (phi_d(x_ki) - phi_d(e_k))^2), 0 for copies, near sqrt(2) for unrelated ones

    Diversity and originality are also measured in the features of `embedding` (None: the SimCLR that ships), as in the
    paper; the critic's own, which has learnt to overlook how people differ, say less of it.

    Characters come from one alphabet at a time ("within", harder) or from all ("across"). While a model is being
    developed `dataset` holds validation characters; the test alphabets are for the last figure only. `size`: side in
    pixels of exemplars and drawings. Drawings of another shape, or that leave [0, 1]: ValueError. Several `processes`
    each take their share of the trials.

    Boutin, Singhal, Thomas, Serre, *Diversity vs. Recognizability*, NeurIPS 2022, sections 2 and 3.
    """
    embedding = embedding or default_embedding()
    chosen = draw_trials(dataset, trials=trials, ways=ways, drawings=drawings, setting=setting, seed=seed)

    def measure(number: int) -> dict[str, tuple[float, ...]]:
        trial, measured = chosen[number], {}
        exemplars = dataset.drawings(trial.exemplars, size)
        real = dataset.drawings(trial.others.ravel(), size).unflatten(0, trial.others.shape)
        generated = draw(exemplars, drawings - 1, trial.seed)
        _check(generated, real.shape)
        copies = _distorted_copies(exemplars, drawings - 1, trial.seed)
        prototypes, anchors = critic.features(exemplars), embedding.features(exemplars)
        for name, images in (("real", real), ("generated", generated), ("copies", copies)):
            _, *spread = _measure(embedding.features(images), anchors)
            measured[name] = (*_measure(critic.features(images), prototypes), *spread)
        progress(number + 1, trials)
        return measured

    results = processes.spread(measure, range(trials))
    columns = {name: np.asarray([result[name] for result in results]) for name in ("real", "generated", "copies")}
    if (columns["real"].mean(0) == 0).any():
        raise AllographError(
            f"{dataset.name}: real drawings of a character are all equal or never recognised, so there is nothing to "
            "compare with; give a data set of drawings by several people"
        )

    def mean(name: str) -> Point:
        return Point.of(lambda place: Estimate.mean(columns[name][:, place]))

    return OneShotResult(
        data=dataset.name,
        data_fingerprint=dataset.fingerprint(),
        critic=critic.fingerprint,
        embedding=embedding.fingerprint,
        setting=setting,
        trials=trials,
        ways=ways,
        drawings=drawings,
        size=size,
        seed=seed,
        real=mean("real"),
        generated=mean("generated"),
        copies=mean("copies"),
        ratio=Point.of(lambda place: Estimate.ratio(columns["generated"][:, place], columns["real"][:, place])),
    )


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
    """What `oneshot` saw in its first trial: exemplars, other people's drawings, the writer's."""
    trial = draw_trials(dataset, trials=2, ways=ways, drawings=drawings, setting=setting, seed=seed)[0]
    exemplars = dataset.drawings(trial.exemplars, size)
    real = dataset.drawings(trial.others.ravel(), size).unflatten(0, trial.others.shape)
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
    """Choose characters, exemplars and other drawings; trial t depends on (seed, t) alone, alphabets take turns.

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
        place = "no alphabet" if setting == "within" else "no choice of characters"
        raise AllographError(
            f"{dataset.name}: {place} has {ways} characters of {drawings} drawings; ask for fewer ways or drawings"
        )
    chosen = []
    for number in range(trials):
        rng = np.random.Generator(np.random.Philox(key=(seed, number)))
        family, pool = pools[number % len(pools)]
        concepts = rng.choice(pool, ways, replace=False)
        images = np.stack([rng.choice(dataset.images_of(concept), drawings, replace=False) for concept in concepts])
        chosen.append(Trial(family, images[:, 0], images[:, 1:], int(rng.integers(2**31))))
    return chosen


def _measure(features: Float[Tensor, "W n D"], prototypes: Float[Tensor, "W D"]) -> tuple[float, float, float]:
    """Recognizability, diversity and originality of n drawings of each of W characters."""
    nearest = (features @ prototypes.T).argmax(-1)
    known = (nearest == torch.arange(len(prototypes))[:, None]).double().mean()
    diversity = features.double().var(1).mean(-1).sqrt().mean()
    originality = (features - prototypes[:, None]).double().square().mean(-1).sqrt().mean()
    return float(known), float(diversity), float(originality)


def _distorted_copies(exemplars: Float[Tensor, "W 1 S S"], count: int, seed: int) -> Float[Tensor, "W n 1 S S"]:
    """Copies, each turned, sheared and scaled by up to a tenth and moved by up to a twentieth of the side."""
    generator = torch.Generator().manual_seed(seed)
    maps = (torch.rand(len(exemplars) * count, 2, 3, generator=generator) * 2 - 1) * 0.1
    maps += torch.eye(2, 3)
    grid = F.affine_grid(maps, [len(maps), *exemplars.shape[1:]], align_corners=False)
    repeated = exemplars.repeat_interleave(count, dim=0)
    return F.grid_sample(repeated, grid, align_corners=False).unflatten(0, (len(exemplars), count))


def _check(generated: Tensor, shape: torch.Size) -> None:
    if generated.shape != shape:
        raise ValueError(f"the writer returned shape {tuple(generated.shape)} where {tuple(shape)} was asked for")
    if not bool(((generated >= 0) & (generated <= 1)).all()):
        raise ValueError("the writer returned values outside [0, 1] (or NaN): drawings are ink coverage, not logits")
