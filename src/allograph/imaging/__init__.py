"""Pictures: from a person's image file to the model's space and back; contact sheets and animations."""

from __future__ import annotations

__all__ = [
    "ENDINGS",
    "Appearance",
    "DrawingFormat",
    "Exemplar",
    "Picture",
    "PictureAppearance",
    "Space",
    "SymbolAppearance",
    "animate",
    "contact_sheet",
    "encode",
    "ending_of",
    "outline",
    "outline_svg",
    "render",
    "space_of",
    "take_in",
    "take_in_picture",
]

from allograph.imaging.animation import animate
from allograph.imaging.appearance import Appearance, Exemplar
from allograph.imaging.intake import take_in
from allograph.imaging.outline import outline, outline_svg
from allograph.imaging.pictures import PictureAppearance, take_in_picture
from allograph.imaging.reading import Picture
from allograph.imaging.render import render
from allograph.imaging.sheet import contact_sheet
from allograph.imaging.spaces import Space, space_of
from allograph.imaging.symbols import SymbolAppearance
from allograph.imaging.vectors import ENDINGS, DrawingFormat, encode, ending_of
