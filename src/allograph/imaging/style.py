"""How drawings are rendered: the style that a picture loses on its way to the model's space and regains."""

from __future__ import annotations

__all__ = ["WHOLE", "Colour", "Exemplar", "Growth", "RenderStyle", "Square", "StrokeStyle"]

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from PIL import Image

Colour = tuple[int, int, int, int]
"""Red, green, blue, alpha, 0 to 255."""

Square = tuple[float, float, float]
"""(left, top, side), in pixels of a picture; it may reach beyond the picture."""

WHOLE: Square = (0.0, 0.0, 1.0)
"""All of another square, in shares of its side."""


class Growth(ABC):
    """One drawing as it grows in T steps: square tiles, uint8 (side, side, 3), for an animation.

    on_paper: whether there is bare paper, which a window may tint.
    square: the part of the tile that is the model's image, in shares of its side.
    """

    on_paper: ClassVar[bool]
    square: Square = WHOLE

    @property
    @abstractmethod
    def steps(self) -> int:
        """T."""

    @property
    @abstractmethod
    def levels(self) -> np.ndarray:
        """The drawing after each step in the model's own pixels, uint8 (T, C, S, S): visible ink, or colour."""

    @abstractmethod
    def tile(self, step: int, part: float, side: int) -> np.ndarray:
        """The drawing `part` of the way, 0 to 1, from before step number `step`, 0 to T - 1, to after it."""

    @abstractmethod
    def ending(self, part: float, side: int) -> np.ndarray:
        """The drawing `part` of the way, 0 to 1, from what it was after the last step to the finished one."""


@dataclass(frozen=True)
class RenderStyle(ABC):
    """The style of drawings, that of a picture; one child for symbols, one for grey and colour pictures.

    - `width`, `height`: of the picture, pixels
    - `frame`: the square of the picture that is the model's image
    """

    width: int
    height: int
    frame: Square

    @property
    @abstractmethod
    def view(self) -> Square:
        """The square of the picture that a tile of a contact sheet shows."""

    @property
    @abstractmethod
    def ground(self) -> tuple[int, int, int]:
        """The colour of a tile beyond the picture."""

    @abstractmethod
    def sized(self, image: np.ndarray, factor: float) -> Self:
        """The style in which the drawing with the values (C, S, S) is `factor` times as large, about its own middle,
        with strokes of the same width; less where it would leave the frame or the picture. Pictures keep their size.
        """

    @abstractmethod
    def render(self, image: np.ndarray, size: int | None = None) -> Image.Image:
        """The drawing with the values (C, S, S) as a picture of the same width and height, or `size` pixels long.

        The values are logits of ink for symbols, intensities from 0 to 1 for pictures.
        """

    @abstractmethod
    def grow(self, canvases: np.ndarray, square: Square = WHOLE) -> Growth:
        """The drawing with the values (T, C, S, S) after each of T steps, on a tile of which its frame is this
        `square`, in shares of the tile's side."""

    def within(self, other: RenderStyle) -> Square:
        """The frame, in shares of that of another style."""
        left, top, side = other.frame
        return (self.frame[0] - left) / side, (self.frame[1] - top) / side, self.frame[2] / side


@dataclass(frozen=True)
class StrokeStyle(RenderStyle):
    """The style of a symbol: strokes of one colour and width on paper of another; see `RenderStyle`.

    The model's frame may reach beyond the picture.

    - `ink`, `paper`: red, green, blue, alpha, 0 to 255
    - `has_alpha`: whether the picture has a transparency channel
    - `stroke_width`: of the picture's strokes, in pixels of the model's image
    - `pen_width`: of the same strokes once drawn with the model's pen, in the same pixels
    """

    ink: Colour
    paper: Colour
    has_alpha: bool
    stroke_width: float
    pen_width: float


@dataclass(frozen=True)
class Exemplar:
    """An image as a model sees it, with its way back.

    - `drawing`: float32, a symbol (S, S) of zeros and ones, ink = 1, or a picture (C, S, S) in [0, 1]
    - `style`: the style of drawings after it
    - `picture`: the original picture, upright, as contact sheets show it
    - `notes`: notes for the user, one line each
    """

    drawing: np.ndarray
    style: RenderStyle
    picture: Image.Image
    notes: tuple[str, ...] = ()

    @property
    def image(self) -> np.ndarray:
        """The drawing with its channels, (C, S, S)."""
        return self.drawing if self.drawing.ndim == 3 else self.drawing[None]
