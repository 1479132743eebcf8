"""Checks that a writer's model can do what it is asked for."""

from __future__ import annotations

__all__ = ["Checked"]

from typing import TYPE_CHECKING, Any, Literal

from allograph.errors import AllographError

if TYPE_CHECKING:
    from allograph.card import ModelCard
    from allograph.imaging import DrawingFormat, Exemplar
    from allograph.models import GenerativeModel

    Ink = Literal["auto", "dark", "light"]


class Checked:
    """The part of `Writer` that says in one line what its model cannot do. Every method raises AllographError."""

    model: GenerativeModel
    card: ModelCard

    images: Any
    space: Any
    """See `Writer.images` and `Writer.space`."""

    def check_exemplar(self, ink: Ink) -> None:
        """Refuse a model that does not draw its exemplar again, and a choice of ink if the model's images have none."""
        if not self.model.conditional:
            raise AllographError(
                "this model takes no exemplar; `allograph invent --model ...` makes drawings from nothing"
            )
        if self.card.exemplars == "family":
            raise AllographError(
                "this model makes new symbols of an alphabet from several of its symbols: use `allograph invent --like "
                "FOLDER`, or choose a model of single symbols"
            )
        self._check_ink(ink)

    @property
    def most_together(self) -> int:
        """The largest number of exemplars of one symbol that the model has learned to draw after at once."""
        return max(self.card.contexts, default=1)

    def check_together(self, count: int) -> None:
        """Refuse several exemplars of one symbol at once if the model has only ever seen one."""
        if not count:
            raise AllographError("no image is given; name at least one")
        if count > 1 and self.most_together < 2:
            raise AllographError(
                "this model has learned from one exemplar at a time: use omniglot-28-fewshot, train one with several "
                "data.contexts, or leave out --together"
            )

    def changed(self, change: tuple[Any, Any] | None, ink: Ink) -> tuple[Exemplar, Exemplar] | None:
        """The two drawings of a change, preprocessed."""
        if change is None:
            return None
        if len(change) != 2:
            raise AllographError(f"a change is two drawings of one symbol, before and after, not {len(change)}")
        before, after = (self.space.preprocess(one, ink) for one in change)
        return before, after

    def check_completion(self, exemplars: int, ink: Ink) -> None:
        """Refuse to complete a picture with exemplars if the model takes none, with too many, or without any if the
        model only bends them; and ink as above."""
        if exemplars:
            self.check_exemplar(ink)
            self.check_together(exemplars)
        elif self.model.bends_ink or (self.model.conditional and self.card.blank == 0):
            raise AllographError(
                "this model only draws after an exemplar: add --exemplar FILE, a whole picture of the same symbol, or "
                "choose another --model"
            )
        self._check_ink(ink)

    def _check_ink(self, ink: Ink) -> None:
        if ink != "auto" and not self.space.inked:
            raise AllographError("this model's images are pictures, not ink on paper; do not choose an ink")

    def check_like(self, ink: Ink = "auto") -> None:
        """Refuse a model that has not learned to make other symbols of an alphabet, and ink as above."""
        if not self.model.conditional or self.card.exemplars != "family":
            raise AllographError(
                "this model has not learned to make new symbols from others of their alphabet: use omniglot-alphabet, "
                "train your own model with --preset omniglot-alphabet, or leave out --like"
            )
        self._check_ink(ink)

    def check_format(self, kind: DrawingFormat) -> None:
        """Refuse lines where the model draws pictures, not ink on paper."""
        if kind != "png" and not self.space.inked:
            raise AllographError(f"this model draws pictures, which have no lines; leave out --format {kind}")

    def check_growing(self) -> None:
        """Refuse an animation of a model that draws all at once."""
        if self.model.noise_shape[0] == 1:
            raise AllographError("this model draws in a single step, so nothing grows; leave out --animate")
