"""The models on offer: clients name them, and never a file."""

from __future__ import annotations

__all__ = ["ModelEntry", "ModelRegistry"]

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import allograph
from allograph import weights
from allograph.generation.generator import Writer
from allograph.studio.errors import RequestError


@dataclass(frozen=True)
class ModelEntry:
    """A model under the name by which clients call it."""

    name: str
    source: str


class ModelRegistry:
    """The models that were named at the start, the first one loaded, and those that ship, loaded when first used.

    Args:
        sources: names and files, as `allograph.load` takes them; the first is the model that is used unless a client
            names another.

    Raises:
        AllographError: one of the sources cannot be loaded.
    """

    def __init__(self, sources: Sequence[str] = (weights.DEFAULT,)) -> None:
        self._entries: dict[str, ModelEntry] = {}
        self._writers: dict[str, Writer] = {}
        self._loading = threading.Lock()
        for source in sources:
            name = self._free_name(source)
            self._entries[name] = ModelEntry(name, source)
            self._writers[name] = allograph.load(source)
        for name in weights.known_names():
            # What is drawn here is one symbol, not some of an alphabet.
            if name not in (*sources, weights.ALPHABETS):
                free = self._free_name(name)
                self._entries[free] = ModelEntry(free, name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    def writer(self, name: str | None = None) -> Writer:
        """The model of this name, or the first.

        Raises:
            RequestError: 404, there is none.
        """
        entry = self._entries.get(self.names[0] if name is None else name)
        if entry is None:
            raise RequestError(404, f"there is no model of that name; known ones are {', '.join(self.names)}")
        with self._loading:
            if entry.name not in self._writers:
                self._writers[entry.name] = allograph.load(entry.source)
        return self._writers[entry.name]

    def describe(self) -> list[dict[str, Any]]:
        """What a client needs to know of each model."""
        return [self._describe(name) for name in self.names]

    def _describe(self, name: str) -> dict[str, Any]:
        writer = self.writer(name)
        steps = writer.model.noise_shape[0]
        return {
            "name": name,
            "sha256": writer.sha256,
            "kind": writer.model.config.kind,
            "images": writer.images,
            "conditional": writer.model.conditional,
            "steps": steps,
            "size": writer.model.config.image_size,
            "channels": writer.model.likelihood.channels,
            "temperature": writer.temperature_for(None),
        }

    def _free_name(self, source: str) -> str:
        stem = Path(source).stem
        names = (stem if count == 1 else f"{stem} {count}" for count in range(1, len(self._entries) + 2))
        return next(name for name in names if name not in self._entries)
