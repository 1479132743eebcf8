"""The cleaned ink of a picture, with the width of its strokes; of several frames, the first with ink."""

from __future__ import annotations

__all__ = ["FoundInk", "find_in", "find_ink"]

from dataclasses import dataclass

import numpy as np

from allograph.errors import AllographError
from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Decoded, Picture, decode_frames
from allograph.imaging.masks import dilated
from allograph.imaging.segmentation import Segmentation, segment
from allograph.imaging.widths import stroke_width


@dataclass(frozen=True)
class FoundInk:
    """The ink found in a picture, at its working size.

    - `segmentation`: the ink as it was found
    - `strength`: float32 (h, w), nothing beside the ink, whose edge is at 0.5
    - `width`: of the strokes, in pixels of the working size
    """

    source: Decoded
    segmentation: Segmentation
    strength: np.ndarray
    width: float

    @property
    def mask(self) -> np.ndarray:
        """bool (h, w): where the ink is."""
        return self.segmentation.mask

    @property
    def dark(self) -> bool | None:
        """Whether the ink is darker than its paper; None for a transparent sheet."""
        tone = self.segmentation.tone
        return None if tone is None else tone == "dark"

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user, one line each: the frame that was used, and `warnings`."""
        source = self.source
        name, several = source.name, source.frames > 1
        taken = (f"{name}: using frame or page {source.frame} of {source.frames}",) if several else ()
        return (*taken, *(f"{name}: {warning}" for warning in self.warnings))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong, one line each."""
        return self.segmentation.warnings


def find_in(image: Picture, ink: Polarity = "auto") -> FoundInk:
    """Find the ink of a picture, or of the first frame with ink; raises AllographError if there is none."""
    first: AllographError | None = None
    for source in decode_frames(image):
        try:
            return find_ink(source, ink)
        except AllographError as error:
            first = first or error
            if source.frames == 1:
                raise
    assert first is not None
    raise AllographError(f"{first} (no other frame or page shows any, either)")


def find_ink(source: Decoded, ink: Polarity = "auto") -> FoundInk:
    """Find the ink of a picture; raises AllographError if there is none."""
    found = segment(source, ink)
    # What is left of a speck's blurred rim, below the threshold, would come back when the picture is enlarged.
    near = dilated(found.mask, 2)
    strength = np.where(near & (found.mask | (found.strength <= 0.5)), found.strength, 0.0)
    return FoundInk(source, found, strength, max(1.0, stroke_width(found.mask)))
