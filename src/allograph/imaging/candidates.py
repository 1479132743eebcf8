"""The ways in which a picture can be read, and how plausible each is."""

from __future__ import annotations

__all__ = ["Candidate", "Polarity", "candidates", "likely"]

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from allograph.imaging.masks import dilated, eroded
from allograph.imaging.page import find_pages
from allograph.imaging.paper import LUMINANCE, MODELS, TONES, Model, Tone, departure, resized
from allograph.imaging.plausibility import features, plausibility, slopes
from allograph.imaging.reading import Reading, contrast, read

Polarity = Literal["auto", "dark", "light"]

_DECIDING_SIDE = 256
"""Readings are compared on a copy this long, in pixels; the best is made again on the whole picture."""

_NARROWEST = 40
"""...but no narrower than this."""

_NEAR, _STRONG, _PAGE, _CUT = 0.06, 0.08, 0.03, 0.6
"""What is preferred, and by how much: the paper is a surface; everything that stands out is ink; the sheet is the
picture; its edge cuts no ink."""

_BEYOND = 0.02
"""Readings find the same ink if no more than this share of it lies further than a pixel beyond the other's edge."""


@dataclass(frozen=True)
class Candidate:
    """A reading with what it assumes: its `sheet` (h, w) and the number `page` of that, 0 for the whole picture;
    `cut`: the sheet's edge cuts its ink, as that of a shadow does."""

    reading: Reading
    sheet: np.ndarray
    page: int
    model: Model
    tone: Tone
    strong: bool
    cut: bool
    features: np.ndarray

    @property
    def cost(self) -> float:
        """How much plainer readings are preferred to it."""
        return _cost(self.page, self.model, self.strong) + _CUT * self.cut


def _cost(page: int, model: Model, strong: bool) -> float:
    return _NEAR * (model == "near") + _STRONG * strong + _PAGE * (page > 0)


def likely(colour: np.ndarray, card: np.ndarray | None, polarity: Polarity = "auto") -> list[tuple[Candidate, float]]:
    """The readings of a picture (h, w, 3), of which only `card` may count, with their plausibilities, the preferred
    first. Where no other can be preferred to one that is there, the others are not made. Where the plainest way finds
    the same ink as the preferred one, it takes its place."""
    found: list[Candidate] = []
    for one in candidates(colour, card, polarity):
        if isinstance(one, Candidate):
            found.append(one)
        elif _one_is_certain(found, one):
            break
    ranked = sorted(_scored(found), key=lambda pair: pair[0].cost - pair[1])
    if ranked:
        best, score = ranked[0]
        plainest = next((one for one in found if not one.cost and _same_ink(one, best)), best)
        ranked = [(plainest, score), *(pair for pair in ranked if pair[0] is not plainest)]
    return ranked


def candidates(colour: np.ndarray, card: np.ndarray | None, polarity: Polarity = "auto") -> Iterator[Candidate | float]:
    """Every reading of a picture (h, w, 3), of which only `card` may count, at the size at which it is decided: the
    plain ones, then the plain ones of pages, then all others, the cheapest first, of pages whose edge does not cut
    the ink; before each further lot the least that one of it or of a later one costs."""
    factor = min(1.0, max(_DECIDING_SIDE / max(colour.shape[:2]), _NARROWEST / min(colour.shape[:2])))
    size = max(1, round(colour.shape[0] * factor)), max(1, round(colour.shape[1] * factor))
    small = resized(colour, size).astype(np.float32)
    inside = np.zeros(size, bool)
    inside[3:-3, 3:-3] = True
    tones: list[Tone] = [tone for tone in TONES if polarity in ("auto", tone)]
    ways: list[tuple[Model, bool]] = [(model, strong) for model in MODELS for strong in (False, True)]
    ways.remove(("flat", False))
    sheets = [_whole(small, card)]
    light = small @ LUMINANCE
    slope = slopes(light)

    @cache
    def departed(number: int, model: Model, tone: Tone) -> np.ndarray:
        return departure(small, sheets[number], model, tone)

    def readings(number: int, tone: Tone, model: Model, strong: bool) -> Iterator[Candidate]:
        sheet = sheets[number]
        seen = contrast(departed(number, model, tone), sheet, strong=strong)
        if seen is None:
            return
        edge = sheet & ~eroded(sheet, 2) & inside
        made = [read(seen, sheet)]
        if made[0] is None or made[0].rules:  # long strokes may look like rules
            made.append(read(seen, sheet, ruled=False))
        for one in made:
            if one is not None:
                measured = features(one, light, slope, sheet, number, model, tone, strong)
                cut = bool(number and one.mask[edge].any())
                yield Candidate(one, sheet, number, model, tone, strong, cut, measured)

    for tone in tones:
        yield from readings(0, tone, *ways[0])
    yield _PAGE
    sheets += find_pages(small) if card is None else []
    promising = [0]
    for number in range(1, len(sheets)):
        plain = [one for tone in tones for one in readings(number, tone, *ways[0])]
        yield from plain
        if not all(one.cut for one in plain):  # otherwise it is a shadow
            promising.append(number)
    others: list[tuple[int, Tone, Model, bool]] = [
        (number, tone, *way) for number in promising for tone in tones for way in ways[1:]
    ]
    for number, tone, model, strong in sorted(others, key=lambda one: _cost(one[0], *one[2:])):
        yield _cost(number, model, strong)
        yield from readings(number, tone, model, strong)


def _whole(colour: np.ndarray, card: np.ndarray | None) -> np.ndarray:
    """The whole picture, or the card on it."""
    if card is None:
        return np.ones(colour.shape[:2], bool)
    return resized(card.astype(np.float32), colour.shape[:2]) > 0.9


def _same_ink(one: Candidate, other: Candidate) -> bool:
    a, b = one.reading.mask, other.reading.mask
    beyond = (a & ~dilated(b)) | (b & ~dilated(a))
    return one.tone == other.tone and float(beyond.sum()) <= _BEYOND * float((a | b).sum())


def _scored(found: list[Candidate]) -> list[tuple[Candidate, float]]:
    scores = plausibility(np.stack([one.features for one in found])) if found else ()
    return [(one, float(score)) for one, score in zip(found, scores, strict=True)]


def _one_is_certain(found: list[Candidate], cost: float) -> bool:
    """Whether no reading of this cost can be preferred to a reading that was found."""
    best, score = max(_scored(found), key=lambda pair: pair[1] - pair[0].cost, default=(None, 0.0))
    return best is not None and score - best.cost >= 1 - cost
