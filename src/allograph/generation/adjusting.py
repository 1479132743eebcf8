"""How a writer draws: its guidance, temperature, number of attempts, and how much its drawings vary in size."""

from __future__ import annotations

__all__ = ["Adjusted"]

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from allograph.card import GUIDANCE, TEMPERATURES, ModelCard
from allograph.errors import AllographError
from allograph.generation.checks import Checked
from allograph.weights import DEFAULT

if TYPE_CHECKING:
    from allograph.models import GenerativeModel

_ATTEMPTS = range(1, 101)
_VARIATIONS = (0.0, 0.3)


@dataclass(frozen=True)
class Adjusted(Checked):
    """The part of `Writer` that changes how it draws."""

    model: GenerativeModel
    card: ModelCard
    attempts: int = field(default=16, kw_only=True)

    @property
    def guidance(self) -> float:
        """How closely drawings follow their exemplars, see `allograph.models.guidance`."""
        return self.card.guidance

    @property
    def rejects(self) -> bool:
        """Whether drawings with other numbers of parts or holes than the exemplars can be made again: those of symbols,
        by a model that writes every stroke itself."""
        symbols = self.images in ("symbols", "digits") and self.card.exemplars != "family"
        return symbols and self.model.can_be_guided and self.model.noise_shape[0] > 1

    @property
    def adjusted(self) -> dict[str, Any]:
        """The guidance and the number of attempts, for result files."""
        return {
            "guidance": self.guidance,
            "attempts": min(self.attempts, self.model.noise_shape[0]) if self.rejects else 1,
        }

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
        return replace(self, card=ModelCard.of({**self.card, "guidance": float(guidance)}))

    def with_attempts(self, attempts: int | None) -> Self:
        """The same writer, which makes a drawing again while it has other numbers of parts or holes than its exemplar,
        at most ``attempts`` times in all and as often as the model has steps (`allograph.generation.rejection`). 1
        makes every drawing once; None changes nothing.

        Raises:
            AllographError: the number is out of range, or the model does not write its drawings itself.
        """
        if attempts is None:
            return self
        if type(attempts) is not int or attempts not in _ATTEMPTS:
            raise AllographError(f"cannot make {attempts} attempts; use {_ATTEMPTS[0]} to {_ATTEMPTS[-1]}")
        if attempts > 1 and not self.rejects:
            raise AllographError(
                "this model makes every drawing once: another attempt needs a model of single symbols that writes all "
                f"strokes itself; leave out --attempts (with_attempts), or use {DEFAULT}"
            )
        return replace(self, attempts=attempts)

    def temperature_for(self, temperature: float | None) -> float:
        """The temperature to use: the given one, otherwise the one on the model's card, otherwise 1."""
        chosen = self.card.temperature if temperature is None else temperature
        low, high = TEMPERATURES
        if not low < chosen <= high:
            raise AllographError(f"temperature {chosen} is out of range; choose one above {low:g} and at most {high:g}")
        return chosen

    def with_size_variation(self, deviation: float | None) -> Self:
        """The same writer, whose drawings after exemplars differ in size with this standard deviation of its logarithm
        (`allograph.generation.sizes`); 0 shows all as large as the model makes them, None changes nothing.

        Raises:
            AllographError: the number is out of range, or the model's drawings are not of one symbol.
        """
        if deviation is None:
            return self
        low, high = _VARIATIONS
        if not low <= deviation <= high:
            raise AllographError(f"size variation {deviation} is out of range; choose one from {low:g} to {high:g}")
        if self.images not in ("symbols", "digits") or self.card.exemplars == "family":
            raise AllographError(f"this model's drawings are not of one symbol: leave the size out, or use {DEFAULT}")
        variation = [self.card.size_variation[0] if deviation else 0.0, float(deviation)]
        return replace(self, card=ModelCard.of({**self.card, "size_variation": variation}))
