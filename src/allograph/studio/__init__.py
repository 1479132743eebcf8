"""The studio: a page on one's own machine where a drawing is written anew while one draws, and the server under it."""

from __future__ import annotations

__all__ = ["Address", "Limits", "Shelf", "create_app", "serve"]

from allograph.studio.limits import Limits
from allograph.studio.server import Address, create_app
from allograph.studio.serving import serve
from allograph.studio.shelf import Shelf
