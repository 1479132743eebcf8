"""Pictures: from a person's image file to the model's space and back; contact sheets and animations."""

from __future__ import annotations

__all__ = ["Appearance", "Exemplar", "animate", "atomic_write", "contact_sheet", "render", "take_in"]

from allograph.imaging.animation import animate
from allograph.imaging.files import atomic_write
from allograph.imaging.intake import Appearance, Exemplar, take_in
from allograph.imaging.render import render
from allograph.imaging.sheet import contact_sheet
