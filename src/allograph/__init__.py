"""One-shot generation with sequential generative models: show one drawing of a symbol, get new drawings of it."""

from __future__ import annotations

__all__ = ["AllographError", "__version__", "load"]

from pathlib import Path
from typing import TYPE_CHECKING

from allograph.errors import AllographError
from allograph.runtime.threads import prepare

if TYPE_CHECKING:
    from allograph.generation.generator import Writer

__version__ = "0.1.0"

prepare()  # before torch is imported


def load(name_or_path: Path | str = "omniglot") -> Writer:
    """Load a model that is ready to write new drawings, by shipped name or from a weights file.

    Raises:
        AllographError: an unknown name; a missing, damaged or foreign file.
    """
    # Imported here because the command line imports this package for every command, and torch is slow to import.
    from allograph import weights
    from allograph.generation.generator import Writer

    loaded = weights.load(name_or_path)
    return Writer(model=loaded.model, card=loaded.card, sha256=loaded.sha256)
