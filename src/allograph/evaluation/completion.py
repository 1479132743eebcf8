"""How well a model completes the hidden half of a drawing: in nats, and by a critic that recognises the character.

For a drawing x with the visible half x_v and the hidden half x_h, and the bounds L on ``-log p`` that
`allograph.completion` and `allograph.bounds` give with equally many latents each,

    without   L(x_h)             the hidden half alone: nothing of the drawing is known
    given     L(x) - L(x_v)      the hidden half given the visible half
    gain      L(x_h) + L(x_v) - L(x)

All three L are too large on average. L(x_h) and L(x_v) use twice as many latents as L(x): half of them are proposed by
the completions' guesses, half by the posterior of the whole drawing, which is known here.

The critic compares a drawing with one drawing of each of W characters of an alphabet. Their people drew neither the
hidden drawing nor the exemplar that the model may see.
"""

from __future__ import annotations

__all__ = ["Completed", "CompletionResult", "evaluate_completion"]

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from allograph.bounds import importance_weighted_bound
from allograph.completion import Completion, complete, noise_rows
from allograph.evaluation.critics.critic import Critic
from allograph.evaluation.likelihood.result import Nats
from allograph.evaluation.oneshot.exemplars import Trial, draw_trials
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from allograph.data import ConceptDataset
    from allograph.imaging.hidden_part import Half
    from allograph.models import GenerativeModel

_TOGETHER = 4
"""Number of drawings that are completed at once."""


@dataclass(frozen=True)
class Completed:
    """The results with one number of exemplars.

    Attributes:
        contexts: number of exemplars of the same character, by other people.
        without, given, gain: nats per drawing, see the module's documentation.
        effective_samples: mean effective sample size of the completions.
        recognised: share of the completed drawings that the critic recognises, and its error over the trials.
    """

    contexts: int
    without: Nats
    given: Nats
    gain: Nats
    effective_samples: float
    recognised: Nats


@dataclass(frozen=True)
class CompletionResult:
    """Everything about one measurement that a comparison needs.

    Attributes:
        hidden: the hidden half.
        drawings: number of drawings; each is completed ``n`` times, by ``particles`` latents in each of ``rounds``.
        recognised_whole, recognised_visible: recognised share of the whole drawings, and of drawings with a blank half.
    """

    data: str
    fingerprint: str
    size: int
    hidden: str
    trials: int
    ways: int
    drawings: int
    n: int
    particles: int
    rounds: int
    seed: int
    recognised_whole: Nats
    recognised_visible: Nats
    completed: Sequence[Completed]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        lines = [
            f"{self.data}, {self.size} x {self.size}, the {self.hidden} half of {self.drawings} drawings hidden; nats "
            "of that half ± standard error",
            f"{'exemplars':>9}{'alone':>16}{'given the rest':>16}{'gain':>16}{'effective':>11}{'recognised':>16}",
        ]
        for one in self.completed:
            nats = "".join(f"{value!s:>16}" for value in (one.without, one.given, one.gain))
            lines.append(f"{one.contexts:>9}{nats}{one.effective_samples:>11.1f}{_percent(one.recognised):>16}")
        whole, visible = map(_percent, (self.recognised_whole, self.recognised_visible))
        return "\n".join([*lines, f"recognised: whole drawings {whole}, with the half blank {visible}"])


def _percent(rate: Nats) -> str:
    return f"{100 * rate.mean:.1f} ± {100 * rate.error:.1f} %"


