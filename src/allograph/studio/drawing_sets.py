"""Sets of generated drawings, kept under an id so that clients need not send the exemplars again."""

from __future__ import annotations

__all__ = ["DrawingSet", "DrawingSets"]

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.generation.samples import BATCH_SIZE, SampleBatch, SampleRequest
from allograph.imaging import Exemplar, RenderStyle
from allograph.studio.batching import Batcher
from allograph.studio.errors import RequestError
from allograph.studio.images import ExemplarLoader, LRUCache
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry
from allograph.studio.schemas import DrawingSetRequest


@dataclass(frozen=True)
class DrawingSet:
    """The drawings that a model generates after exemplars, or from nothing, with a seed and a temperature.

    Attributes:
        id: a hash of the weights, exemplar images, seed and temperature. Equal sets have equal ids, even after the
            server restarts.
        model: the name of the model.
        finished: finished drawings, each with its style, by the index of the first one in their block.
        lock: held while a missing block is generated.
    """

    id: str
    model: str
    writer: Writer
    exemplars: tuple[Exemplar, ...]
    seed: int
    temperature: float
    finished: dict[int, list[tuple[np.ndarray, RenderStyle]]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def style(self) -> RenderStyle:
        return self.exemplars[0].style if self.exemplars else self.writer.space.plain


class DrawingSets:
    """Creates drawing sets, generates their drawings, and keeps the sets that were used last."""

    def __init__(self, registry: ModelRegistry, batcher: Batcher, load: ExemplarLoader, limits: Limits) -> None:
        self._registry, self._batcher, self._load = registry, batcher, load
        self._cache: LRUCache[DrawingSet] = LRUCache(limits.drawing_sets)

    def find(self, id: str | None) -> DrawingSet | None:
        """The set with this id, if it is still kept."""
        return self._cache.get(id)

    def create(self, request: DrawingSetRequest, id: str | None = None) -> DrawingSet:
        """The set that a request describes, before any of its drawings are generated.

        Args:
            id: the id that the set must have, if any.

        Raises:
            RequestError: 400, 404, 413 or 422, the request cannot be fulfilled; 410, the set has another id.
        """
        name = request.model or self._registry.names[0]
        writer = self._registry.writer(name)
        try:
            temperature = writer.temperature_for(request.temperature)
            for given in request.exemplars:
                writer.check_exemplar(given.ink)
        except AllographError as error:
            raise RequestError(400, str(error)) from error
        recipe = writer.sha256, [given.key for given in request.exemplars], request.seed, temperature
        own_id = hashlib.sha256(repr(recipe).encode()).hexdigest()[:32]
        if id not in (None, own_id):
            raise RequestError(410, "the server no longer holds this drawing set; send what it was generated from")
        if (kept := self._cache.get(own_id)) is not None:
            return kept
        labels = [f"exemplar {number}" for number, _ in enumerate(request.exemplars, 1)]
        if len(labels) == 1:
            labels = ["the image"]
        exemplars = tuple(self._load(writer, *pair) for pair in zip(request.exemplars, labels, strict=True))
        return self._cache.setdefault(own_id, DrawingSet(own_id, name, writer, exemplars, request.seed, temperature))

    async def generate(self, drawings: DrawingSet, n: int) -> list[SampleBatch]:
        """The first n drawings of a set, with the canvas after every step."""
        starts = range(0, n, BATCH_SIZE)
        blocks = await self._blocks(drawings, starts)
        return [block.first(n - start) for start, block in zip(starts, blocks, strict=True)]

    async def drawing(self, drawings: DrawingSet, number: int) -> tuple[np.ndarray, RenderStyle]:
        """A finished drawing, counted from 1, and its style: the one that was shown, or generated again if it is not
        kept."""
        index = (number - 1) % BATCH_SIZE
        start = number - 1 - index
        async with drawings.lock:  # requests at the same time share one block
            if start not in drawings.finished:
                await self._blocks(drawings, [start])
        return drawings.finished[start][index]

    async def _blocks(self, drawings: DrawingSet, starts: Sequence[int]) -> list[SampleBatch]:
        wishes = [SampleRequest(drawings.exemplars, drawings.seed, start) for start in starts]
        blocks = await self._batcher.draw(drawings.writer, wishes, drawings.temperature)
        for start, block in zip(starts, blocks, strict=True):
            # A view would keep the canvases of all steps.
            drawings.finished[start] = [(values.copy(), style) for values, style in block.styled(drawings.style)]
        return blocks
