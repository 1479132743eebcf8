"""From a person's picture to the model's space: the symbol found, centred, scaled and drawn with the model's pen."""

from __future__ import annotations

__all__ = ["exemplar_of", "model_pen", "preprocess"]

import math

import numpy as np

from allograph.errors import AllographError
from allograph.imaging.candidates import Polarity
from allograph.imaging.decoding import Picture
from allograph.imaging.finding import FoundInk, find_in
from allograph.imaging.homotopy import SPECK, counts, residue, without_specks
from allograph.imaging.page import corners_of, straightened
from allograph.imaging.paper import resized
from allograph.imaging.placement import OMNIGLOT, Placement
from allograph.imaging.shapes import distance_transform, prune, resample, signed_distance, skeleton
from allograph.imaging.splitting import hint
from allograph.imaging.style import Exemplar, Square
from allograph.imaging.symbols import SymbolStyle
from allograph.imaging.widths import stroke_width

_MIN_PEN_PIXELS = 1.3
"""At small model images the pen stays this wide, so that no stroke drops out between pixels."""

_THICK = 1.3
"""Strokes more than this many pens wide are replaced by their centre line, drawn with the pen."""

_WIDEST = 4.0
"""No stroke is enlarged to more than this many pens."""

_WORK_SIDE = 420
"""Strokes are reshaped on a raster at least this fine, then averaged down to the model's."""

_MIN_FINE_PIXELS = 2.0
"""...of which the thinnest strokes are at least this many pixels wide."""


def preprocess(image: Picture, size: int, ink: Polarity = "auto", placement: Placement = OMNIGLOT) -> Exemplar:
    """Bring a picture of one symbol to the model's space, `size` x `size` pixels.

    `image` is a file or its content, a PIL image or an array (height, width[, 3 or 4]), of any mode. The ink is found,
    dark or light as `ink` says, else whichever the picture has; of an animation or a document of several pages in the
    first that shows any. Specks go; the strokes' centre lines are placed and drawn as those of the data set that the
    model learned (`placement`) are. The style of the result is a `SymbolStyle`.
    Raises AllographError, one line with the remedy, where that cannot be done.
    """
    if ink not in ("auto", "dark", "light"):
        raise AllographError(f"ink is auto, dark or light, not {ink!r}")
    return exemplar_of(find_in(image, ink), size, placement)


def exemplar_of(
    found: FoundInk, size: int, placement: Placement = OMNIGLOT, reach: np.ndarray | None = None
) -> Exemplar:
    """The ink found in a picture, in the model's space: of a page seen at an angle as from straight above.

    With ``reach`` (bool, like the found mask) the ink is placed as if it covered that, too, and seen as it is.
    """
    source = found.source
    pen = model_pen(size, placement)
    whole = found.mask if reach is None else found.mask | reach
    frame = _model_frame(whole, found.width, pen / size, placement)
    across, down = source.scale
    style = SymbolStyle(
        width=source.width,
        height=source.height,
        ink=found.segmentation.colour if source.has_colour else (0, 0, 0, 255),
        paper=found.segmentation.paper if source.has_colour else (255, 255, 255, 255),
        has_alpha=source.alpha is not None,
        frame=(frame[0] / across, frame[1] / down, frame[2] / max(across, down)),
        stroke_width=_own_width(found) * size / frame[2],
        pen_width=pen,
    )
    strength, width = _from_above(found) if reach is None else (found.strength, found.width)
    if strength is not found.strength:
        frame = _model_frame(strength > 0.5, width, pen / size, placement)
    # Averaged down to a raster coarser than itself, a hairline would fade: it is made as wide as that raster can show.
    fine = _fineness(size)
    strength = _at_least(strength, _MIN_FINE_PIXELS * frame[2] / (fine * size), width)
    drawing = _draw_with_pen(resample(strength, frame, fine * size, 0.0), size, width * size / frame[2], pen)
    return Exemplar(drawing, style, source.picture, (*found.notes, *_several(found)))


def _own_width(found: FoundInk) -> float:
    """The width of the strokes as the picture itself has them: enlarged, they are a little wider."""
    if max(found.source.scale) <= 1:
        return found.width
    own = resized(found.mask.astype(np.float32), (found.source.height, found.source.width)) > 0.5
    if not own.any():
        return found.width
    return min(found.width, max(1.0, stroke_width(own)) * max(found.source.scale))


