"""Which drawings a training uses, and in what pairs."""

from __future__ import annotations

__all__ = ["DataConfig"]

from dataclasses import dataclass, field, replace
from typing import Literal

from allograph.data.augment import Augmentation
from allograph.data.binarising import Binarisation
from allograph.data.folders import ImageKind
from allograph.data.pairs import ExemplarKind
from allograph.limits import EXEMPLARS, SIDE, require, require_length


@dataclass(frozen=True)
class DataConfig:
    """Which drawings a training uses, and in what pairs.

    Attributes:
        split: split of Omniglot: ``30-20``, ``40-10``, ``45-5`` (alphabets held out), ``characters`` or
            ``all`` (nothing to test on).
        images: kind of a folder's images: ``symbols`` (ink on paper, brought to the space of Omniglot's drawings), or
            unchanged pictures, ``grey`` or ``colour``.
        contexts: possible numbers of exemplars; one of them is drawn for each training step. Only 0: never any.
        exemplars: relation of the exemplars to the target: ``concept``, other drawings of the same symbol; ``family``,
            other symbols of its alphabet, for inventing new ones; or ``repeats``, drawings of the same symbol drawn
            with replacement, even the target itself, as Generative Matching Networks were trained.
        ink: share of the pairs with an exemplar in which the model may add ink; the others are drawn only by bending,
            otherwise the model would never learn to bend.
        blank: share of training pairs whose exemplars are blank, so that the model also learns to draw without any.
        augment: whether training drawings are varied.
        augmentation: how; see `allograph.data.augment.Augmentation`.
        shift: largest number of whole pixels by which training images are moved, across and down.
        settle: share of the training, at its end, in which drawings are neither varied nor moved.
        binarisation: of grey and colour images: ``none``, ``threshold`` or ``dynamic``, which is drawn again for every
            training step; see `allograph.data.binarising`.
    """

    split: Literal["30-20", "40-10", "45-5", "characters", "all"] = "30-20"
    images: ImageKind = "symbols"
    contexts: tuple[int, ...] = (1,)
    exemplars: ExemplarKind = "concept"
    ink: float = 0.5
    blank: float = 0.15
    augment: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    shift: int = 0
    settle: float = 0.0
    binarisation: Binarisation = "none"

    def __post_init__(self) -> None:
        if self.contexts != (0,) and (not self.contexts or min(self.contexts) < 1):
            raise ValueError("contexts are one or more numbers of exemplars, each at least 1, or only 0")
        require_length(self, contexts=EXEMPLARS)
        require(self, contexts=replace(EXEMPLARS, low=0), shift=replace(SIDE, low=0))
        for name in ("ink", "blank", "settle"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)} is not a share; it is 0 to 1")
