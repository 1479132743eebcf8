"""Which drawings a training takes, and in what pairs."""

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
    """Which drawings, and in what pairs.

    Attributes:
        split: of Omniglot: ``30-20``, ``40-10``, ``45-5`` (alphabets held out) or ``characters``.
        images: what a folder's images are: ``symbols`` (ink on paper, brought to the space of Omniglot's drawings), or
            pictures taken as they are, ``grey`` or ``colour``.
        contexts: how many exemplars a training step shows; one of these is drawn for each step. 0 alone: none ever.
        exemplars: what they are to the drawing that is learned: ``concept``, other drawings of the same symbol, or
            ``family``, other symbols of its alphabet, from which new ones are to be invented.
        ink: share of the pairs with an exemplar in which ink is written beside it; the others are drawn by bending
            alone, or bending would never be learned.
        blank: share of training pairs whose exemplars are blank, so that the model also learns to draw without any.
        augment: whether training drawings are varied.
        augmentation: how; see `allograph.data.augment.Augmentation`.
        shift: by how many whole pixels training images are moved at most, across and down.
        settle: share of the training, its end, in which drawings are neither varied nor moved.
        binarisation: of grey and colour images: ``none``, ``threshold`` or ``dynamic``, which is drawn anew for every
            training step; see `allograph.data.binarising`.
    """

    split: Literal["30-20", "40-10", "45-5", "characters"] = "30-20"
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
