"""The edges of ink in pictures and in new drawings, as lines of points in a picture's own pixels.

This is the only place where fonts and lines use the imaging of the package.
"""

from __future__ import annotations

__all__ = ["FINENESS", "Shape", "drawn_shapes", "pictured_shape", "unlikeness"]

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.measure import find_contours

from allograph.errors import AllographError
from allograph.generation.samples import noise_for
from allograph.imaging.decoding import Picture, decode_picture
from allograph.imaging.finding import find_ink
from allograph.imaging.render import FINENESS, placed, stroke_field
from allograph.imaging.shapes import despeckle
from allograph.imaging.symbols import SymbolStyle
from allograph.imaging.widths import main_width

if TYPE_CHECKING:
    from allograph.generation.generator import Ink, Writer
    from allograph.imaging import Exemplar

_SMOOTH = 0.12
"""Standard deviation of the smoothing of a traced edge, as a share of the pen's width."""

_SPARE = 20
"""Number of drawings made beyond those needed; those most like their exemplar are kept."""

_BLOCK = 8
_RANKING_FINENESS = 4

_NEARER = 0.75
"""How far a drawing moves towards its exemplar's size and place, 0 to 1."""


@dataclass(frozen=True)
class Shape:
    """Ink in a picture, x to the right, y down, from the picture's upper left corner, in its pixels.

    Attributes:
        edges: closed lines of points (n, 2); holes are edges of their own.
        size: (width, height) of the picture.
        pen: the width of the strokes.
    """

    edges: tuple[np.ndarray, ...]
    size: tuple[int, int]
    pen: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of the ink."""
        points = np.concatenate(self.edges)
        (left, top), (right, bottom) = points.min(0), points.max(0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def topology(self) -> tuple[int, int]:
        """Numbers of parts and of holes: edges run one way around ink and the other way around paper."""
        areas = [_area(edge) for edge in self.edges]
        return sum(area > 0 for area in areas), sum(area < 0 for area in areas)


def pictured_shape(picture: Picture, ink: Ink = "auto") -> Shape:
    """The ink of a picture, traced.

    Raises:
        AllographError: it cannot be read or shows no ink.
    """
    source = decode_picture(picture)
    strength = find_ink(source, ink).strength
    width = main_width(strength > 0.5)
    strength = ndimage.gaussian_filter(strength, _SMOOTH * width)
    mask = strength > 0.5
    if not mask.any():
        raise AllographError(f"{source.name} shows no stroke; draw it more strongly")
    kept = despeckle(mask, strength, main_width(mask))
    strength = np.where(ndimage.binary_dilation(kept, iterations=2), strength, 0.0)
    across, down = source.scale
    edges = _edges(strength, 0.5)
    return Shape(
        tuple(edge / (across, down) for edge in edges),
        (source.width, source.height),
        width / max(across, down),
    )


def drawn_shapes(
    writer: Writer, exemplar: Exemplar, count: int, key: tuple[object, ...], *, fineness: int = FINENESS
) -> list[Shape]:
    """New drawings of an exemplar, placed in its picture as `allograph write` would, but all nearly as large.

    The noise follows from ``key`` and the drawing's number. More are made than asked for; those most like the exemplar
    (`unlikeness`) are kept, because in a word a letter that lost its bar is another letter. Edges are traced on a
    raster of ``fineness`` points per pixel of the model.
    """
    import torch

    style = exemplar.style
    if not isinstance(style, SymbolStyle):
        raise AllographError("this model draws pictures, not ink on paper; choose one of symbols, such as allograph")
    wanted = -(-(count + _SPARE) // _BLOCK) * _BLOCK
    noise = noise_for(writer.model.noise_shape, [(*key, number) for number in range(wanted)])
    context = torch.from_numpy(exemplar.image)[None, None]
    drawn = writer.draw(context, noise[None])
    values = writer.values(drawn.parameters.flatten(0, 1))
    model = _shape(16.0 * exemplar.image[0] - 8.0, style, _RANKING_FINENESS)
    shapes = [(image[0], shape) for image in values if (shape := _shape(image[0], style, _RANKING_FINENESS)).edges]
    # Stable: of equally good ones the first.
    ranked = sorted(shapes, key=lambda one: unlikeness(one[1], model))
    near = ((image, _nearer(style, shape.box, model.box)) for image, shape in ranked[:count])
    return [_shape(image, look, fineness) for image, look in near]


def unlikeness(one: Shape, other: Shape) -> tuple[int, float]:
    """How much two shapes differ: in their numbers of parts and holes; then in their edges, at one size and place.

    The latter is the Hausdorff distance as a share of the longer side: a missing bar or ascender counts in full,
    however small it is.
    """
    first, second = _at_one_size(one), _at_one_size(other)
    apart = (KDTree(there).query(here)[0] for here, there in ((first, second), (second, first)))
    parts = sum(abs(a - b) for a, b in zip(one.topology, other.topology, strict=True))
    return parts, max(float(distances.max()) for distances in apart)


def _at_one_size(shape: Shape) -> np.ndarray:
    left, top, right, bottom = shape.box
    return (np.concatenate(shape.edges) - ((left + right) / 2, (top + bottom) / 2)) / max(right - left, bottom - top)


def _nearer(
    style: SymbolStyle, drawn: tuple[float, float, float, float], exemplar: tuple[float, float, float, float]
) -> SymbolStyle:
    """A style that gives a drawing more of its exemplar's size and place, with the same pen: in a line of text,
    differences stand out more than among drawings of one symbol."""
    left, top, right, bottom = drawn
    wanted = max(exemplar[2] - exemplar[0], exemplar[3] - exemplar[1])
    scale = (wanted / max(right - left, bottom - top)) ** _NEARER
    middle, aim = (left + right) / 2, (exemplar[0] + exemplar[2]) / 2
    foot = bottom + _NEARER * (exemplar[3] - bottom)
    frame_left, frame_top, side = style.frame
    frame = aim + scale * (frame_left - middle), foot + scale * (frame_top - bottom), scale * side
    return replace(style, frame=frame, stroke_width=style.stroke_width / scale)


def _shape(logits: np.ndarray, style: SymbolStyle, fineness: int) -> Shape:
    field = stroke_field(logits, style, fineness)
    size = style.width, style.height
    left, top, scale = placed(field, logits.shape[-1], style, 1.0, size)
    edges = _edges(field.values, 0.0)
    place = np.array([left, top])
    in_model = (edge / field.fineness + (field.left, field.top) for edge in edges)
    return Shape(tuple(place + scale * edge for edge in in_model), size, scale * style.stroke_width)


def _edges(values: np.ndarray, level: float) -> list[np.ndarray]:
    """Closed lines (x, y) around everything above the level, in pixels from the raster's upper left corner."""
    closed = np.pad(values, 1, constant_values=float(min(values.min(), level - 1.0)))
    return [
        contour[:-1, ::-1] - 0.5
        for contour in find_contours(closed, level)
        if len(contour) > 4 and abs(_area(contour)) > 1
    ]


def _area(edge: np.ndarray) -> float:
    x, y = edge.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
