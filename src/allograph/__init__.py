"""One-shot generation with sequential generative models: show one drawing of a symbol, get new drawings of it."""

from __future__ import annotations

__all__ = ["AllographError", "Augment", "Recogniser", "__version__", "load"]

from pathlib import Path
from typing import TYPE_CHECKING, Any

from allograph.errors import AllographError
from allograph.runtime.threads import prepare

if TYPE_CHECKING:
    from allograph.generation.generator import Writer
    from allograph.generation.transform import Augment
    from allograph.recognition import Recogniser

__version__ = "0.1.0"

prepare()  # before torch is imported


def load(name_or_path: Path | str = "allograph") -> Writer:
    """Load a model, ready to write new drawings.

    Args:
        name_or_path: the name under which it ships, a weights file, or hf://OWNER/NAME[/FILE][@REVISION], a file on the
            Hugging Face Hub (`allograph.hub`).

    Raises:
        AllographError: an unknown name; a missing, damaged or foreign file; a Hub that cannot be reached.
    """
    # Imported here because the command line imports this package for every command, and torch is slow to import.
    from allograph import weights
    from allograph.generation.generator import Writer

    loaded = weights.load(name_or_path)
    return Writer(model=loaded.model, card=loaded.card, sha256=loaded.sha256)


def __getattr__(name: str) -> Any:
    """What is imported when it is first used: the command line imports this package for every command."""
    if name == "Augment":
        from allograph.generation.transform import Augment

        return Augment
    if name == "Recogniser":
        from allograph.recognition import Recogniser

        return Recogniser
    if name == "datasets":
        import importlib

        return importlib.import_module("allograph.datasets")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