@torch.no_grad()
def evaluate_completion(
    model: GenerativeModel,
    dataset: ConceptDataset,
    critic: Critic,
    *,
    size: int,
    hidden: Half = "right",
    contexts: Sequence[int] = (0, 1),
    trials: int = 10,
    ways: int = 20,
    n: int = 4,
    particles: int = 16,
    rounds: int = 4,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> CompletionResult:
    """Hides half of one drawing of each of ``ways`` characters in each trial; see the module's documentation.

    Raises:
        AllographError: no alphabet has enough characters with enough drawings.
    """
    chosen = draw_trials(dataset, trials=trials, ways=ways, drawings=max(3, 2 + max(contexts)), seed=seed)
    mask = torch.zeros(size, size, dtype=torch.bool)
    first = slice(0, size // 2) if hidden in ("left", "top") else slice(size // 2, size)
    (mask.T if hidden in ("left", "right") else mask)[first] = True

    def measured(number: int) -> list[list[float]]:
        trial = chosen[number]
        x, known = (dataset.drawings(of, size) for of in (trial.others[:, 0], trial.exemplars))
        prototypes = critic.features(known)

        def recognised(drawings: Tensor) -> float:
            best = (critic.features(drawings) @ prototypes.T).argmax(dim=-1)
            return float((best == torch.arange(ways)[:, None]).double().mean())

        rows = [[recognised(x[:, None]), recognised(torch.where(mask, 0.0, x)[:, None])]]
        for count in contexts:
            given = dataset.drawings(trial.others[:, 1 : 1 + count].ravel(), size).unflatten(0, (ways, count))
            rows.append(_completed(model, x, mask, given if count else None, trial, (n, particles, rounds), recognised))
        progress(min((number + 1) * processes.size, trials), trials)
        return rows

    found = processes.spread(measured, range(trials))
    shares = torch.tensor([one[0] for one in found], dtype=torch.float64)
    completed = []
    for place, count in enumerate(contexts, 1):
        part = torch.tensor([one[place] for one in found], dtype=torch.float64)
        alone, visible, whole = part[:, 2:].unflatten(1, (3, ways)).transpose(0, 1).flatten(1)
        completed.append(
            Completed(
                contexts=count,
                without=Nats.of(alone),
                given=Nats.of(whole - visible),
                gain=Nats.of(alone + visible - whole),
                effective_samples=float(part[:, 1].mean()),
                recognised=Nats.of(part[:, 0]),
            )
        )
    return CompletionResult(
        data=dataset.name,
        fingerprint=dataset.fingerprint(),
        size=size,
        hidden=hidden,
        trials=trials,
        ways=ways,
        drawings=trials * ways,
        n=n,
        particles=particles,
        rounds=rounds,
        seed=seed,
        recognised_whole=Nats.of(shares[:, 0]),
        recognised_visible=Nats.of(shares[:, 1]),
        completed=completed,
    )


def _completed(
    model: GenerativeModel,
    x: Tensor,
    mask: Tensor,
    context: Tensor | None,
    trial: Trial,
    counts: tuple[int, int, int],
    recognised: Callable[[Tensor], float],
) -> list[float]:
    """Share recognised, effective samples, then L(x_h), L(x_v) and L(x) of every drawing."""
    samples = counts[0] * counts[1]
    generator = torch.Generator().manual_seed(trial.seed)
    drawn, effective, bounds = [], [], []
    for first in range(0, len(x), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        target, given = x[part], None if context is None else context[part]
        hidden = mask.expand(len(target), -1, -1)
        found, other = (_both_ways(model, target, one, given, counts, generator) for one in (hidden, ~hidden))
        whole = importance_weighted_bound(model, target, given, samples=samples, generator=generator).value
        mean = model.likelihood.mean(found.completion.parameters)
        drawn.append(torch.where(hidden[:, None, None], mean, target[:, None]))
        effective.append(found.completion.effective_samples)
        bounds.append(torch.stack([other.bound, found.bound, whole]))
    values = torch.cat(bounds, dim=1).flatten().tolist()
    return [recognised(torch.cat(drawn)), float(torch.cat(effective).mean()), *values]


class _Found(NamedTuple):
    completion: Completion
    bound: Tensor
    """L of the visible part, (batch,)."""


def _both_ways(
    model: GenerativeModel,
    x: Tensor,
    hidden: Tensor,
    context: Tensor | None,
    counts: tuple[int, int, int],
    generator: torch.Generator,
) -> _Found:
    """Completions, and the bound of the visible part by their latents and as many from the whole drawing's posterior:
    the mean of both kinds of weights is also unbiased."""
    n, particles, rounds = counts

    def noise(rounds: int) -> Tensor:
        return torch.randn((len(x), n, noise_rows(particles, rounds), *model.noise_shape), generator=generator)

    found = complete(model, x, hidden, context, noise(rounds), rounds=rounds)
    known = complete(model, x, hidden, context, noise(1), rounds=1, begin=x)
    return _Found(found, math.log(2) - torch.logaddexp(found.log_visible, known.log_visible))
