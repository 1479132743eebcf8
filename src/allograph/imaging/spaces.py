"""The space of a model's images, chosen by what it was trained on: how pictures go in and how drawings come out."""

from __future__ import annotations

__all__ = ["IMAGES", "PictureSpace", "Space", "SymbolSpace", "space_of"]

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, final

from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture
from allograph.imaging.hidden_part import Damaged, preprocess_damaged, preprocess_damaged_picture
from allograph.imaging.pictures import PictureStyle, preprocess_picture
from allograph.imaging.placement import MNIST, OMNIGLOT, Placement
from allograph.imaging.preprocessing import model_pen, preprocess
from allograph.imaging.style import Exemplar, RenderStyle
from allograph.imaging.symbols import SymbolStyle

IMAGES = ("symbols", "digits", "grey", "colour")
"""What a model's images can be: ink placed as in Omniglot or as in MNIST, or pictures of one or three channels."""

_SIDE = 256
"""Side in pixels of drawings without an exemplar."""


class Space(ABC):
    """The images of one model, (channels, size, size).

    inked: whether they are ink on paper.
    """

    inked: ClassVar[bool]

    @abstractmethod
    def preprocess(self, image: Picture, ink: Polarity = "auto") -> Exemplar:
        """Bring a picture to the model's space; `ink` says which tone of a symbol's picture is its ink. For other
        images, it has no meaning.

        Raises AllographError, one line with the remedy, if that cannot be done.
        """

    @abstractmethod
    def preprocess_damaged(self, image: Picture, mask: Picture, ink: Polarity = "auto") -> Damaged:
        """Bring a picture with a hidden part to the model's space; white in the mask is hidden.

        Raises AllographError, one line with the remedy, if that cannot be done.
        """

    @property
    @abstractmethod
    def plain(self) -> RenderStyle:
        """The style of drawings without an exemplar."""


@final
@dataclass(frozen=True)
class SymbolSpace(Space):
    """Symbols: ink = 1, placed and drawn alike."""

    size: int
    placement: Placement
    inked: ClassVar[bool] = True

    def preprocess(self, image: Picture, ink: Polarity = "auto") -> Exemplar:
        return preprocess(image, self.size, ink, self.placement)

    def preprocess_damaged(self, image: Picture, mask: Picture, ink: Polarity = "auto") -> Damaged:
        return preprocess_damaged(image, mask, self.size, ink, self.placement)

    @property
    def plain(self) -> RenderStyle:
        """Black on white, with the model's own pen."""
        pen = model_pen(self.size, self.placement)
        black, white = (0, 0, 0, 255), (255, 255, 255, 255)
        return SymbolStyle(
            width=_SIDE,
            height=_SIDE,
            frame=(0.0, 0.0, float(_SIDE)),
            ink=black,
            paper=white,
            has_alpha=False,
            stroke_width=pen,
            pen_width=pen,
        )


@final
@dataclass(frozen=True)
class PictureSpace(Space):
    """Grey or colour pictures, unchanged; with `binary`, every number of a picture becomes 0 or 1, thresholded at one
    half."""

    size: int
    channels: int
    binary: bool = False
    inked: ClassVar[bool] = False

    def preprocess(self, image: Picture, ink: Polarity = "auto") -> Exemplar:
        return self._binarised(preprocess_picture(image, self.size, self.channels))

    def preprocess_damaged(self, image: Picture, mask: Picture, ink: Polarity = "auto") -> Damaged:
        damaged = preprocess_damaged_picture(image, mask, self.size, self.channels)
        return replace(damaged, visible=self._binarised(damaged.visible))

    def _binarised(self, exemplar: Exemplar) -> Exemplar:
        if not self.binary:
            return exemplar
        return replace(exemplar, drawing=(exemplar.drawing >= 0.5).astype(exemplar.drawing.dtype))

    @property
    def plain(self) -> RenderStyle:
        return PictureStyle(_SIDE, _SIDE, (0.0, 0.0, float(_SIDE)))


def space_of(images: str, size: int, channels: int, binary: bool = False) -> Space:
    """The space of images of one of the kinds `IMAGES`; with `binary`, pictures become 0 and 1 (symbols always are).

    Raises ValueError if the kind does not have these channels.
    """
    if images not in IMAGES:
        raise ValueError(f"images are {', '.join(IMAGES)}, not {images!r}")
    if channels != (3 if images == "colour" else 1):
        raise ValueError(f"{images} images do not have {channels} channels")
    if images in ("grey", "colour"):
        return PictureSpace(size, channels, binary)
    return SymbolSpace(size, MNIST if images == "digits" else OMNIGLOT)
