"""Pairs of drawings of one concept: a target to be written and its context, the exemplars that are shown."""

from __future__ import annotations

__all__ = ["PairBatch", "PairSource", "fixed_pairs"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from allograph.data.augment import Augmentation
from allograph.data.concepts import ConceptDataset
from allograph.errors import AllographError

Indices = npt.NDArray[np.int64]

# What a stream of random numbers is for: each has its own Philox key, so that none can repeat another.
_ORDER, _BATCH, _FIXED = range(3)


@dataclass(frozen=True)
class PairBatch:
    """B targets with K context drawings each, ink = 1 on 0.

    concept (B,) and the drawings' indices refer to the data set they were taken from; an augmented pair keeps the
    number of the concept that it was made from.
    """

    target: Float[Tensor, "B 1 S S"]
    context: Float[Tensor, "B K 1 S S"]
    concept: Int[Tensor, " B"]
    target_index: Int[Tensor, " B"]
    context_index: Int[Tensor, "B K"]

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> PairBatch:
        """The same batch on another device."""
        return PairBatch(*(part.to(device, non_blocking=non_blocking) for part in self._parts()))

    def rows(self, chosen: slice) -> PairBatch:
        """Some of the pairs."""
        return PairBatch(*(part[chosen] for part in self._parts()))

    def _parts(self) -> tuple[Tensor, ...]:
        return self.target, self.context, self.concept, self.target_index, self.context_index


class PairSource(Dataset[PairBatch]):
    """An endless sequence of training batches, in which batch `step` is a pure function of (seed, step).

    Targets run through the drawings in an order drawn anew for every epoch; each gets as many context drawings of its
    concept as are drawn from `contexts` for that step, never the target's own drawing, and none twice. All drawings are
    augmented, target and contexts as one group, where an `augmentation` is given.

    A concept with too few drawings for that is left out without augmentation. With it, context drawings may serve more
    than once, each time changed in another way; a concept with a single drawing is always left out.

    As a map-style data set it goes into a torch DataLoader with `batch_size=None` and a sampler over steps.
    """

    def __init__(
        self,
        dataset: ConceptDataset,
        size: int,
        batch_size: int,
        *,
        contexts: Sequence[int] = (1,),
        seed: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        if batch_size < 1 or not contexts or min(contexts) < 1:
            raise ValueError("a batch needs at least one target and one context")
        self.dataset, self.size, self.batch_size = dataset, size, batch_size
        self.contexts, self.seed, self.augmentation = tuple(contexts), seed, augmentation
        needed = 2 if augmentation else max(contexts) + 1
        self.targets = _targets(dataset, needed)
        self._order = (-1, self.targets)

    @property
    def batches_per_epoch(self) -> float:
        """How many batches show every target once."""
        return len(self.targets) / self.batch_size

    def __getitem__(self, step: int) -> PairBatch:
        return self.batch(step)

    def batch(self, step: int) -> PairBatch:
        """The batch of this step, from 0."""
        random = _random(self.seed, _BATCH, step)
        targets = self._targets_of(step)
        count = self.contexts[random.integers(len(self.contexts))]
        contexts = _choose_contexts(self.dataset, targets, count, random)
        return _assemble(self.dataset, self.size, targets, contexts, self.augmentation, random)

    def _targets_of(self, step: int) -> Indices:
        """Positions step * B to (step + 1) * B - 1 of all epochs' orders put one after another."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs, places = np.divmod(positions, len(self.targets))
        return np.concatenate([self._order_of(epoch)[places[epochs == epoch]] for epoch in np.unique(epochs)])

    def _order_of(self, epoch: int) -> Indices:
        # The last order is kept only to save time.
        if self._order[0] != epoch:
            self._order = (epoch, _random(self.seed, _ORDER, epoch).permutation(self.targets))
        return self._order[1]


def fixed_pairs(dataset: ConceptDataset, size: int, count: int, *, seed: int = 0, contexts: int = 1) -> PairBatch:
    """`count` pairs without augmentation, for validation and test: the same for equal arguments.

    Targets are drawings chosen at random, none twice; each has `contexts` other drawings of its concept.
    Concepts with fewer drawings than that are left out. All drawings are taken where there are fewer than `count`.
    """
    random = _random(seed, _FIXED, 0)
    targets = random.permutation(_targets(dataset, contexts + 1))[:count]
    chosen = _choose_contexts(dataset, targets, contexts, random)
    return _assemble(dataset, size, targets, chosen, None, random)


def _targets(dataset: ConceptDataset, needed: int) -> Indices:
    """The drawings whose concept has at least `needed` drawings."""
    targets = np.flatnonzero(dataset.drawings_per_concept[dataset.concept] >= needed)
    if not len(targets):
        raise AllographError(
            f"no class of '{dataset.name}' has the {needed} drawings that a pair needs: "
            "add drawings, show fewer exemplars at once, or train with augmentation"
        )
    return targets


def _choose_contexts(dataset: ConceptDataset, targets: Indices, count: int, random: np.random.Generator) -> Indices:
    """For each target `count` other drawings of its concept, (B, count), none twice as long as there are enough."""
    concepts = dataset.concept[targets]
    available = dataset.drawings_per_concept[concepts]
    ranks = dataset.rank[targets]
    # Others are numbered without those taken so far: the n-th that is left is found by stepping over each taken one.
    taken = ranks[:, None]
    chosen = np.empty((len(targets), count), dtype=np.int64)
    for place in range(count):
        left = available - taken.shape[1]
        pick = np.floor(random.random(len(targets)) * np.maximum(left, 1)).astype(np.int64)
        for used in np.sort(taken, axis=1).T:
            pick += pick >= used
        short = left < 1
        if short.any():
            # Every other drawing has served: they begin again (only augmentation comes here).
            again = np.floor(random.random(int(short.sum())) * (available[short] - 1)).astype(np.int64)
            pick[short] = again + (again >= ranks[short])
        chosen[:, place] = pick
        taken = np.concatenate([taken, pick[:, None]], axis=1)
    return dataset.at(concepts[:, None], chosen)


def _assemble(
    dataset: ConceptDataset,
    size: int,
    targets: Indices,
    contexts: Indices,
    augmentation: Augmentation | None,
    random: np.random.Generator,
) -> PairBatch:
    indices = np.concatenate([targets[:, None], contexts], axis=1)
    groups, members = indices.shape
    if augmentation is None:
        drawings = dataset.drawings(indices.reshape(-1), size).reshape(groups, members, 1, size, size)
    else:
        bitmaps = dataset.bitmaps.unpack(indices.reshape(-1)).reshape(groups, members, dataset.side, dataset.side)
        drawings = augmentation(bitmaps, size, random)
    return PairBatch(
        target=drawings[:, 0].contiguous(),
        context=drawings[:, 1:].contiguous(),
        concept=torch.from_numpy(dataset.concept[targets]),
        target_index=torch.from_numpy(targets),
        context_index=torch.from_numpy(contexts),
    )


def _random(seed: int, stream: int, number: int) -> np.random.Generator:
    """The generator that belongs to (seed, stream, number) and to nothing else: a counter-based one, keyed by them."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"a seed lies in 0 to 2^64 - 1, not {seed}")
    key = np.array([seed, stream], dtype=np.uint64)  # a list with a large seed would go through floating point
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, number, 0]))
