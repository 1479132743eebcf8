"""What the studio does for its clients: validated requests come in, JSON values and files go out."""

from __future__ import annotations

__all__ = ["StudioService"]

import asyncio
import base64
import copy
import math
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from starlette.responses import Response

from allograph.generation.samples import SampleBatch, noise_for
from allograph.imaging import Exemplar, RenderStyle, SymbolStyle, outline, outline_svg
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

_EXAMPLE = Path(__file__).parent / "page" / "examples" / "thai-ko-kai.webp"

_SAMPLES = 16
"""Samples of the latents over which a free energy is averaged."""


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
        image = base64.b64encode(_EXAMPLE.read_bytes()).decode()
        conditional = self._registry.writer().model.conditional
        exemplars = [schemas.ExemplarImage(image=image)] if conditional else []
        apart = copy.copy(self)  # what it keeps takes no visitor's place
        apart._load = ExemplarLoader(self._limits)
        apart._sets = DrawingSets(self._registry, self._batcher, apart._load, self._limits)
        with suppress(RequestError):
            await apart.write(schemas.WriteRequest(exemplars=exemplars))
            await apart.picture(schemas.PictureRequest(exemplars=exemplars, number=1))
            await apart.outlines(schemas.OutlinesRequest(exemplars=exemplars, numbers=[1]))

    async def models(self) -> dict[str, Any]:
        return {"models": await _run(self._preprocessing, self._registry.describe)}

    async def inspect(self, request: schemas.InspectRequest) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            writer = self._registry.writer(request.model)
            inspection, picture, exemplar = self._load.inspect(writer, request)
            shown = {"marked": base64.b64encode(png(picture)).decode(), "seen": _preprocessed(exemplar)["drawing"]}
            return {**asdict(inspection), **shown, "size": writer.model.config.image_size}

        return await _run(self._preprocessing, look)

    async def write(self, request: schemas.WriteRequest) -> dict[str, Any]:
        drawings = await self._drawing_set(request)
        blocks = await self._sets.generate(drawings, request.n)
        return await _run(self._preprocessing, lambda: _growth(drawings, blocks))

    async def outlines(self, request: schemas.OutlinesRequest) -> dict[str, Any]:
        drawings = await self._drawing_set(request)
        outlines = []
        for number in request.numbers:
            values, style = await self._sets.drawing(drawings, number)
            symbol = _symbol_style(style, "this model's drawings are pictures and have no outline")
            path = await _run(self._rendering, partial(_traced, values[0], symbol, drawings.style))
            outlines.append({"number": number, "path": path})
        return {"size": drawings.writer.model.config.image_size, "drawings": outlines}

    async def picture(self, request: schemas.PictureRequest) -> Response:
        drawings = await self._drawing_set(request)
        values, style = await self._sets.drawing(drawings, request.number)
        size = request.size
        if size is None and max(style.width, style.height) > schemas.MAX_SIDE:
            size = schemas.MAX_SIDE
        name = f"{drawings.model}-{request.number:03d}"
        if request.format == "svg":
            symbol = _symbol_style(style, "this model's drawings have no outline; ask for format png")
            text = await _run(self._rendering, lambda: outline_svg(values, symbol, size))
            return _file(text, "image/svg+xml", f"{name}.svg")
        content = await _run(self._rendering, lambda: png(style.render(values, size), runs=True))
        return _file(content, "image/png", f"{name}.png")

    async def energy(self, request: schemas.EnergyRequest) -> dict[str, Any]:
        recipe = schemas.DrawingSetRequest(model=request.model, exemplars=request.exemplars, seed=request.seed)
        drawings = await self._drawing_set(recipe)
        measured = await _run(
            self._preprocessing, lambda: self._load(drawings.writer, request.drawing, "the second drawing")
        )
        return await self._batcher.run(lambda: _free_energies(drawings, measured))

    async def collection(self, request: schemas.CollectionRequest) -> Response:
        content = await _run(self._preprocessing, lambda: pack(request.classes, self._limits))
        return _file(content, "application/zip", f"{ROOT}.zip")

    async def _drawing_set(self, request: schemas.DrawingSetRequest) -> DrawingSet:
        id = request.drawing_set if isinstance(request, schemas.SetMemberRequest) else None
        return self._sets.find(id) or await _run(self._preprocessing, lambda: self._sets.create(request, id))


async def _run(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def _file(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{re.sub("[^A-Za-z0-9.-]", "-", name)}"'}
    return Response(content, headers=headers, media_type=media_type)


def _symbol_style(style: RenderStyle, reason: str) -> SymbolStyle:
    if not isinstance(style, SymbolStyle):
        raise RequestError(400, reason)
    return style


def _traced(logits: np.ndarray, style: SymbolStyle, shown: RenderStyle) -> str:
    """The outline of a drawing in the frame of another style, that of the exemplar."""
    return outline(stroke_field(logits, style), style.within(shown), len(logits))


def _growth(drawings: DrawingSet, blocks: Sequence[SampleBatch]) -> dict[str, Any]:
    """The drawings after every step, and the windows that the model reads and writes through."""
    style = drawings.style
    canvases = np.concatenate([block.canvases for block in blocks])
    levels = np.stack([style.grow(drawing).levels for drawing in canvases])
    windows = {
        name: np.concatenate([getattr(block, name) for block in blocks]).astype(float).round(4).tolist()
        for name in ("write_windows", "read_windows")
    }
    frames = [own.within(style) for block in blocks for _, own in block.styled(style)]
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
        "ink": _colour(style, "ink"),
        "paper": _colour(style, "paper"),
        "growth": _base64(levels),
        "frames": np.array(frames).round(5).tolist(),
        **windows,
        "exemplars": [_preprocessed(exemplar) for exemplar in drawings.exemplars],
        "model_seconds": max(block.seconds for block in blocks),
    }


def _preprocessed(exemplar: Exemplar) -> dict[str, Any]:
    """An exemplar as the model sees it, and the square of the image that this is."""
    style = exemplar.style
    return {
        "width": style.width,
        "height": style.height,
        "frame": [round(float(side), 3) for side in style.frame],
        "drawing": _base64((exemplar.image * 255).round().astype(np.uint8)),
    }


def _colour(style: RenderStyle, part: str) -> str | None:
    """The colour of ink or paper as #rrggbb; transparent paper has the colour that it is shown on."""
    if not isinstance(style, SymbolStyle):
        return None
    red, green, blue = style.ground if part == "paper" else style.ink[:3]
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
