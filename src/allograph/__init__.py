"""One-shot generation with sequential generative models: show one drawing of a symbol, get new drawings of it."""

from __future__ import annotations

__all__ = ["AllographError", "Augment", "__version__", "load"]

from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError
from allograph.runtime.threads import prepare

if TYPE_CHECKING:
    from allograph.generation.generator import Writer
    from allograph.generation.transform import Augment

__version__ = "0.1.0"

prepare()  # before torch is imported


def load(name_or_path: Path | str = "omniglot") -> Writer:
    """Load a model, by the name under which it ships or from a weights file, ready to write new drawings.

    Raises:
        AllographError: an unknown name; a missing, damaged or foreign file.
    """
    # Imported here: the command line imports this package for every command, and torch takes its time.
    from allograph import weights
    from allograph.generation.generator import Writer

    loaded = weights.load(name_or_path)
    return Writer(model=loaded.model, card=loaded.card, sha256=loaded.sha256)


def __getattr__(name: str) -> Any:
    """`allograph.Augment`, imported when it is first asked for."""
    if name == "Augment":
        from allograph.generation.transform import Augment

        return Augment
    raise AttributeError(f"module 'allograph' has no attribute {name!r}")
