"""Standard errors of figures about drawings that belong together, by the bootstrap."""

from __future__ import annotations

__all__ = ["Unit", "counts_of", "resampled_by", "units_of"]

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from allograph.data import ConceptDataset

Unit = Literal["alphabets", "characters"]
"""The units that are resampled."""

_ALPHABETS = 5
"""Fewer alphabets than this in a group say too little about how much alphabets differ."""

_ROUNDS = 2000


def resampled_by(dataset: ConceptDataset, *groups: npt.NDArray[np.int64]) -> Unit:
    """Alphabets if every group of characters has at least five, otherwise characters."""
    fewest = min(len(np.unique(dataset.family[group])) for group in groups)
    return "alphabets" if fewest >= _ALPHABETS else "characters"


def units_of(dataset: ConceptDataset, concepts: npt.NDArray[np.int64], unit: Unit) -> npt.NDArray[np.int64]:
    """The number of the unit of each character, from 0."""
    return np.unique(dataset.family[concepts] if unit == "alphabets" else concepts, return_inverse=True)[1]


def counts_of(units: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float64]:
    """How often each item counts: in the first row once, in each of the others as often as its unit was drawn in one
    round of the bootstrap, (1 + rounds, n).

    A figure computed with each row's counts is its value, then its values for other draws of units; their standard
    deviation is its standard error.
    """
    drawn = int(units.max()) + 1
    rounds = np.random.default_rng(seed).multinomial(drawn, np.full(drawn, 1 / drawn), _ROUNDS)
    return np.concatenate([np.ones((1, len(units))), rounds[:, units].astype(float)])
