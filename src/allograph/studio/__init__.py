"""The studio: a web page that generates new drawings while you draw, and the local server behind it."""

from __future__ import annotations

__all__ = ["Address", "Limits", "ModelRegistry", "create_app", "serve"]

from allograph.studio.app import create_app
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.security import Address
from allograph.studio.server import serve
