"""Pictures with a hidden part: a damaged glyph, a torn corner, a stain."""

from __future__ import annotations

__all__ = ["HALVES", "Damaged", "Half", "half", "preprocess_damaged", "preprocess_damaged_picture"]

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from PIL import Image

from allograph.errors import AllographError
from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture, upright
from allograph.imaging.finding import find_in
from allograph.imaging.pictures import preprocess_picture, square
from allograph.imaging.placement import OMNIGLOT, Placement
from allograph.imaging.preprocessing import exemplar_of
from allograph.imaging.shapes import resample
from allograph.imaging.style import Exemplar

Half = Literal["left", "right", "top", "bottom"]
"""Words for a mask that hides half of the picture."""

HALVES: tuple[str, ...] = get_args(Half)

_HIDDEN = (206, 222, 223)
"""The colour of a hidden part on a contact sheet."""


@dataclass(frozen=True)
class Damaged:
    """A picture with a hidden part, as a model sees it.

    - `visible`: the visible part, with its way back; in `visible.picture` the hidden part is bare paper
    - `hidden`: bool (S, S), where the model's image is unknown
    - `covered`: mode L, of the size of `visible.picture`, 255 where it is hidden
    """

    visible: Exemplar
    hidden: np.ndarray
    covered: Image.Image

    @property
    def marked(self) -> Exemplar:
        """The visible part, with the hidden part tinted, for people to see."""
        picture = self.visible.picture
        tint = Image.new(picture.mode, picture.size, (*_HIDDEN, 255)[: len(picture.getbands())])
        return replace(self.visible, picture=Image.composite(tint, picture, self.covered))

    def mended(self, drawn: Image.Image) -> Image.Image:
        """The picture with its hidden part taken from a drawing, which may be of another size."""
        kept = self.visible.picture.convert(drawn.mode).resize(drawn.size, Image.Resampling.LANCZOS)
        return Image.composite(drawn, kept, self.covered.resize(drawn.size, Image.Resampling.BILINEAR))


def half(picture: Image.Image, which: str) -> Image.Image:
    """A mask that hides one of the `HALVES` of a picture."""
    width, height = picture.size
    boxes = {
        "left": (0, 0, width // 2, height),
        "right": (width // 2, 0, width, height),
        "top": (0, 0, width, height // 2),
        "bottom": (0, height // 2, width, height),
    }
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, boxes[which])
    return mask


def preprocess_damaged(
    image: Picture, mask: Picture, size: int, ink: Polarity = "auto", placement: Placement = OMNIGLOT
) -> Damaged:
    """Bring a picture of one symbol with a hidden part to the model's space, `size` x `size` pixels.

    The symbol's extent in the hidden part is unknown. It is placed as if it reached as far as the margins of the
    visible part allow. Raises AllographError if no ink is visible, or nothing is hidden.
    """
    bare, covered = _laid_bare(image, mask)
    found = find_in(bare, ink)
    height, width = found.mask.shape
    hidden = np.asarray(covered.resize((width, height), Image.Resampling.BILINEAR)) >= 128
    visible = exemplar_of(found, size, placement, _within_margins(hidden, found.mask))
    drawn = resample(np.asarray(covered, np.float32) / 255, visible.style.frame, size, 0.0) >= 0.5
    if not drawn.any():
        raise AllographError("the mask hides nothing that the symbol could reach: mask the part to complete")
    drawing = np.where(drawn, np.float32(0), visible.drawing)
    if not drawing.any():
        raise AllographError("no ink is left outside the mask: mask less of the picture")
    return Damaged(Exemplar(drawing, visible.style, bare, visible.notes), drawn, covered)


def preprocess_damaged_picture(image: Picture, mask: Picture, size: int, channels: int) -> Damaged:
    """Bring a grey or colour picture with a hidden part to the model's space; see `preprocess_picture`."""
    bare, covered = _laid_bare(image, mask)
    covered = square(covered.convert("RGB"), 1)
    hidden = preprocess_picture(covered, size, 1).drawing[0] >= 0.5
    if hidden.all() or not hidden.any():
        raise AllographError("the mask hides all of the picture or none of it: mask the part to complete")
    return Damaged(preprocess_picture(bare, size, channels), hidden, covered)


def _laid_bare(image: Picture, mask: Picture) -> tuple[Image.Image, Image.Image]:
    """The picture with paper where it is hidden, and the mask, of the same size."""
    picture = upright(image)
    covered = half(picture, mask) if isinstance(mask, str) and mask in HALVES else upright(mask)
    if covered.size != picture.size:
        ratio = (covered.width * picture.height) / (covered.height * picture.width)
        if not 0.98 < ratio < 1.02:
            raise AllographError(
                f"the mask is {covered.width} x {covered.height} pixels, the picture {picture.width} x "
                f"{picture.height}: a mask covers the whole picture"
            )
        covered = covered.resize(picture.size, Image.Resampling.BILINEAR)
    hidden = np.asarray(covered.convert("L")) >= 128
    if not hidden.any():
        raise AllographError("the mask hides nothing: paint the part to complete white, and all else black")
    if hidden.all():
        raise AllographError("the mask hides all of the picture: paint only the part to complete white")
    pixels = np.asarray(picture).copy()
    # Ink is the smaller part of what is left, so the middle value of each channel is that of the paper.
    pixels[hidden] = np.median(pixels[~hidden], axis=0).astype(np.uint8)
    return Image.fromarray(pixels), Image.fromarray(np.where(hidden, np.uint8(255), np.uint8(0)))


def _within_margins(hidden: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """The hidden part without a margin as wide as the narrowest that the visible ink has."""
    rows, columns = np.nonzero(ink.any(1))[0], np.nonzero(ink.any(0))[0]
    height, width = ink.shape
    margin = int(min(rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1]))
    inner = np.zeros_like(hidden)
    inner[margin : height - margin, margin : width - margin] = True
    return hidden & inner
