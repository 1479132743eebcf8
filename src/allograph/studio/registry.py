"""The models that the studio offers. Requests name a model, never a file."""

from __future__ import annotations

__all__ = ["ModelRegistry"]

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import allograph
from allograph import weights
from allograph.generation.generator import Writer
from allograph.studio.errors import RequestError


class ModelRegistry:
    """The models given at the start, which are loaded at once, and the shipped ones, each loaded on first use.

    Args:
        sources: names or files, as `allograph.load` takes them; the first is the default model.

    Raises:
        AllographError: one of the sources cannot be loaded.
    """

    def __init__(self, sources: Sequence[str] = (weights.DEFAULT,)) -> None:
        self._sources: dict[str, str] = {}
        self._writers: dict[str, Writer] = {}
        self._loading = threading.Lock()
        for source in sources:
            self._writers[self._add(source)] = _load(source)
        for name in weights.known_names():
            # That model wants several symbols of an alphabet; the page has exemplars of one symbol.
            if name not in (*sources, weights.ALPHABETS):
                self._add(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def writer(self, name: str | None = None) -> Writer:
        """The model of this name; the default model for None.

        Raises:
            RequestError: 404, there is no such model.
        """
        name = self.names[0] if name is None else name
        if name not in self._sources:
            raise RequestError(404, f"there is no model of that name; known models are {', '.join(self.names)}")
        with self._loading:
            if name not in self._writers:
                self._writers[name] = _load(self._sources[name])
        return self._writers[name]

    def describe(self) -> list[dict[str, Any]]:
        """The facts of each model that clients need."""
        return [
            {
                "name": name,
                "sha256": writer.sha256,
                "kind": writer.model.config.kind,
                "images": writer.images,
                "conditional": writer.model.conditional,
                "steps": writer.model.noise_shape[0],
                "size": writer.model.config.image_size,
                "channels": writer.model.likelihood.channels,
                "temperature": writer.temperature_for(None),
            }
            for name, writer in ((name, self.writer(name)) for name in self.names)
        ]

    def _add(self, source: str) -> str:
        """Register a source under a free name."""
        stem = Path(source).stem
        names = (stem if count == 1 else f"{stem} {count}" for count in range(1, len(self._sources) + 2))
        name = next(name for name in names if name not in self._sources)
        self._sources[name] = source
        return name


def _load(source: str) -> Writer:
    return allograph.load(source)
