"""Finding the ink in a picture: what is sheet, what is paper, what is ink, which is which, under any light."""

from __future__ import annotations

__all__ = ["Segmentation", "segment"]

from dataclasses import dataclass
from functools import cache

import numpy as np

from allograph.errors import AllographError
from allograph.imaging.candidates import Candidate, Polarity, likely
from allograph.imaging.decoding import Decoded
from allograph.imaging.masks import eroded
from allograph.imaging.paper import LUMINANCE, Model, Tone, departure, resized
from allograph.imaging.reading import Reading, as_grain_demands, contrast, read
from allograph.imaging.style import Colour

_REFUSED = 0.08
"""A reading that is less plausible is none."""

_DOUBTFUL = 0.52
"""One that is less plausible comes with a warning."""

_TIED, _CLOSE = 0.015, 0.1
"""Tones whose readings are as plausible but for this: it cannot be decided; it comes with a warning."""


@dataclass(frozen=True)
class Segmentation:
    """Where the ink of a picture is, and what it looks like.

    - `strength`: float32 (h, w), about 1 in the middle of a stroke, about 0 on paper; the edge is at 0.5
    - `mask`: bool (h, w), the ink, without what the paper has printed on it and without specks
    - `colour`, `paper`: red, green, blue, alpha, 0 to 255
    - `tone`: of the ink; None on a transparent sheet
    - `page`: bool (h, w), the sheet, where it is a part of the picture
    - `rules`: number of printed rules that were left out
    - `confidence`: the expected overlap of the ink with what was drawn, 0 to 1
    - `warnings`: one line each
    """

    strength: np.ndarray
    mask: np.ndarray
    colour: Colour
    paper: Colour
    tone: Tone | None
    page: np.ndarray | None
    rules: int
    confidence: float
    warnings: tuple[str, ...]


def segment(source: Decoded, polarity: Polarity = "auto") -> Segmentation:
    """Separate ink from paper.

    The picture is read in several ways: as a whole or as a page that lies on something, with dark or light ink, the
    paper known from afar or from nearby; each reading is rid of printed rules, dots, holes, dark edges and specks. The
    most plausible is taken. A picture whose ink is the opaque part of a transparent sheet needs none of this: its
    strength is its alpha.

    Raises AllographError where nothing stands out from the paper, or where it cannot be told which tone is ink.
    """
    colour, alpha = source.colour, source.alpha
    if alpha is None or alpha.min() > 0.95:
        return _on_paper(colour, None, polarity, source.name, 255)
    if alpha.max() < 0.02:
        raise AllographError(f"{source.name} shows no ink: it is transparent everywhere; draw the symbol on it")
    if np.percentile(alpha, 99) - np.percentile(alpha, 1) < 0.05 * alpha.max():
        return _on_paper(colour, None, polarity, source.name, round(255 * float(np.median(alpha))))
    return _on_transparent(colour, alpha, polarity, source.name)


def _on_transparent(colour: np.ndarray, alpha: np.ndarray, polarity: Polarity, name: str) -> Segmentation:
    """Tell a drawing on a piece of paper that was cut out from one whose strokes alone are opaque."""
    solid = alpha > 0.85 * alpha.max()
    reach = max(1, round(0.004 * max(alpha.shape)))
    card = eroded(solid, reach)
    if card.sum() > 64:
        ground = np.median(colour[card], axis=0)
        filled = np.where(solid[..., None], colour, ground).astype(np.float32)
        edge = card & ~eroded(card, 2)
        try:
            found = _on_paper(filled, card, polarity, name, 0)
        except AllographError:
            found = None
        if found is not None and found.mask[edge].mean() < 0.12:
            apart = max(abs(a - b) for a, b in zip(found.colour[:3], found.paper[:3], strict=True))
            if apart > 12 and found.mask[solid].mean() < 0.75:
                return found
    return _opaque_ink(colour, alpha)


def _opaque_ink(colour: np.ndarray, alpha: np.ndarray) -> Segmentation:
    from scipy import ndimage

    from allograph.imaging.shapes import despeckle
    from allograph.imaging.widths import main_width

    full = float(np.percentile(alpha[alpha > 0.5 * alpha.max()], 75))
    strength = np.clip(alpha / full, 0, 1).astype(np.float32)
    ink = _to_bytes(np.median(colour[strength > 0.75], axis=0))
    raw = strength > 0.5
    width = main_width(raw)
    smooth = ndimage.gaussian_filter(strength, 0.15 * width)
    strength = as_grain_demands(strength, smooth, raw)
    if not (strength > 0.5).any():
        strength = strength / strength.max()
    mask = despeckle(strength > 0.5, smooth, width)
    return Segmentation(strength, mask, (*ink, round(255 * full)), (*ink, 0), None, None, 0, 1.0, ())


