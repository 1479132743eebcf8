"""What the studio does for its clients: validated requests come in, JSON values and files go out."""

from __future__ import annotations

__all__ = ["File", "StudioService"]

import asyncio
import base64
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageDraw

from allograph.generation.samples import Block, noise_for
from allograph.imaging import Appearance, Exemplar, SymbolAppearance, outline, outline_svg
from allograph.imaging.render import stroke_field
from allograph.runtime.files import png
from allograph.studio import schemas
from allograph.studio.archive import ROOT, pack
from allograph.studio.batching import Batcher
from allograph.studio.drawing_sets import DrawingSet, DrawingSets
from allograph.studio.errors import RequestError
from allograph.studio.images import ExemplarLoader
from allograph.studio.limits import Limits
from allograph.studio.registry import ModelRegistry

Result = TypeVar("Result")

_SAMPLES = 16
"""Samples of the latents over which a free energy is averaged."""


@dataclass(frozen=True)
class File:
    """A file that is sent to the client."""

    content: bytes
    media_type: str
    name: str


class StudioService:
    """One method for each POST request of the API; `close` ends the service's threads."""

    def __init__(self, registry: ModelRegistry, limits: Limits) -> None:
        self._registry, self._limits = registry, limits
        self._batcher = Batcher(limits.batch_size)
        self._load = ExemplarLoader(limits)
        self._sets = DrawingSets(registry, self._batcher, self._load, limits)
        self._preprocessing = ThreadPoolExecutor(2, thread_name_prefix="allograph-preprocessing")
        self._rendering = ThreadPoolExecutor(1, thread_name_prefix="allograph-rendering")

    def close(self) -> None:
        self._batcher.close()
        for pool in (self._preprocessing, self._rendering):
            pool.shutdown(wait=False, cancel_futures=True)

    async def warm_up(self) -> None:
        """Do everything once with the default model, so that the first drawings come as fast as later ones."""
        conditional = self._registry.writer().model.conditional
        exemplars = [schemas.ExemplarImage(image=_warm_up_image())] if conditional else []
        with suppress(RequestError):
            await self.write(schemas.WriteRequest(exemplars=exemplars))
            await self.picture(schemas.PictureRequest(exemplars=exemplars, number=1))
            await self.outlines(schemas.OutlinesRequest(exemplars=exemplars, numbers=[1]))

    async def models(self) -> dict[str, Any]:
        return {"models": await _run(self._preprocessing, self._registry.describe)}

    async def write(self, request: schemas.WriteRequest) -> dict[str, Any]:
        drawings = await self._drawing_set(request)
        blocks = await self._sets.generate(drawings, request.n)
        return await _run(self._preprocessing, lambda: _growth(drawings, blocks))

    async def outlines(self, request: schemas.OutlinesRequest) -> dict[str, Any]:
        drawings = await self._drawing_set(request, request.drawing_set)
        appearance = _symbol_appearance(drawings, "this model's drawings are pictures and have no outline")
        outlines = []
        for number in request.numbers:
            values = await self._sets.drawing(drawings, number)
            path = await _run(self._rendering, lambda values=values: outline(stroke_field(values[0], appearance)))
            outlines.append({"number": number, "path": path})
        return {"size": drawings.writer.model.config.image_size, "drawings": outlines}

    async def picture(self, request: schemas.PictureRequest) -> File:
        drawings = await self._drawing_set(request, request.drawing_set)
        values = await self._sets.drawing(drawings, request.number)
        appearance = drawings.appearance
        size = request.size
        if size is None and max(appearance.width, appearance.height) > schemas.MAX_SIDE:
            size = schemas.MAX_SIDE
        name = f"{drawings.model}-{request.number:03d}"
        if request.format == "svg":
            symbol = _symbol_appearance(drawings, "this model's drawings have no outline; ask for format png")
            text = await _run(self._rendering, lambda: outline_svg(values, symbol, size))
            return File(text.encode(), "image/svg+xml", f"{name}.svg")
        content = await _run(self._rendering, lambda: png(appearance.render(values, size), runs=True))
        return File(content, "image/png", f"{name}.png")

    async def energy(self, request: schemas.EnergyRequest) -> dict[str, Any]:
        recipe = schemas.DrawingSetRequest(model=request.model, exemplars=request.exemplars, seed=request.seed)
        drawings = await self._drawing_set(recipe)
        measured = await _run(
            self._preprocessing, lambda: self._load(drawings.writer, request.drawing, "the second drawing")
        )
        return await self._batcher.run(lambda: _free_energies(drawings, measured))

    async def collection(self, request: schemas.CollectionRequest) -> File:
        content = await _run(self._preprocessing, lambda: pack(request.classes, self._limits))
        return File(content, "application/zip", f"{ROOT}.zip")

    async def _drawing_set(self, request: schemas.DrawingSetRequest, id: str | None = None) -> DrawingSet:
        return self._sets.find(id) or await _run(self._preprocessing, lambda: self._sets.create(request, id))