def _from_above(found: FoundInk) -> tuple[np.ndarray, float]:
    """The strength of the ink and the width of its strokes, on a page with four corners as seen from above."""
    page = found.segmentation.page
    corners = None if page is None else corners_of(page)
    if corners is None:
        return found.strength, found.width
    strength = straightened(found.strength, corners)
    width = stroke_width(strength > 0.5)
    return (strength, max(1.0, width)) if width else (found.strength, found.width)


def _several(found: FoundInk) -> tuple[str, ...]:
    count = hint(found)
    if count == 1:
        return ()
    return (f"{found.source.name} holds {count} separate symbols; allograph split makes a file of each",)


def model_pen(size: int, placement: Placement) -> float:
    """Return the width of the strokes in the model's image of `size` pixels, in those pixels."""
    return max(placement.pen * size, _MIN_PEN_PIXELS)


def _model_frame(mask: np.ndarray, width: float, pen: float, placement: Placement) -> Square:
    """Return the square of the model's image, in pixels of `mask`, for strokes of `width` pixels.

    The strokes will be drawn with a pen of the fraction `pen` of that side, so their centre lines are what is placed:
    (longer side of the ink - width) / side + pen = placement.ink. A dot or a short thick dash is not blown up to a
    whole symbol: strokes appear at most four pens wide.
    """
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    extent = max(bottom - top, right - left) - width
    side = float(max(extent / (placement.ink - pen), width / (_WIDEST * pen)))
    across, down = (left + right) / 2, (top + bottom) / 2
    if placement.by_mass:
        down, across = (float(place.mean()) + 0.5 for place in np.nonzero(mask))
    return across - placement.centre * side, down - placement.centre * side, side


def _at_least(strength: np.ndarray, wanted: float, width: float) -> np.ndarray:
    """Return strokes of `width` pixels grown to be `wanted` wide, or a little wider; wide ones stay as they are."""
    from scipy import ndimage

    grown = math.ceil(max(0.0, wanted - width) / 2)
    return ndimage.maximum_filter(strength, 2 * grown + 1) if grown else strength


def _fineness(size: int) -> int:
    return max(2, -(-_WORK_SIDE // size))


def _draw_with_pen(strength: np.ndarray, size: int, stroke: float, pen: float) -> np.ndarray:
    """Return the strokes in `strength`, of width `stroke`, drawn `pen` wide (both in pixels of the result)."""
    from scipy import ndimage

    fine = strength.shape[0] // size
    mask = strength > 0.5
    line = skeleton(mask)
    reach = math.ceil(fine * pen)  # twice as far from a line as is drawn
    depth = signed_distance(mask, reach)
    if stroke > _THICK * pen:
        line = prune(line, depth)
        drawn = distance_transform(line, reach) < fine * pen / 2
    else:
        # Moving the edge keeps the shape of ends and corners; the centre line mends what it would cut.
        drawn = depth > fine * (stroke - pen) / 2
        drawn |= mask & (distance_transform(line, reach) < fine * pen / 2)
    coverage = drawn.reshape(size, fine, size, fine).mean((1, 3))
    result = coverage >= 0.5
    # A dot where four pixels meet may cover half of none: it takes the one that it covers most.
    parts = np.zeros(drawn.shape, np.int32)
    ndimage.label(drawn, np.ones((3, 3)), output=parts)
    shown = parts * result.repeat(fine, 0).repeat(fine, 1)
    for part in np.setdiff1d(parts, shown):
        coverage = (parts == part).reshape(size, fine, size, fine).mean((1, 3))
        result.flat[coverage.argmax()] = True
    # The line of thick strokes is all that is left of them; what moving edges joined or closed, the ink itself tells.
    finer = drawn if stroke > _THICK * pen else mask
    return _as_connected(finer, result, SPECK * (fine * min(stroke, pen)) ** 2).astype(np.float32)


def _as_connected(finer: np.ndarray, result: np.ndarray, least: float) -> np.ndarray:
    """`result` with those of its pixels turned in which it joins, parts, opens or closes what the `finer` ink does not;
    parts and holes of less than `least` of the finer pixels do not count."""
    finer = without_specks(finer, least)
    wanted = counts(finer)
    if counts(result) == wanted:
        return result
    fine = finer.shape[0] // result.shape[0]
    left = residue(finer, result.repeat(fine, 0).repeat(fine, 1), signed_distance(finer))
    turned = result ^ left.reshape(result.shape[0], fine, -1, fine).any((1, 3))
    return min((result, turned), key=lambda one: sum(abs(a - b) for a, b in zip(counts(one), wanted, strict=True)))
