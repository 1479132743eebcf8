"""How a writer draws: its guidance, number of candidates and temperature."""

from __future__ import annotations

__all__ = ["Adjusted"]

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from allograph.card import CANDIDATES, GUIDANCE, TEMPERATURES, ModelCard
from allograph.errors import AllographError
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    from allograph.models import GenerativeModel


@dataclass(frozen=True)
class Adjusted:
    """The part of `Writer` that changes how it draws; what it takes by default is on the model's card."""

    model: GenerativeModel
    card: ModelCard

    @property
    def guidance(self) -> float:
        """How closely drawings follow their exemplars, see `allograph.models.guidance`; the best of several candidates
        may need less of it."""
        alone, best = self.card.guidance, self.card.best_guidance
        return alone if best is None or self.card.best_of == 1 else best

    @property
    def adjusted(self) -> dict[str, Any]:
        """The guidance and the number of candidates, for result files."""
        return {"guidance": self.guidance, "best_of": self.card.best_of}

    def guided(self, guidance: float | None) -> Self:
        """The same writer with another guidance; None keeps that of the card.

        Raises:
            AllographError: the guidance is out of range, or the model cannot be guided.
        """
        if guidance is None:
            return self
        remedy = f"leave out the guidance, or use {DEFAULT}"
        if not self.model.can_be_guided:
            raise AllographError(f"cannot guide this model's drawings: {remedy}")
        if guidance != 1 and self.card.blank == 0:
            raise AllographError(f"this model was never trained without exemplars (data.blank = 0): {remedy}")
        low, high = GUIDANCE
        if not low <= guidance <= high:
            raise AllographError(f"guidance {guidance} is out of range; choose one from {low:g} to {high:g}")
        changed = {"guidance": float(guidance), "best_guidance": float(guidance)}
        return replace(self, card=ModelCard.of({**self.card, **changed}))

    def best_of(self, count: int | None) -> Self:
        """The same writer, which makes ``count`` candidates of each drawing after an exemplar and keeps the one that
        fits the exemplar best (`allograph.generation.candidates`); None keeps the number on the card. One candidate
        is quicker.

        Raises:
            AllographError: the number is out of range, or the model does not draw its exemplar itself.
        """
        if count is None or (type(count) is int and count == self.card.best_of):
            return self
        if type(count) is not int or count not in CANDIDATES:
            raise AllographError(f"cannot choose of {count} candidates; use {CANDIDATES[0]} to {CANDIDATES[-1]}")
        if count > 1 and (not self.model.can_be_guided or self.card.exemplars == "family"):
            raise AllographError(
                "cannot choose among candidates: that needs a model of single symbols with exemplars and a learned "
                f"prior; leave it out, or use {DEFAULT}"
            )
        if count > (steps := self.model.noise_shape[0]) > 1:
            raise AllographError(
                f"cannot choose of {count} candidates; this model of {steps} steps has no more than that"
            )
        return replace(self, card=ModelCard.of({**self.card, "best_of": count}))

    def temperature_for(self, temperature: float | None) -> float:
        """The temperature to use: the given one, otherwise the one on the model's card, otherwise 1."""
        chosen = self.card.temperature if temperature is None else temperature
        low, high = TEMPERATURES
        if not low < chosen <= high:
            raise AllographError(f"temperature {chosen} is out of range; choose one above {low:g} and at most {high:g}")
        return chosen
