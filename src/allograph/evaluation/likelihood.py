"""How probable are unseen drawings under a model, with an exemplar and without? Nats, with standard errors."""

from __future__ import annotations

__all__ = ["LikelihoodResult", "Nats", "evaluate_likelihood"]

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from allograph.bounds import importance_weighted_bound
from allograph.data import fixed_pairs

if TYPE_CHECKING:
    from allograph.data import ConceptDataset
    from allograph.models import GenerativeModel

_BATCH = 128


@dataclass(frozen=True)
class Nats:
    """A mean over drawings, nats per drawing, and its standard error."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> Nats:
        return cls(float(values.mean()), float(values.double().std() / len(values) ** 0.5))

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.error:.2f}"


@dataclass(frozen=True)
class LikelihoodResult:
    """Everything that a comparison needs.

    Attributes:
        data, fingerprint: which drawings; binary ones of ``size`` x ``size`` pixels.
        drawings: how many the free energy was taken over, one sample each; each with ``contexts`` other drawings of its
            character as exemplars.
        free_energy, free_energy_without: given the exemplars, and with none, on the same drawings.
        gain: free_energy_without - free_energy, paired by drawing.
        free_energy_wrong: given an exemplar of another character.
        kl: per step, given the exemplars.
        bound, bound_without: importance weighted, over ``samples`` samples, on the first ``bound_drawings`` drawings.
        effective_samples: mean, given the exemplars.
    """

    data: str
    fingerprint: str
    size: int
    contexts: int
    drawings: int
    seed: int
    precision: str
    free_energy: Nats
    free_energy_without: Nats
    free_energy_wrong: Nats
    gain: Nats
    kl: list[float]
    samples: int
    bound_drawings: int
    bound: Nats
    bound_without: Nats
    effective_samples: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """A table to print."""
        head = (
            f"{self.data}, {self.size} px, binary; nats per drawing ± standard error; "
            f"{self.contexts} exemplar(s), {self.precision}, seed {self.seed}"
        )
        rows = [
            (f"free energy, {self.drawings} drawings", self.free_energy, self.free_energy_without),
            (f"bound, {self.samples} samples, {self.bound_drawings} drawings", self.bound, self.bound_without),
        ]
        lines = [head, f"{'':42}{'given exemplar':>18}{'without':>18}"]
        lines += [f"{name:42}{given!s:>18}{without!s:>18}" for name, given, without in rows]
        lines += [
            f"{'free energy, another character as exemplar':42}{self.free_energy_wrong!s:>18}",
            f"{'gain by the exemplar':42}{self.gain!s:>18}",
            f"KL per step: {' '.join(f'{value:.2f}' for value in self.kl)} (sum {sum(self.kl):.2f})",
            f"effective samples {self.effective_samples:.1f} of {self.samples}; {self.seconds:.0f} s",
        ]
        return "\n".join(lines)


@torch.no_grad()
def evaluate_likelihood(
    model: GenerativeModel,
    dataset: ConceptDataset,
    *,
    size: int,
    drawings: int | None = None,
    samples: int = 100,
    bound_drawings: int = 1000,
    contexts: int = 1,
    seed: int = 0,
) -> LikelihoodResult:
    """Free energy and importance weighted bound of drawings the model has not seen.

    Each drawing (all of the data set's, in an order drawn from ``seed``, or the first ``drawings`` of them) is scored
    given ``contexts`` other drawings of its character, and given none. Float32. Takes about
    ``2 samples bound_drawings + 3 drawings`` passes of the model.
    """
    start = time.perf_counter()
    count = drawings if drawings is not None else len(dataset.concept)
    pairs = fixed_pairs(dataset, size, count, seed=seed, contexts=contexts)
    # Rolled by half the set, contexts belong to other characters (a few fall on their own, and count as right ones do).
    shift = len(pairs) // 2
    given, without, wrong, kl = [], [], [], []
    generator = torch.Generator().manual_seed(seed)
    for first in range(0, len(pairs), _BATCH):
        rows = pairs.rows(slice(first, first + _BATCH))
        result = model.free_energy(rows.target, rows.context, generator=generator)
        given.append(result.total)
        kl.append(result.kl)
        without.append(model.free_energy(rows.target, None, generator=generator).total)
        others = (torch.arange(first, first + len(rows)) + shift) % len(pairs)
        wrong.append(model.free_energy(rows.target, pairs.context[others], generator=generator).total)
    energies, energies_without = torch.cat(given), torch.cat(without)

    few = pairs.rows(slice(0, bound_drawings))
    bound, bound_without, effective = [], [], []
    for first in range(0, len(few), 16):
        rows = few.rows(slice(first, first + 16))
        weighted = importance_weighted_bound(model, rows.target, rows.context, samples=samples, generator=generator)
        bound.append(weighted.value)
        effective.append(weighted.effective_samples)
        bound_without.append(
            importance_weighted_bound(model, rows.target, None, samples=samples, generator=generator).value
        )
    return LikelihoodResult(
        data=dataset.name,
        fingerprint=dataset.fingerprint(),
        size=size,
        contexts=contexts,
        drawings=len(pairs),
        seed=seed,
        precision="float32",
        free_energy=Nats.of(energies),
        free_energy_without=Nats.of(energies_without),
        free_energy_wrong=Nats.of(torch.cat(wrong)),
        gain=Nats.of(energies_without - energies),
        kl=torch.cat(kl).mean(dim=0).tolist(),
        samples=samples,
        bound_drawings=len(few),
        bound=Nats.of(torch.cat(bound)),
        bound_without=Nats.of(torch.cat(bound_without)),
        effective_samples=float(torch.cat(effective).mean()),
        seconds=time.perf_counter() - start,
    )
