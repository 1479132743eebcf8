"""Hidden canvases: they collect what all steps write and turn it into the likelihood's parameters."""

from __future__ import annotations

__all__ = ["AdditiveCanvas", "BentCanvas", "BentPicture", "Canvas", "GatedCanvas", "Strokes"]

from allograph.canvas.base import Canvas
from allograph.canvas.bent import BentCanvas, BentPicture, Strokes
from allograph.canvas.gated import AdditiveCanvas, GatedCanvas
