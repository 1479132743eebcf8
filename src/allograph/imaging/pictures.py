"""Grey and colour pictures: cut square and resized for the model on the way in, enlarged smoothly on the way out."""

from __future__ import annotations

__all__ = ["PictureStyle", "preprocess_picture", "square"]

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from PIL import Image

from allograph.imaging.decoding import Picture, decode_picture
from allograph.imaging.style import WHOLE, Exemplar, Growth, RenderStyle, Square

_GROUND = (255, 255, 255)
"""The background under a transparent picture."""


@final
@dataclass(frozen=True)
class PictureStyle(RenderStyle):
    """See `RenderStyle`; the picture is only the square that the model sees."""

    @property
    def view(self) -> Square:
        return self.frame

    @property
    def ground(self) -> tuple[int, int, int]:
        return _GROUND

    def sized(self, image: np.ndarray, factor: float) -> Self:
        return self

    def render(self, image: np.ndarray, size: int | None = None) -> Image.Image:
        """See `RenderStyle.render`: grey for one channel, otherwise RGB, scaled smoothly."""
        side = max(self.width, self.height) if size is None else size
        values = _to_bytes(_resized(image, side))
        return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)

    def grow(self, canvases: np.ndarray, square: Square = WHOLE) -> Growth:
        return _PictureGrowth(canvases)


@final
class _PictureGrowth(Growth):
    """The picture that the canvas stands for after each step; before the first, that step's mean colour."""

    on_paper = False

    def __init__(self, canvases: np.ndarray) -> None:
        """`canvases`: intensities (T, C, S, S)."""
        plain = np.broadcast_to(canvases[:1].mean((2, 3), keepdims=True), canvases[:1].shape)
        self._canvases = np.concatenate([plain, canvases])

    @property
    def steps(self) -> int:
        return len(self._canvases) - 1

    @property
    def levels(self) -> np.ndarray:
        return _to_bytes(self._canvases[1:])

    def tile(self, step: int, part: float, side: int) -> np.ndarray:
        grown = self._canvases[step] * (1 - part) + self._canvases[step + 1] * part
        values = _to_bytes(_resized(grown, side))
        return values.repeat(3, -1) if values.shape[-1] == 1 else values

    def ending(self, part: float, side: int) -> np.ndarray:
        return self.tile(self.steps - 1, 1.0, side)


def preprocess_picture(image: Picture, size: int, channels: int) -> Exemplar:
    """Bring a picture to the model's space: its middle square, `size` x `size` pixels, grey (1 channel) or RGB (3).

    `image` is a file or its content, a PIL image or an array (height, width[, 3 or 4]), of any mode; floating point
    numbers from 0 to 1 are intensities. Transparent parts become white. Pixels are averaged over areas as for training;
    a picture of the model's own size keeps every value.

    Raises AllographError, one line with the remedy, if that cannot be done.
    """
    from allograph.imaging.area_average import grey

    source = decode_picture(_as_bytes(image) if isinstance(image, np.ndarray) else image)
    picture = square(source.picture, channels)
    pixels = np.array(picture, np.uint8).reshape(1, picture.height, picture.width, channels).transpose(0, 3, 1, 2)
    drawing = grey(pixels, size)[0].numpy()
    side = min(source.width, source.height)
    return Exemplar(drawing, PictureStyle(side, side, (0.0, 0.0, float(side))), picture)


def square(picture: Image.Image, channels: int) -> Image.Image:
    """Return the middle square of an RGB or RGBA picture on white, grey for 1 channel, RGB for 3."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    middle = picture.crop((left, top, left + side, top + side))
    if middle.mode == "RGBA":
        ground = Image.new("RGBA", middle.size, (*_GROUND, 255))
        middle = Image.alpha_composite(ground, middle)
    return middle.convert("L" if channels == 1 else "RGB")


def _as_bytes(array: np.ndarray) -> np.ndarray:
    """Return an array of intensities from 0 to 1 as bytes; any other stays as it is."""
    if np.issubdtype(array.dtype, np.floating) and array.size and 0 <= array.min() <= array.max() <= 1:
        return (array * 255).round().astype(np.uint8)
    return array


def _resized(image: np.ndarray, side: int) -> np.ndarray:
    """Return (C, S, S) as (side, side, C), scaled by cubics (wider ones if it is reduced)."""
    planes = [Image.fromarray(np.ascontiguousarray(plane, np.float32)) for plane in image]
    return np.stack([np.asarray(plane.resize((side, side), Image.Resampling.BICUBIC)) for plane in planes], -1)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return (values.clip(0, 1) * 255).round().astype(np.uint8)
