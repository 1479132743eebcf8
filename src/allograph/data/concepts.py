"""A set of drawings, each of one concept by one person."""

from __future__ import annotations

__all__ = ["ConceptDataset"]

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

from allograph.data.images import Images
from allograph.data.sketches import image_hashes, share_of_comparable, smallest
from allograph.errors import AllographError


@dataclass(frozen=True, eq=False)
class ConceptDataset:
    """N drawings of C concepts (characters), which belong to families (alphabets).

    images: the N drawings, bitmaps or pictures. concept (N,): the concept of each, 0 to C - 1. drawer (N,): who drew
    it; equal numbers mean the same person only within one family. concept_names (C), family_names (F). family (C,):
    each concept's family. Two drawings of one concept are the raw material of a (context, target) pair.
    """

    name: str
    images: Images
    concept: npt.NDArray[np.int64]
    drawer: npt.NDArray[np.int64]
    concept_names: tuple[str, ...]
    family_names: tuple[str, ...]
    family: npt.NDArray[np.int64]
    _by_concept: npt.NDArray[np.int64] = field(init=False, repr=False)
    _starts: npt.NDArray[np.int64] = field(init=False, repr=False)
    _rank: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("concept", "drawer", "family"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        images, concepts, families = len(self.images), len(self.concept_names), len(self.family_names)
        if self.concept.shape != (images,) or self.drawer.shape != (images,):
            raise ValueError(f"{images} images need as many concepts and drawers")
        if self.family.shape != (concepts,):
            raise ValueError(f"{concepts} concepts need as many families")
        if images and not 0 <= self.concept.min() <= self.concept.max() < concepts:
            raise ValueError(f"concept indices must lie in 0 to {concepts - 1}")
        if concepts and not 0 <= self.family.min() <= self.family.max() < families:
            raise ValueError(f"family indices must lie in 0 to {families - 1}")
        object.__setattr__(self, "_by_concept", np.argsort(self.concept, kind="stable"))
        object.__setattr__(self, "_starts", np.searchsorted(self.concept[self._by_concept], np.arange(concepts + 1)))
        rank = np.empty(images, dtype=np.int64)
        rank[self._by_concept] = np.arange(images) - self._starts[self.concept[self._by_concept]]
        object.__setattr__(self, "_rank", rank)

    @classmethod
    def unlabelled(cls, name: str, images: Images) -> ConceptDataset:
        """Images without labels: each is its own concept."""
        every = np.arange(len(images))
        return cls(name, images, every, every, tuple(map(str, every.tolist())), (name,), np.zeros_like(every))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def concepts(self) -> int:
        """The number of concepts, C."""
        return len(self.concept_names)

    @property
    def side(self) -> int:
        """The side of the stored drawings in pixels."""
        return self.images.side

    @property
    def channels(self) -> int:
        """1 for ink and grey, 3 for colour."""
        return self.images.channels

    @property
    def binary(self) -> bool:
        """Whether all stored pixels are 0 or 1."""
        return self.images.binary

    @property
    def drawings_per_concept(self) -> npt.NDArray[np.int64]:
        """Number of drawings of each concept, (C,)."""
        return np.diff(self._starts)

    def images_of(self, concept: int) -> npt.NDArray[np.int64]:
        """The indices of a concept's drawings, ascending."""
        return self._by_concept[self._starts[concept] : self._starts[concept + 1]]

    @property
    def rank(self) -> npt.NDArray[np.int64]:
        """The place of each drawing among those of its concept, (N,): the r-th drawing of concept c is at(c, r)."""
        return self._rank

    def at(self, concept: npt.ArrayLike, rank: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The indices of the drawings with these places (any shape) among those of these concepts."""
        return self._by_concept[self._starts[np.asarray(concept)] + np.asarray(rank)]

    def select(self, concepts: npt.ArrayLike) -> ConceptDataset:
        """Only these concepts, renumbered in the given order; drawings are grouped by concept; unused families are
        dropped."""
        chosen = np.asarray(concepts, dtype=np.int64).reshape(-1)
        if len(np.unique(chosen)) != len(chosen):
            raise ValueError("a concept is named twice")
        images = [self.images_of(concept) for concept in chosen.tolist()]
        indices = np.concatenate(images) if images else np.empty(0, dtype=np.int64)
        return self._part(indices, np.repeat(np.arange(len(chosen)), [len(part) for part in images]), chosen)

    def select_drawings(self, indices: npt.ArrayLike) -> ConceptDataset:
        """Only these drawings, in the given order, with the concepts that they show."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        if len(np.unique(chosen)) != len(chosen):
            raise ValueError("a drawing is named twice")
        kept, concept = np.unique(self.concept[chosen], return_inverse=True)
        return self._part(chosen, concept.reshape(-1), kept)

    def _part(
        self, images: npt.NDArray[np.int64], concept: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]
    ) -> ConceptDataset:
        """The drawings `images` with new concept numbers; `kept` lists the old concepts in the order of the new
        ones."""
        kept_families, family = np.unique(self.family[kept], return_inverse=True)
        return ConceptDataset(
            name=self.name,
            images=self.images.select(images),
            concept=concept,
            drawer=self.drawer[images],
            concept_names=tuple(self.concept_names[index] for index in kept),
            family_names=tuple(self.family_names[index] for index in kept_families),
            family=family.reshape(-1),
        )

    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) over every pixel, label and name: equal for equal content, on any machine."""
        digest = hashlib.sha256()
        names = [self.images.side, len(self), self.concept_names, self.family_names]
        digest.update(json.dumps(names, ensure_ascii=True).encode())
        for labels in (self.concept, self.drawer, self.family):
            digest.update(labels.astype("<i8").tobytes())
        for part in self.images.content():
            digest.update(part)
        return digest.hexdigest()

    def sketch(self) -> tuple[int, ...]:
        """The (at most) 1,024 smallest 64-bit hashes of the stored images, ascending. A model's card keeps them, so
        that the images can be recognised later under any name (`allograph.data.sketches`)."""
        return smallest(image_hashes(self.images))

    def overlap(self, sketch: Sequence[int], without: ConceptDataset | None = None) -> float:
        """Of the images that a `sketch` can compare, the share (0 to 1) that is in the sketch's data set; images that
        are also in the data set `without` do not count."""
        hashes = image_hashes(self.images)
        if without is not None:
            hashes = hashes[~np.isin(hashes, image_hashes(without.images))]
        return share_of_comparable(hashes, sketch)

    def check_size(self, size: int) -> None:
        """Raises AllographError if the drawings may not be shown at this size."""
        only = self.images.only_size
        if only is not None and size != only:
            raise AllographError(
                f"'{self.name}' is {only} x {only} pixels; at {size} x {size} it would be another data set: "
                f"use a model of {only} x {only} images (image_size={only})"
            )

    def drawings(self, indices: npt.ArrayLike, size: int) -> Float[Tensor, "n channels size size"]:
        """The drawings at `indices` (n,), `size` pixels square, 0 to 1; of bitmaps, ink = 1 on 0.

        Raises AllographError if the data set has only one size and this is another.
        """
        self.check_size(size)
        return self.images.drawings(indices, size)
