"""What the studio does for its clients: requests held against the description come in, plain values go out."""

from __future__ import annotations

__all__ = ["Desk", "File", "Gone"]

import asyncio
import base64
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageDraw

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.generation.samples import BATCH_SIZE, SampleBatch, SampleRequest, noise_for
from allograph.imaging import Appearance, Exemplar, SymbolAppearance, outline, outline_svg
from allograph.imaging.render import stroke_field
from allograph.runtime.files import png
from allograph.studio.batching import Batcher
from allograph.studio.collecting import ROOT, pack
from allograph.studio.images import Intake, Recent
from allograph.studio.limits import Limits
from allograph.studio.refusals import Refusal
from allograph.studio.shelf import Shelf

Result = TypeVar("Result")
Gone = Callable[[], Awaitable[bool]]
"""Whether the client has left in the meantime."""

_SAMPLES = 16
"""Draws of the latents over which a free energy is averaged."""

_REMEMBERED = 48
"""Blocks of finished drawings that are kept, so that what is traced or saved is what was shown."""


@dataclass(frozen=True)
class File:
    """A file to be sent."""

    content: bytes
    media_type: str
    name: str


@dataclass(frozen=True)
class _Order:
    """Which drawings: those of a model after exemplars, by seed and temperature."""

    writer: Writer
    name: str
    exemplars: tuple[Exemplar, ...]
    seed: int
    temperature: float

    @property
    def appearance(self) -> Appearance:
        return self.exemplars[0].appearance if self.exemplars else self.writer.space.plain

    def wish(self, start: int) -> SampleRequest:
        return SampleRequest(self.exemplars, self.seed, start)

    def key(self, start: int) -> object:
        drawn = tuple(exemplar.drawing.tobytes() for exemplar in self.exemplars)
        return self.writer.sha256, hash(drawn), self.seed, self.temperature, start


