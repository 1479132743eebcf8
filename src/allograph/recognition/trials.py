"""Trials of recognition: characters and drawings chosen at random, and the evidence from the drawings."""

from __future__ import annotations

__all__ = ["Source", "Trial", "hausdorff", "run_trial"]

import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float

from allograph.data import ConceptDataset, PackedBitmaps
from allograph.data.streams import Purpose, random_stream
from allograph.errors import AllographError
from allograph.recognition.evidence import SIDE, Evidence, Examiner, Known, bitmaps_of

WAYS = 20
"""Number of classes in a trial within an alphabet, and of tests in every trial."""

MOST = 1000
"""Number of classes in a trial across alphabets: all of the data, filled up with others."""

Setting = Literal["within", "across"]


@dataclass(frozen=True)
class Trial:
    """The results of one trial.

    Attributes:
        evidence: one for each test; the shortlist has one class too many, so that the right one can be left out.
        right: the class that each test shows, (n,).
        nearest: the class that is nearest by the modified Hausdorff distance, (n,).
        quick, slow: seconds that a test takes by the cosine alone, and with the likelihoods of the shortlist.
    """

    evidence: list[Evidence]
    right: list[int] = field(default_factory=list)
    nearest: list[int] = field(default_factory=list)
    quick: float = 0.0
    slow: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Tensors, numbers and lists."""
        parts = [{name: torch.from_numpy(value) for name, value in vars(one).items()} for one in self.evidence]
        return {**asdict(self), "evidence": parts}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """The trial from the result of `plain`."""
        parts = [Evidence(**{name: value.numpy() for name, value in one.items()}) for one in plain["evidence"]]
        return cls(**{**plain, "evidence": parts})


@dataclass(frozen=True, eq=False)
class Source:
    """Drawings to choose trials from, with their features."""

    dataset: ConceptDataset
    features: Float[torch.Tensor, "N D"]

    @classmethod
    def of(cls, examiner: Examiner, dataset: ConceptDataset) -> Self:
        """The drawings of a data set; raises AllographError if they are no stored bitmaps of `SIDE` pixels."""
        images = dataset.images
        if not isinstance(images, PackedBitmaps) or images.side != SIDE or images.only_size:
            raise AllographError(f"{dataset.name} has no drawings of {SIDE} x {SIDE} pixels: use omniglot, or a folder")
        return cls(dataset, examiner.features(images))

    def known(self, indices: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> Known:
        """Some of the drawings, with these classes."""
        assert isinstance(self.dataset.images, PackedBitmaps)
        return Known(self.dataset.images.select(indices), classes, self.features[torch.from_numpy(indices)])


def run_trial(
    examiner: Examiner,
    source: Source,
    others: Source,
    setting: Setting,
    shots: int,
    number: int,
    *,
    shortlist: int,
    samples: int,
    seed: int,
) -> Trial:
    """Trial ``number``, a function of (seed, number): ``shots`` drawings of each class are known, another is tested.

    Within: `WAYS` characters of one alphabet; alphabets take turns. Across: all characters of the source, filled up to
    `MOST` with ``others``; one drawing each of `WAYS` characters of the source is tested. All known drawings of a trial
    have the same places among those of their characters; within an alphabet of Omniglot, these are the same people.

    Raises:
        AllographError: there are too few characters or drawings.
    """
    dataset, random = source.dataset, random_stream(seed, Purpose.LAYOUT, number)
    able = np.flatnonzero(dataset.drawings_per_concept > shots)
    if setting == "within":
        alphabets = [able[dataset.family[able] == family] for family in range(len(dataset.family_names))]
        alphabets = [one for one in alphabets if len(one) >= WAYS]
        able = alphabets[number % len(alphabets)] if alphabets else able[:0]
    if len(able) < WAYS:
        raise AllographError(f"{dataset.name} has too few characters of {shots + 1} drawings: {WAYS} are needed")
    tested = np.sort(random.choice(able, WAYS, replace=False))
    classes = tested if setting == "within" else able
    places = random.permutation(int(dataset.drawings_per_concept[able].min()))[: shots + 1]
    known = source.known(
        np.concatenate([dataset.at(classes, p) for p in places[:-1]]), np.tile(np.arange(len(classes)), shots)
    )
    if setting == "across":
        rest = np.flatnonzero(others.dataset.drawings_per_concept >= shots)
        rest = random.permutation(rest)[: max(0, MOST - len(classes))]
        indices = np.concatenate([others.dataset.at(rest, place) for place in range(shots)])
        more = others.known(indices, np.tile(len(classes) + np.arange(len(rest)), shots))
        known = Known(
            bitmaps_of(np.concatenate([known.drawings.bits, more.drawings.bits])),
            np.concatenate([known.classes, more.classes]),
            torch.cat([known.features, more.features]),
        )
    how = {"samples": samples, "seed": seed}
    tests = source.known(dataset.at(tested, places[-1]), np.searchsorted(classes, tested))
    found: list[Evidence] = []
    seconds = []
    for test in range(WAYS):
        one, begun = tests.drawings.select([test]), time.perf_counter()
        features = examiner.features(one)
        examiner.compare(one, features, known, shortlist=0, **how)
        quick = time.perf_counter() - begun
        found.append(examiner.compare(one, features, known, shortlist=shortlist + 1, **how))
        seconds.append((quick, time.perf_counter() - begun - quick))
    quick, slow = np.mean(seconds, axis=0).tolist()
    nearest = known.classes[hausdorff(tests.drawings, known.drawings).argmin(axis=1)]
    return Trial(found, tests.classes.tolist(), nearest.tolist(), quick, slow)


def hausdorff(tests: PackedBitmaps, drawings: PackedBitmaps) -> npt.NDArray[np.float64]:
    """Modified Hausdorff distances, pixels, (tests, drawings), as `allograph.evaluation.classification.hausdorff`
    defines them, but to the nearest pixel: the mean of the ink is shifted to the middle."""
    from scipy import ndimage

    def prepared(bitmaps: PackedBitmaps) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        ink, away = np.empty((2, len(bitmaps), SIDE**2), np.float32)
        for place, image in enumerate(bitmaps.unpack(np.arange(len(bitmaps)))):
            down, across = np.round(SIDE // 2 - np.argwhere(image).mean(axis=0)).astype(int)
            centred = ndimage.shift(image, (down, across), order=0)
            ink[place] = (centred / max(centred.sum(), 1)).ravel()
            away[place] = np.asarray(ndimage.distance_transform_edt(1 - centred)).ravel()
        return ink, away

    ink, away = prepared(tests)
    other_ink, other_away = prepared(drawings)
    return np.maximum(ink @ other_away.T, away @ other_ink.T).astype(np.float64)
