"""The writer: one exemplar of a symbol in, new drawings of it out, without touching a file.

Drawing k of an exemplar depends on (weights, exemplar, seed, temperature, k) and on nothing else: not on how many
drawings are asked for, not on the other images of the call. Its noise follows from a hash of (seed, exemplar, k). And
because a matrix product may round differently at another number of rows, the model always draws a whole block.
"""

from __future__ import annotations

__all__ = ["BLOCK", "Block", "Ink", "Writer", "noise_for"]

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from allograph.errors import AllographError

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from PIL import Image

    from allograph.imaging import Exemplar
    from allograph.models.base import Drawings
    from allograph.models.sequential import SequentialConfig, SequentialModel

Ink = Literal["auto", "dark", "light"]
"""Which of an image's two tones is the ink; `auto` finds out."""

BLOCK = 16
"""Drawings that the model makes at once."""

_DRAWINGS = range(1, 100_001)
_SIZES = range(8, 8193)
_TEMPERATURES = (0.0, 2.0)


@dataclass(frozen=True)
class Block:
    """Up to `BLOCK` drawings of one exemplar, as NumPy arrays over its n drawings, T steps and S x S pixels.

    Attributes:
        logits: the finished drawings, logits of ink, (n, S, S).
        canvases: the canvas after every step, logits, (n, T, S, S); after the last alone without history.
        write_windows: where each step wrote, (n, T, 2, 3), window to image coordinates.
        read_windows: where each step read the exemplar, (n, T, 2, 3).
        seconds: time that the model took for the whole block.
    """

    logits: Float[np.ndarray, "n S S"]
    canvases: Float[np.ndarray, "n T S S"]
    write_windows: Float[np.ndarray, "n T 2 3"]
    read_windows: Float[np.ndarray, "n T 2 3"]
    seconds: float


@dataclass(frozen=True)
class Writer:
    """A model that writes new drawings of a symbol after one exemplar; `allograph.load` makes it.

    Attributes:
        model: the generative model, on the CPU, in evaluation mode.
        card: its model card.
        sha256: hash of the weights file, which names the weights without doubt.
    """

    model: SequentialModel
    card: Mapping[str, Any]
    sha256: str

    @overload
    def write(
        self,
        image: Image.Image | np.ndarray | Path | str,
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[Image.Image]: ...

    @overload
    def write(
        self,
        image: Sequence[Image.Image | np.ndarray | Path | str],
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[list[Image.Image]]: ...

    def write(
        self,
        image: Image.Image | np.ndarray | Path | str | Sequence[Image.Image | np.ndarray | Path | str],
        n: int = 16,
        *,
        seed: int = 0,
        temperature: float | None = None,
        size: int | None = None,
        ink: Ink = "auto",
    ) -> list[Image.Image] | list[list[Image.Image]]:
        """Write n new drawings of the symbol in an image, each with the image's size, ink colour and background.

        Args:
            image: a PIL image, an array (grey or colour) or a file; or a list of them, which gives a list of lists.
            n: number of drawings of each image.
            seed: same seed, same drawings.
            temperature: scale of the noise; below 1 the drawings vary less; None takes the weights' own choice.
            size: the longer side of the drawings in pixels; None keeps the image's size.
            ink: `dark` or `light` where the ink is not found by itself.

        Raises:
            AllographError: an argument out of range, or an image that cannot be used.
        """
        from allograph.imaging import render, take_in

        self.check(n, temperature, size)
        if isinstance(image, Sequence) and not isinstance(image, str):
            return [self.write(one, n, seed=seed, temperature=temperature, size=size, ink=ink) for one in image]
        exemplar = take_in(image, self.model.config.image_size, ink)
        return [
            render(logits, exemplar.appearance, size)
            for block in self.blocks(exemplar, n, seed=seed, temperature=temperature)
            for logits in block.logits
        ]

    def blocks(
        self, exemplar: Exemplar, n: int, *, seed: int = 0, temperature: float | None = None, history: bool = False
    ) -> Iterator[Block]:
        """The first n drawings of an exemplar, block after block; with the canvas of every step if `history`."""
        import torch

        context = torch.from_numpy(exemplar.drawing)[None, None, None]
        content = hashlib.sha256(exemplar.drawing.tobytes()).hexdigest()
        for first in range(0, n, BLOCK):
            noise = noise_for(self.model.config, [("write", seed, content, first + k) for k in range(BLOCK)])
            started = time.perf_counter()
            drawn = self.draw(context, noise[None], temperature, history=history)
            seconds = time.perf_counter() - started
            keep = slice(0, n - first)
            yield Block(
                logits=drawn.logits[0, keep, 0].numpy(),
                canvases=drawn.canvases[0, keep, :, 0].numpy(),
                write_windows=drawn.write_windows[0, keep].numpy(),
                read_windows=drawn.read_windows[0, keep].numpy(),
                seconds=seconds,
            )

    def draw(
        self,
        context: Float[torch.Tensor, "batch count 1 S S"],
        noise: Float[torch.Tensor, "batch n steps latent"],
        temperature: float | None = None,
        *,
        history: bool = False,
    ) -> Drawings:
        """Drawings as a person is shown them: the exemplar bent, crisp, nothing written beside it."""
        import torch

        temperature = self.temperature_for(temperature)
        with torch.inference_mode():
            return self.model.sample(
                context,
                temperature=temperature,
                ink=False,
                crisp=True,
                history=history,
                noise=noise,
            )

    def check(self, n: int, temperature: float | None, size: int | None) -> None:
        """Refuse a number of drawings, a temperature or a size (pixels) that makes no sense."""
        if n not in _DRAWINGS:
            raise AllographError(f"{n} drawings cannot be made; ask for {_DRAWINGS[0]} to {_DRAWINGS[-1]}")
        if size is not None and size not in _SIZES:
            raise AllographError(
                f"drawings of {size} pixels cannot be made; take a size of {_SIZES[0]} to {_SIZES[-1]}"
            )
        self.temperature_for(temperature)

    def temperature_for(self, temperature: float | None) -> float:
        """The temperature to use: the one asked for, else the one on the model's card, else 1."""
        chosen = float(self.card.get("temperature", 1.0)) if temperature is None else temperature
        low, high = _TEMPERATURES
        if not low < chosen <= high:
            raise AllographError(f"temperature {chosen} is out of range; take one above {low:g}, {high:g} at most")
        return chosen


def noise_for(config: SequentialConfig, keys: Iterable[tuple[object, ...]]) -> Float[torch.Tensor, "keys steps latent"]:
    """The standard normal numbers of one drawing for each key: a hash of the key is their seed."""
    import torch

    def one(key: tuple[object, ...]) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:8], "little") >> 1
        return torch.randn(config.steps, config.latent, generator=torch.Generator().manual_seed(seed))

    return torch.stack([one(key) for key in keys])