class Desk:
    """One for each server; `close` ends its threads."""

    def __init__(self, shelf: Shelf, limits: Limits) -> None:
        self.shelf, self.limits = shelf, limits
        self.batcher = Batcher(limits.rows)
        self._take_in = Intake(limits)
        self._finished: Recent[np.ndarray] = Recent(_REMEMBERED)
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="allograph-intake")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="allograph-tracing")

    def close(self) -> None:
        self.batcher.close()
        for pool in (self._quick, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)

    async def warm_up(self) -> None:
        """Does everything once with the first model, so that the first stroke's drawings come as fast as later ones."""
        asked = {"exemplars": [{"image": _warm_up_image(), "ink": "auto"}]}
        if not self.shelf.writer().model.conditional:
            asked = {}

        async def here() -> bool:
            return False

        with suppress(Refusal):
            await self.write(asked, here)
            await self.picture({**asked, "number": 1}, here)
            await self.outlines({**asked, "numbers": [1]}, here)

    # ---------------------------------------------------------------- what can be asked

    async def write(self, asked: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
        order = await self._order(asked)
        n = asked.get("n", BATCH_SIZE)
        if await gone():
            raise Refusal(499, "the client has left")
        starts = range(0, n, BATCH_SIZE)
        blocks = await self.batcher.draw(order.writer, [order.wish(start) for start in starts], order.temperature)
        for start, block in zip(starts, blocks, strict=True):
            self._finished.put(order.key(start), block.drawings)
        kept = [block.first(n - start) for start, block in zip(starts, blocks, strict=True)]
        return await self._in(self._quick, lambda: _growing(order, kept))

    async def outlines(self, asked: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
        order = await self._order(asked)
        appearance = order.appearance
        if not isinstance(appearance, SymbolAppearance):
            raise Refusal(400, "this model's drawings are pictures, which have no outline")
        drawings = []
        for number in asked["numbers"]:
            values = await self._drawing(order, number)
            if await gone():
                raise Refusal(499, "the client has left")
            trace = _tracing(values, appearance)
            drawings.append({"number": number, "path": await self._in(self._slow, trace)})
        return {"size": order.writer.model.config.image_size, "drawings": drawings}

    async def picture(self, asked: Mapping[str, Any], gone: Gone) -> File:
        order = await self._order(asked)
        values = await self._drawing(order, asked["number"])
        appearance, size = order.appearance, asked.get("size")
        if size is None and max(appearance.width, appearance.height) > self.limits.side:
            size = self.limits.side
        name = f"{order.name}-{asked['number']:03d}"
        if asked.get("format", "png") == "svg":
            if not isinstance(appearance, SymbolAppearance):
                raise Refusal(400, "this model's drawings are pictures, which have no outline; ask for png")
            text = await self._in(self._slow, lambda: outline_svg(values, appearance, size))
            return File(text.encode(), "image/svg+xml", f"{name}.svg")
        content = await self._in(self._slow, lambda: _png(values, appearance, size))
        return File(content, "image/png", f"{name}.png")

    async def energy(self, asked: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
        order = await self._order(asked)
        judged = await self._in(
            self._quick, lambda: self._take_in(order.writer, asked["drawing"], "the drawing to be judged")
        )
        return await self.batcher.run(lambda: _energies(order, judged))

    async def collection(self, asked: Mapping[str, Any], gone: Gone) -> File:
        content = await self._in(self._quick, lambda: pack(asked["classes"], self.limits))
        return File(content, "application/zip", f"{ROOT}.zip")

    async def models(self) -> dict[str, Any]:
        return {"models": await self._in(self._quick, self.shelf.describe)}

    # ---------------------------------------------------------------- how

    async def _order(self, asked: Mapping[str, Any]) -> _Order:
        return await self._in(self._quick, lambda: self._read(asked))

    def _read(self, asked: Mapping[str, Any]) -> _Order:
        name = asked.get("model", self.shelf.names[0])
        wanted = asked.get("exemplars", [])
        try:
            writer = self.shelf.writer(name)
            temperature = writer.temperature_for(asked.get("temperature"))
            if wanted:
                for one in wanted:
                    writer.check_exemplar(one.get("ink", "auto"))
        except AllographError as error:
            raise Refusal(400, str(error)) from error
        names = ["the image"] if len(wanted) == 1 else [f"image {number}" for number in range(1, len(wanted) + 1)]
        exemplars = tuple(self._take_in(writer, *pair) for pair in zip(wanted, names, strict=True))
        return _Order(writer, name, exemplars, asked.get("seed", 0), temperature)

    async def _drawing(self, order: _Order, number: int) -> np.ndarray:
        """The finished drawing of this number, as it was shown where it was shown lately."""
        start = (number - 1) // BATCH_SIZE * BATCH_SIZE
        drawings = self._finished.get(order.key(start))
        if drawings is None:
            (block,) = await self.batcher.draw(order.writer, [order.wish(start)], order.temperature)
            drawings = block.drawings
            self._finished.put(order.key(start), drawings)
        return drawings[number - 1 - start]

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def _warm_up_image() -> str:
    picture = Image.new("RGBA", (320, 320))
    ImageDraw.Draw(picture).line([(90, 70), (100, 240), (220, 220)], (0, 0, 0, 255), 11)
    return base64.b64encode(png(picture)).decode()


def _tracing(values: np.ndarray, appearance: SymbolAppearance) -> Callable[[], str]:
    return lambda: outline(stroke_field(values[0], appearance))


def _png(values: np.ndarray, appearance: Appearance, size: int | None) -> bytes:
    return png(appearance.render(values, size), runs=True)


def _growing(order: _Order, blocks: Sequence[SampleBatch]) -> dict[str, Any]:
    """Drawings as they grow, and the windows through which the model looked and wrote."""
    canvases = np.concatenate([block.canvases for block in blocks])
    levels = np.stack([order.appearance.grow(drawing).levels for drawing in canvases])
    windows = {
        name: np.concatenate([getattr(block, name) for block in blocks]).astype(float).round(4).tolist()
        for name in ("write_windows", "read_windows")
    }
    n, steps, channels, size, _ = levels.shape
    return {
        "model": order.name,
        "sha256": order.writer.sha256,
        "seed": order.seed,
        "temperature": order.temperature,
        "n": n,
        "steps": steps,
        "channels": channels,
        "size": size,
        "inked": order.writer.space.inked,
        "ink": _colour(order.appearance, "ink"),
        "paper": _colour(order.appearance, "paper"),
        "growth": _base64(levels),
        **windows,
        "exemplars": [_seen(exemplar) for exemplar in order.exemplars],
        "model_seconds": max(block.seconds for block in blocks),
    }


def _seen(exemplar: Exemplar) -> dict[str, Any]:
    """An exemplar as the model sees it, and the square of the picture that it is."""
    appearance = exemplar.appearance
    return {
        "width": appearance.width,
        "height": appearance.height,
        "frame": [round(float(side), 3) for side in appearance.frame],
        "drawing": _base64((exemplar.image * 255).round().astype(np.uint8)),
    }


def _colour(appearance: Appearance, part: str) -> str | None:
    """The colour of ink or paper as #rrggbb; of a transparent sheet that of the ground on which it is shown."""
    if not isinstance(appearance, SymbolAppearance):
        return None
    red, green, blue = appearance.ground if part == "paper" else appearance.ink[:3]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _energies(order: _Order, judged: Exemplar) -> dict[str, Any]:
    """Free energy of a drawing given the exemplars, and without them, means over draws of the latents, nats."""
    import torch

    model = order.writer.model
    noise = noise_for(model.noise_shape, [("energy", order.seed, k) for k in range(_SAMPLES)])
    image = torch.from_numpy(judged.image)[None]
    contexts: dict[str, torch.Tensor | None] = {"without": None}
    if order.exemplars:
        contexts["given"] = torch.stack([torch.from_numpy(one.image) for one in order.exemplars])[None]
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