async def _run(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def _warm_up_image() -> str:
    picture = Image.new("RGBA", (320, 320))
    ImageDraw.Draw(picture).line([(90, 70), (100, 240), (220, 220)], (0, 0, 0, 255), 11)
    return base64.b64encode(png(picture)).decode()


def _symbol_appearance(drawings: DrawingSet, reason: str) -> SymbolAppearance:
    if not isinstance(drawings.appearance, SymbolAppearance):
        raise RequestError(400, reason)
    return drawings.appearance


def _growth(drawings: DrawingSet, blocks: Sequence[Block]) -> dict[str, Any]:
    """The drawings after every step, and the windows that the model reads and writes through."""
    appearance = drawings.appearance
    canvases = np.concatenate([block.canvases for block in blocks])
    levels = np.stack([appearance.grow(drawing).levels for drawing in canvases])
    windows = {
        name: np.concatenate([getattr(block, name) for block in blocks]).astype(float).round(4).tolist()
        for name in ("write_windows", "read_windows")
    }
    n, steps, channels, size, _ = levels.shape
    return {
        "drawing_set": drawings.id,
        "model": drawings.model,
        "sha256": drawings.writer.sha256,
        "seed": drawings.seed,
        "temperature": drawings.temperature,
        "n": n,
        "steps": steps,
        "channels": channels,
        "size": size,
        "inked": drawings.writer.space.inked,
        "ink": _colour(appearance, "ink"),
        "paper": _colour(appearance, "paper"),
        "growth": _base64(levels),
        **windows,
        "exemplars": [_preprocessed(exemplar) for exemplar in drawings.exemplars],
        "model_seconds": max(block.seconds for block in blocks),
    }


def _preprocessed(exemplar: Exemplar) -> dict[str, Any]:
    """An exemplar as the model sees it, and the square of the image that this is."""
    appearance = exemplar.appearance
    return {
        "width": appearance.width,
        "height": appearance.height,
        "frame": [round(float(side), 3) for side in appearance.frame],
        "drawing": _base64((exemplar.image * 255).round().astype(np.uint8)),
    }


def _colour(appearance: Appearance, part: str) -> str | None:
    """The colour of ink or paper as #rrggbb; transparent paper has the colour that it is shown on."""
    if not isinstance(appearance, SymbolAppearance):
        return None
    red, green, blue = appearance.ground if part == "paper" else appearance.ink[:3]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _free_energies(drawings: DrawingSet, measured: Exemplar) -> dict[str, Any]:
    """The free energy of a drawing given a set's exemplars and without them, in nats, averaged over samples."""
    import torch

    model = drawings.writer.model
    noise = noise_for(model.noise_shape, [("energy", drawings.seed, k) for k in range(_SAMPLES)])
    image = torch.from_numpy(measured.image)[None]
    contexts: dict[str, torch.Tensor | None] = {"without": None}
    if drawings.exemplars:
        contexts["given"] = torch.stack([torch.from_numpy(one.image) for one in drawings.exemplars])[None]
    result: dict[str, Any] = {"samples": _SAMPLES}
    for name, context in contexts.items():
        with torch.inference_mode():
            energy = model.infer(image, context, noise).free_energy
        result[name] = {
            "free_energy": _finite(energy.total.mean()),
            "distortion": _finite(energy.distortion.mean()),
            "kl": [_finite(step) for step in energy.kl.mean(dim=0)],
        }
    return result


def _finite(value: Any) -> float | None:
    number = float(value)
    return round(number, 4) if math.isfinite(number) else None