def _on_paper(
    colour: np.ndarray, card: np.ndarray | None, polarity: Polarity, name: str, paper_alpha: int
) -> Segmentation:
    colour = colour.astype(np.float32)
    ranked = likely(colour, card, polarity)
    if not ranked or ranked[0][1] < _REFUSED:
        raise AllographError(_nothing(name, colour, polarity))
    best, confidence = ranked[0]
    warnings = []
    rival = max((score for one, score in ranked if one.tone != best.tone), default=0.0)
    if polarity == "auto" and confidence - rival < _CLOSE:
        share = 100 * float(best.reading.mask.mean())
        seen = f"two tones, {share:.0f} % and {100 - share:.0f} % of the picture"
        if confidence - rival < _TIED:
            raise AllographError(f"{name} has {seen}: cannot tell ink from paper; say --ink dark or --ink light")
        other = "light" if best.tone == "dark" else "dark"
        warnings.append(f"{seen}: the {best.tone} one is taken for the ink; if it is not, say --ink {other}")
    elif confidence < _DOUBTFUL:
        warnings.append("the ink may not be what was drawn; crop the picture to the symbol, or say --ink dark or light")
    in_full = _read_in_full(colour, card, ranked)
    if in_full is None:
        raise AllographError(_nothing(name, colour, polarity))
    best, reading, sheet = in_full
    page = sheet if card is None and best.page else None
    ink, ground = _colours(colour, sheet, reading)
    alpha = paper_alpha or 255
    return Segmentation(
        reading.strength, reading.mask, (*ink, alpha), (*ground, alpha), best.tone, page, reading.rules, confidence,
        tuple(warnings),
    )  # fmt: skip


def _read_in_full(
    colour: np.ndarray, card: np.ndarray | None, ranked: list[tuple[Candidate, float]]
) -> tuple[Candidate, Reading, np.ndarray] | None:
    """The preferred way of reading the whole picture in which there is ink, and its sheet: what the smaller copy shows
    may be too fine a grain on the larger one."""
    whole = np.ones(colour.shape[:2], bool) if card is None else card

    pages = {one.page: one.sheet for one, _ in ranked}

    @cache
    def sheet_of(number: int) -> np.ndarray:
        return resized(pages[number].astype(np.float32), colour.shape[:2]) > 0.5 if number else whole

    @cache
    def departed(number: int, model: Model, tone: Tone) -> np.ndarray:
        return departure(colour, sheet_of(number), model, tone)

    for one, score in ranked:
        sheet = sheet_of(one.page)
        seen = contrast(departed(one.page, one.model, one.tone), sheet, strong=one.strong)
        reading = None if seen is None else read(seen, sheet, ruled=one.reading.rules > 0, crisp=True)
        if reading is not None:
            return one, reading, sheet
        if score < _REFUSED:
            break
    return None


def _nothing(name: str, colour: np.ndarray, polarity: Polarity) -> str:
    light = colour @ LUMINANCE
    low, high = (100 * float(np.percentile(light, q)) for q in (2, 98))
    seen = f"all of it is between {low:.0f} and {high:.0f} % of white"
    remedy = "draw the symbol more strongly, crop the picture to its paper, or say --ink dark or --ink light"
    if polarity != "auto":
        remedy = f"it was searched for {polarity} ink only; try the other"
    return f"{name} shows no ink that stands out from its paper ({seen}); {remedy}"


def _colours(
    colour: np.ndarray, sheet: np.ndarray, reading: Reading
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The ink's colour in the middle of its strokes, and the paper's around them."""
    strength, mask = reading.strength, reading.mask
    # At least as strong as: a flat drawing's ink is all of one strength.
    strong = max(0.75, float(np.percentile(strength[mask], 40)))
    core = mask & (strength >= min(strong, float(strength[mask].max())))
    blank = sheet & ~reading.raw & (strength < 0.25)
    if not blank.any():
        blank = sheet & (strength <= np.percentile(strength[sheet], 10))
    if (near := blank & _around(core)).any():
        blank = near
    return _median(colour, core), _median(colour, blank)


def _median(colour: np.ndarray, where: np.ndarray) -> tuple[int, int, int]:
    return _to_bytes(np.array([np.median(colour[..., c][where]) for c in range(3)]))


def _around(mask: np.ndarray) -> np.ndarray:
    """Return the box around `mask`, a fifth larger on each side: the light may differ elsewhere in the picture."""
    near = np.zeros_like(mask)
    spans = []
    for axis in (1, 0):
        held = np.nonzero(mask.any(axis))[0]
        reach = (held[-1] - held[0]) // 5 + 2
        spans.append(slice(max(0, held[0] - reach), held[-1] + reach + 1))
    near[tuple(spans)] = True
    return near


def _to_bytes(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(v)) for v in np.clip(colour, 0, 1))
    return red, green, blue
