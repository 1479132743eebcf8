"""Pairs: a target to write and its context, the exemplars shown, of one concept or one family."""

from __future__ import annotations

__all__ = ["ExemplarKind", "PairBatch", "PairSource", "fixed_pairs"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from allograph.data.augment import Augmentation, shifted
from allograph.data.binarising import Binarisation, binarised, binarised_once
from allograph.data.bitmaps import PackedBitmaps
from allograph.data.concepts import ConceptDataset
from allograph.data.streams import Purpose, random_stream
from allograph.errors import AllographError
from allograph.runtime.distributed import Share

Indices = npt.NDArray[np.int64]

ExemplarKind = Literal["concept", "family", "repeats"]
"""Relation of exemplars to their target: other drawings of its concept, none twice; drawings of other concepts of its
family; or drawings of its concept drawn with replacement, the target among them, as in the published code of Generative
Matching Networks (of N drawings, the target is among n exemplars with probability ``1 - (1 - 1/N)^n``)."""


@dataclass(frozen=True)
class PairBatch:
    """B targets with K context drawings each, values 0 to 1; K is 0 for targets without context.

    concept (B,) and the drawings' indices refer to the original data set; an augmented pair keeps the number of its
    original concept.
    """

    target: Float[Tensor, "B C S S"]
    context: Float[Tensor, "B K C S S"]
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
    """An endless sequence of training batches; batch `step` is a pure function of (seed, step).

    Targets run through the drawings in a new random order for every epoch. For each step, a number of context drawings
    is drawn from `contexts`; each target gets this many of its concept, never its own drawing, and none twice. With
    `exemplars` "family" they are drawings of this many other concepts of its family, one of each; with "repeats", any
    drawings of its concept, even its own (`ExemplarKind`). In the first
    `varied_steps` steps the `augmentation`, if given, changes all drawings, target and contexts as one group; then each
    drawing is moved by up to `shift` whole pixels. Grey drawings are binarised again in every step
    (`allograph.data.binarising`).

    Without augmentation, a concept with too few drawings (a family with too few concepts) is left out. With it, context
    drawings may serve more than once, changed differently each time; a concept with a single drawing is still left out,
    unless no context is wanted: with `contexts` (0,) every drawing is a target.

    It is a map-style data set for a torch DataLoader with `batch_size=None` and a sampler over steps.
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
        shift: int = 0,
        varied_steps: float = math.inf,
        binarisation: Binarisation = "none",
        exemplars: ExemplarKind = "concept",
    ) -> None:
        if batch_size < 1 or not contexts or min(contexts) < 0 or shift < 0:
            raise ValueError("a batch needs at least one target; numbers of contexts and the shift must be at least 0")
        dataset.check_size(size)
        if augmentation is not None and dataset.images.only_size == dataset.side:
            raise AllographError(
                f"turning or scaling would change the pixels of '{dataset.name}', which are all 0 or 1: train without "
                "augmentation (augment=false); shift=1 moves images by whole pixels"
            )
        self.dataset, self.size, self.batch_size = dataset, size, batch_size
        self.contexts, self.seed, self.augmentation = tuple(contexts), seed, augmentation
        self.shift, self.varied_steps = shift, varied_steps
        self.binarisation: Binarisation = binarisation
        self.exemplars: ExemplarKind = exemplars
        needed = max(contexts) + 1
        self.targets = _targets(dataset, min(needed, 2) if augmentation else needed, exemplars)
        self._order = (-1, self.targets)

    def __getitem__(self, step: int) -> PairBatch:
        return self.batch(step)

    def batch(self, step: int, share: Share | None = None) -> PairBatch:
        """The batch of this step (from 0), or a share of its rows: random numbers are drawn for all rows, images made
        only for the share."""
        random = random_stream(self.seed, Purpose.BATCH, step)
        targets = self._targets_of(step)
        count = self.contexts[random.integers(len(self.contexts))]
        indices = _with_contexts(self.dataset, targets, count, random, self.exemplars)
        share = share or Share.whole(self.batch_size)
        indices = indices[share.rows]
        if step < self.varied_steps:
            images = shifted(self._augmented(indices, random, share), self.shift, random, share)
        else:
            images = _plain(self.dataset, indices, self.size)
        if not self.dataset.binary:
            images = binarised(images, self.binarisation, random, share)
        return _pair_batch(self.dataset, indices, images)

    def _augmented(
        self, indices: Indices, random: np.random.Generator, share: Share
    ) -> Float[Tensor, "groups members c s s"]:
        """The drawings at `indices` (groups, members), augmented if wanted."""
        images, augmentation = self.dataset.images, self.augmentation
        if augmentation is None:
            return _plain(self.dataset, indices, self.size)
        if isinstance(images, PackedBitmaps):
            bitmaps = images.unpack(indices.reshape(-1)).reshape(*indices.shape, images.side, images.side)
            return augmentation(bitmaps, self.size, random, reduction=images.reduction, share=share)
        pixels = images.pixels(indices.reshape(-1))
        return augmentation.pictures(pixels.reshape(*indices.shape, *pixels.shape[1:]), self.size, random, share)

    def _targets_of(self, step: int) -> Indices:
        """Positions step * B to (step + 1) * B - 1 of the concatenated orders of all epochs."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs, places = np.divmod(positions, len(self.targets))
        return np.concatenate([self._order_of(epoch)[places[epochs == epoch]] for epoch in np.unique(epochs)])

    def _order_of(self, epoch: int) -> Indices:
        # The last order is kept only to save time.
        if self._order[0] != epoch:
            self._order = (epoch, random_stream(self.seed, Purpose.ORDER, epoch).permutation(self.targets))
        return self._order[1]


def fixed_pairs(
    dataset: ConceptDataset,
    size: int,
    count: int,
    *,
    seed: int = 0,
    contexts: int = 1,
    binarisation: Binarisation = "none",
    exemplars: ExemplarKind = "concept",
) -> PairBatch:
    """`count` pairs without augmentation, for validation and test: the same for equal arguments.

    Targets are drawings chosen at random, none twice. Each has `contexts` other drawings of its concept (none with 0)
    or, with `exemplars` "family", drawings of this many other concepts of its family, one of each; or, with "repeats",
    any drawings of its concept, even its own (`ExemplarKind`). Concepts with too few drawings (families with too few
    concepts) are left out. If there are fewer than `count` drawings, all are used.
    The binarisation of grey drawings depends only on `seed` and the drawing's index, so that more pairs or other
    contexts do not change it.
    """
    dataset.check_size(size)
    random = random_stream(seed, Purpose.FIXED, 0)
    targets = random.permutation(_targets(dataset, contexts + 1, exemplars))[:count]
    indices = _with_contexts(dataset, targets, contexts, random, exemplars)
    images = _plain(dataset, indices, size)
    if not dataset.binary:
        images = binarised_once(images, binarisation, seed, indices)
    return _pair_batch(dataset, indices, images)


def _targets(dataset: ConceptDataset, needed: int, exemplars: ExemplarKind) -> Indices:
    """The drawings whose concept has at least `needed` drawings, or whose family has at least as many concepts with
    drawings."""
    if exemplars == "family":
        counts = np.bincount(dataset.family[dataset.drawings_per_concept > 0], minlength=len(dataset.family_names))
        targets = np.flatnonzero(counts[dataset.family[dataset.concept]] >= needed)
        what, more = f"no family of '{dataset.name}' has the {needed} classes needed", "add classes"
    elif exemplars == "repeats":
        return np.arange(len(dataset))
    else:
        targets = np.flatnonzero(dataset.drawings_per_concept[dataset.concept] >= needed)
        what, more = f"no class of '{dataset.name}' has the {needed} images needed", "add images"
    if not len(targets):
        raise AllographError(
            f"{what} for a target and its exemplars: show fewer exemplars or none (contexts 0), or {more}"
        )
    return targets


def _with_contexts(
    dataset: ConceptDataset, targets: Indices, count: int, random: np.random.Generator, exemplars: ExemplarKind
) -> Indices:
    """Each target and `count` exemplars, (B, 1 + count)."""
    if exemplars == "concept":
        concepts = dataset.concept[targets]
        chosen = _choose_others(dataset.drawings_per_concept[concepts], dataset.rank[targets], count, random)
        contexts = dataset.at(concepts[:, None], chosen)
    elif exemplars == "repeats":
        concepts = dataset.concept[targets][:, None]
        ranks = np.floor(random.random((len(targets), count)) * dataset.drawings_per_concept[concepts])
        contexts = dataset.at(concepts, ranks.astype(np.int64))
    else:
        contexts = _of_family(dataset, targets, count, random)
    return np.concatenate([targets[:, None], contexts], axis=1)


def _of_family(dataset: ConceptDataset, targets: Indices, count: int, random: np.random.Generator) -> Indices:
    """For each target a drawing of each of `count` other concepts of its family, (B, count)."""
    drawn = np.flatnonzero(dataset.drawings_per_concept > 0)
    members = drawn[np.argsort(dataset.family[drawn], kind="stable")]
    starts = np.searchsorted(dataset.family[members], np.arange(len(dataset.family_names) + 1))
    place = np.empty(dataset.concepts, dtype=np.int64)
    place[members] = np.arange(len(members)) - starts[dataset.family[members]]
    family = dataset.family[dataset.concept[targets]]
    others = _choose_others(np.diff(starts)[family], place[dataset.concept[targets]], count, random)
    concepts = members[starts[family][:, None] + others]
    rank = np.floor(random.random(concepts.shape) * dataset.drawings_per_concept[concepts])
    return dataset.at(concepts, rank.astype(np.int64))


def _choose_others(available: Indices, own: Indices, count: int, random: np.random.Generator) -> Indices:
    """For each of B groups, the places (B, count) of `count` members other than its own, none twice if there are
    enough."""
    # Others are numbered without those taken so far: to find the n-th one left, step over each taken one.
    taken = own[:, None]
    chosen = np.empty((len(own), count), dtype=np.int64)
    for place in range(count):
        left = available - taken.shape[1]
        pick = np.floor(random.random(len(own)) * np.maximum(left, 1)).astype(np.int64)
        for used in np.sort(taken, axis=1).T:
            pick += pick >= used
        short = left < 1
        if short.any():
            # Every other member has served, so they start again (only with augmentation).
            again = np.floor(random.random(int(short.sum())) * (available[short] - 1)).astype(np.int64)
            pick[short] = again + (again >= own[short])
        chosen[:, place] = pick
        taken = np.concatenate([taken, pick[:, None]], axis=1)
    return chosen


def _plain(dataset: ConceptDataset, indices: Indices, size: int) -> Float[Tensor, "groups members c s s"]:
    drawings = dataset.drawings(indices.reshape(-1), size)
    return drawings.reshape(*indices.shape, *drawings.shape[1:])


def _pair_batch(dataset: ConceptDataset, indices: Indices, images: Float[Tensor, "groups members c s s"]) -> PairBatch:
    """A batch with the first member of every group as the target and the others as its context."""
    return PairBatch(
        target=images[:, 0].contiguous(),
        context=images[:, 1:].contiguous(),
        concept=torch.from_numpy(dataset.concept[indices[:, 0]]),
        target_index=torch.from_numpy(indices[:, 0].copy()),
        context_index=torch.from_numpy(indices[:, 1:].copy()),
    )
