"""Pictures: from a person's image file to the model's space and back; contact sheets and animations."""

from __future__ import annotations

__all__ = [
    "ENDINGS",
    "DrawingFormat",
    "Exemplar",
    "Picture",
    "PictureStyle",
    "RenderStyle",
    "Space",
    "SymbolStyle",
    "animate",
    "contact_sheet",
    "encode",
    "ending_of",
    "outline",
    "outline_svg",
    "preprocess",
    "preprocess_picture",
    "render",
    "space_of",
]

from allograph.imaging.animation import animate
from allograph.imaging.decoding import Picture
from allograph.imaging.drawing_files import ENDINGS, DrawingFormat, encode, ending_of
from allograph.imaging.outline import outline, outline_svg
from allograph.imaging.pictures import PictureStyle, preprocess_picture
from allograph.imaging.preprocessing import preprocess
from allograph.imaging.render import render
from allograph.imaging.sheet import contact_sheet
from allograph.imaging.spaces import Space, space_of
from allograph.imaging.style import Exemplar, RenderStyle
from allograph.imaging.symbols import SymbolStyle
