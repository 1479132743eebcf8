"""The field's ways to find ink, to be measured beside ours: a threshold of the grey picture, global or local.

Each takes the darker class for ink, or the lighter one where Otsu's threshold finds more dark than light, and loses
specks as ours does. None refuses a picture that has two tones, and none warns.
"""

from __future__ import annotations

__all__ = ["METHODS"]

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from benchmarks.intake.stroke_width import swt_mask, swt_width
from scipy import ndimage
from skimage.filters import threshold_otsu, threshold_sauvola

from allograph.errors import AllographError
from allograph.imaging.decoding import Decoded
from allograph.imaging.finding import FoundInk, find_ink
from allograph.imaging.paper import LUMINANCE
from allograph.imaging.segmentation import Segmentation
from allograph.imaging.shapes import despeckle
from allograph.imaging.widths import main_width, stroke_width

_WINDOW = 1 / 8
"""Side of the local thresholds' window, as a share of the longer side: the best of 1/32, 1/16, 1/8 and 1/4..."""

_K = {"sauvola": 0.2, "wolf": 0.5}
"""...and their parameter, the best of 0.1, 0.2, 0.3 and 0.5: on the pictures that may be tuned on."""

_BLACK, _WHITE = (0, 0, 0, 255), (255, 255, 255, 255)


def otsu(grey: np.ndarray) -> np.ndarray:
    """Otsu (1979): the threshold that parts all grey levels into the two tightest classes."""
    return grey <= threshold_otsu(grey)


def sauvola(grey: np.ndarray, window: float = _WINDOW, k: float = _K["sauvola"]) -> np.ndarray:
    """Sauvola and Pietikäinen (2000): T = m (1 + k (s / R - 1)), m and s of a window around each pixel, R = 1/2."""
    return grey <= threshold_sauvola(grey, _odd(grey, window), k, r=0.5)


def wolf(grey: np.ndarray, window: float = _WINDOW, k: float = _K["wolf"]) -> np.ndarray:
    """Wolf and Jolion (2003): T = m - k (1 - s / R) (m - M), R the largest of all s, M the darkest grey."""
    mean, spread = _moments(grey, _odd(grey, window))
    return grey <= mean - k * (1 - spread / max(float(spread.max()), 1e-6)) * (mean - grey.min())


def morphology(grey: np.ndarray) -> np.ndarray:
    """What departs from the grey closing with a square of `_WINDOW`, relative to it, by Otsu's threshold."""
    paper = ndimage.grey_closing(ndimage.gaussian_filter(grey, 0.7), _odd(grey, _WINDOW), mode="nearest")
    departed = 1 - grey / np.maximum(paper, 0.02)
    return departed > threshold_otsu(departed)


def _odd(grey: np.ndarray, share: float) -> int:
    return 2 * round(share * max(grey.shape) / 2) + 1


def _moments(grey: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    mean, square = (ndimage.uniform_filter(v, window, mode="reflect") for v in (grey, grey * grey))
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


def _grey(source: Decoded) -> np.ndarray:
    grey = (source.colour @ LUMINANCE).astype(np.float64)
    # On white, as these methods know no transparency.
    return grey if source.alpha is None else grey * source.alpha + 1 - source.alpha


def _with_swt_width(source: Decoded) -> FoundInk:
    """Our ink, its width by the stroke width transform."""
    found, grey = find_ink(source), _grey(source)
    if found.mask.shape != grey.shape:
        return found
    width = swt_width(1 - grey if found.dark is False else grey, found.mask)
    return replace(found, width=width or found.width)


def _finder(method: Callable[[np.ndarray], np.ndarray]) -> Callable[[Decoded], FoundInk]:
    def find(source: Decoded) -> FoundInk:
        grey = _grey(source)
        if np.ptp(grey) < 1e-3:
            raise AllographError(f"{source.name} is all of one tone")
        dark = bool(otsu(grey).mean() <= 0.5)
        mask = method(grey if dark else 1 - grey)
        if not mask.any():
            raise AllographError(f"{source.name} shows nothing below the threshold")
        strength = mask.astype(np.float32)
        mask = despeckle(mask, strength, main_width(mask))
        tone = "dark" if dark else "light"
        seen = Segmentation(strength, mask, _BLACK, _WHITE, tone, None, 0, 1.0, ())
        return FoundInk(source, seen, strength, max(1.0, stroke_width(mask)))

    return find


METHODS: dict[str, Callable[[Decoded], FoundInk]] = {
    "allograph": find_ink,
    "Otsu": _finder(otsu),
    "Sauvola": _finder(sauvola),
    "Wolf": _finder(wolf),
    "morphology": _finder(morphology),
    "stroke width transform": _finder(swt_mask),
    "allograph, width by SWT": _with_swt_width,
}
"""By name, ours first."""
