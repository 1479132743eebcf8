"""One-shot generation with sequential generative models: show one drawing of a symbol, get new drawings of it."""

from __future__ import annotations

__all__ = ["AllographError", "__version__"]

from allograph.errors import AllographError

__version__ = "0.1.0"
