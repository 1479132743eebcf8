"""Measures how probable unseen images are under a model, with and without an exemplar, in nats with standard errors."""

from __future__ import annotations

__all__ = ["Precision", "device_name", "evaluate_likelihood", "rows_at_once"]

import copy
import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from allograph.bounds import ImageNoise, importance_weighted_bound
from allograph.data import fixed_pairs
from allograph.errors import AllographError
from allograph.evaluation.likelihood.checks import check_channels, check_contexts, check_finite, note_on_nats
from allograph.evaluation.likelihood.result import Fewer, LikelihoodResult, Measured, Nats
from allograph.likelihoods import bits_per_dimension
from allograph.models.base import TractableModel
from allograph.runtime.distributed import ALONE, Processes

if TYPE_CHECKING:
    from allograph.data import ConceptDataset, ExemplarKind, PairBatch
    from allograph.data.binarising import Binarisation
    from allograph.models import GenerativeModel

Precision = Literal["float32", "float64"]

_ROWS = {"cpu": 256, "cuda": 8192}
"""Number of latents (images times samples) in the model at a time."""


def rows_at_once(device: str) -> int:
    """Number of latents (images times samples) in the model at a time."""
    return _ROWS[torch.device(device).type]


@torch.no_grad()
def evaluate_likelihood(
    model: GenerativeModel,
    dataset: ConceptDataset,
    *,
    size: int,
    drawings: int | None = None,
    samples: int = 100,
    bound_drawings: int = 1000,
    contexts: int | Sequence[int] | None = None,
    exemplars: ExemplarKind = "concept",
    binarisation: Binarisation = "none",
    precision: Precision = "float32",
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda done, total: None,
    processes: Processes = ALONE,
) -> LikelihoodResult:
    """Measures the free energy and the importance weighted bound of images that the model has not seen.

    All images of the data set, in an order drawn from ``seed`` (or the first ``drawings`` of them), are scored without
    an exemplar. A conditional model also scores them given ``contexts`` other images of the same concept (None: one, if
    the data set has concepts with several images). With ``exemplars`` "family" these are images of other concepts of
    the family: how probable is a new symbol of an alphabet, given some of its symbols? With "repeats" they are images
    of the concept drawn with replacement, often the image itself (`allograph.data.ExemplarKind`). Each of several
    numbers of contexts is measured on the same images; fewer exemplars are the first of the many. The noise of an image
    depends only on (seed, its place in the order), so that figures depend neither on the device's memory nor, except
    for rounding, on the precision. Takes ``drawings + samples bound_drawings`` passes of the model for each number of
    contexts and for none; several ``processes`` each take their share.

    Raises:
        AllographError: fewer than two images; exemplars for a model that takes none; colour for a grey model or the
            other way round; a figure that is not finite.
    """
    start = time.perf_counter()
    counts = check_contexts(model, dataset, contexts, exemplars)
    most = counts[-1] if counts else 0
    check_channels(model, dataset)
    count = drawings if drawings is not None else len(dataset)
    # Binary images stay as they are.
    binarisation = "none" if dataset.binary else binarisation
    pairs = fixed_pairs(dataset, size, count, seed=seed, contexts=most, binarisation=binarisation, exemplars=exemplars)
    if len(pairs) < 2:
        raise AllographError(f"a standard error needs two images; this part of '{dataset.name}' has {len(pairs)}")
    kind = torch.float64 if precision == "float64" else torch.float32
    model = copy.deepcopy(model).to(device, kind).eval()
    few = min(bound_drawings, len(pairs))
    work = _Work(model, pairs, few, samples, seed, device, kind, progress, processes)
    kinds = torch.from_numpy(dataset.family)[pairs.concept] if exemplars == "family" else pairs.concept
    others = _others(kinds) if counts else None
    work.total = (len(pairs) + few * samples) * (1 + len(counts)) + (0 if others is None else len(pairs))

    by_count = {count: work.measure(pairs.context[:, :count]) for count in counts}
    without = work.measure(None)
    wrong = None
    if others is not None:
        distortion, kl = work.energies(pairs.context[others])
        wrong = Nats.of(check_finite(distortion + kl.sum(dim=-1)))
    note = note_on_nats(model.likelihood, pairs.target)
    numbers = None if note else pairs.target[0].numel()

    def compared(count: int) -> Fewer:
        values = by_count[count]
        gain, bound_gain = (Nats.of(part) for part in (without.energy - values.energy, without.bound - values.bound))
        return Fewer(count, values.summary(numbers), gain, bound_gain)

    given = compared(most) if counts else None
    return LikelihoodResult(
        data=dataset.name,
        fingerprint=dataset.fingerprint(),
        binarisation="binary" if dataset.binary else binarisation,
        size=size,
        channels=pairs.target.shape[1],
        images=len(pairs),
        bound_images=few,
        samples=samples,
        contexts=most,
        exemplars=exemplars,
        seed=seed,
        precision=precision,
        machine=device_name(device),
        note=note,
        exact=work.exact(),
        without=without.summary(numbers),
        given=given and given.given,
        wrong=wrong,
        gain=given and given.gain,
        bound_gain=given and given.bound_gain,
        fewer=[compared(count) for count in counts[:-1]],
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Values:
    """Values of each image."""

    distortion: Tensor
    kl: Tensor
    bound: Tensor
    monte_carlo_error: Tensor
    effective_samples: Tensor

    @property
    def energy(self) -> Tensor:
        return self.distortion + self.kl.sum(dim=-1)

    def summary(self, numbers: int | None) -> Measured:
        spread = float(self.monte_carlo_error.square().mean().sqrt() / len(self.bound) ** 0.5)
        return Measured(
            free_energy=Nats.of(check_finite(self.energy)),
            distortion=Nats.of(self.distortion),
            kl=Nats.of(self.kl.sum(dim=-1)),
            kl_per_step=self.kl.mean(dim=0).tolist(),
            bound=Nats.of(check_finite(self.bound)),
            monte_carlo_error=None if math.isnan(spread) else spread,
            effective_samples=float(self.effective_samples.mean()),
            bits_per_dimension=None if numbers is None else Nats.of(bits_per_dimension(self.bound, numbers)),
        )


@dataclass
class _Work:
    """Passes of the model over the pairs, in chunks that fit its device; counts them for the progress."""

    model: GenerativeModel
    pairs: PairBatch
    few: int
    samples: int
    seed: int
    device: str
    kind: torch.dtype
    progress: Callable[[int, int], None]
    processes: Processes
    total: int = 0
    done: int = 0

    def measure(self, context: Tensor | None) -> _Values:
        distortion, kl = self.energies(context)
        rows, generator_at = rows_at_once(self.device), self._generators()

        def bounds(part: slice) -> Tensor:
            bound = importance_weighted_bound(
                self.model, *self._of(context, part), samples=self.samples, generator=generator_at(part), chunk=rows
            )
            self._count((part.stop - part.start) * self.samples)
            return torch.stack([bound.value, bound.monte_carlo_error, bound.effective_samples]).cpu()

        parts = self.processes.spread(bounds, _parts(self.few, max(1, rows // self.samples)))
        value, error, effective = torch.cat(parts, dim=1)
        return _Values(distortion, kl, value, error, effective)

    def energies(self, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Distortion (images,) and KL (images, steps), one sample each."""
        generator_at = self._generators()

        def energies(part: slice) -> tuple[Tensor, Tensor]:
            x, own = self._of(context, part)
            noise = ImageNoise(self.model.noise_shape, x, generator_at(part)).rows(range(len(x)), 1)
            energy = self.model.infer(x, own, noise).free_energy
            self._count(len(x))
            return energy.distortion.double().cpu(), energy.kl.double().cpu()

        parts = self.processes.spread(energies, _parts(len(self.pairs), rows_at_once(self.device) // 2))
        distortion, kl = zip(*parts, strict=True)
        return torch.cat(distortion), torch.cat(kl)

    def _generators(self) -> Callable[[slice], torch.Generator]:
        """The generator of the images' noise in its state at the first image of each part; for parts in ascending
        order."""
        generator, reached = torch.Generator().manual_seed(self.seed), 0

        def at(part: slice) -> torch.Generator:
            nonlocal reached
            # Images in between belong to other processes and also take their numbers from it.
            ImageNoise(self.model.noise_shape, self.pairs.target[reached : part.start], generator)
            reached = part.stop
            return generator

        return at

    def exact(self) -> Nats | None:
        """The negative log likelihood, if the model has a closed form."""
        if not isinstance(self.model, TractableModel):
            return None
        parts = self.pairs.target.split(rows_at_once(self.device))
        return Nats.of(check_finite(-torch.cat([self.model.log_likelihood(x.to(self.device)).cpu() for x in parts])))

    def _of(self, context: Tensor | None, part: slice) -> tuple[Tensor, Tensor | None]:
        x = self.pairs.target[part].to(self.device, self.kind)
        return x, None if context is None else context[part].to(self.device, self.kind)

    def _count(self, rows: int) -> None:
        self.done += rows * self.processes.size  # the other processes are as far
        self.progress(min(self.done, self.total), self.total)


def _parts(count: int, rows: int) -> list[slice]:
    """Slices of at most ``rows`` rows that cover all, in order."""
    return [slice(first, min(first + rows, count)) for first in range(0, count, rows)]


def _others(concept: Tensor) -> Tensor | None:
    """For each pair, the number of a pair of another concept (or family), each used once; None if more than half of the
    pairs are of one concept, so that there is no such order.

    In the order of concepts, a shift by the size of the largest concept always reaches another concept.
    """
    largest = int(concept.bincount().max())
    if 2 * largest > len(concept):
        return None
    order = concept.argsort(stable=True)
    return torch.empty_like(order).scatter_(0, order, order.roll(-largest))


def device_name(device: str) -> str:
    """The machine that it ran on, as far as it matters for the time."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{platform.machine()}, {threads} thread{'s' if threads > 1 else ''}"
