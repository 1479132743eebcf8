"""The studio: a page on one's own machine where a drawing is written anew while one draws, and the server under it."""

from __future__ import annotations

__all__ = ["Address", "Limits", "ModelRegistry", "create_app", "serve"]

from allograph.studio.app import Address, create_app
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.server import serve
