"""Batches of samples: a request to the model, its noise, and the result."""

from __future__ import annotations

__all__ = ["BATCH_SIZE", "SampleBatch", "SampleRequest", "check_amount", "noise_for", "noise_of"]

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from allograph.errors import AllographError
from allograph.generation.noise import normal, text_of
from allograph.generation.sizes import size_noise, sizes_of

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float

    from allograph.imaging import Exemplar, RenderStyle
    from allograph.models import GenerativeModel

BATCH_SIZE = 16
"""Number of drawings that the model makes at once."""

_DRAWINGS = range(1, 100_001)
_SIZES = range(8, 8193)


@dataclass(frozen=True)
class SampleBatch:
    """Up to `BATCH_SIZE` drawings from one exemplar or from nothing, as NumPy arrays over n drawings of C x S x S
    pixels.

    `RenderStyle.render` takes their values: logits of ink for symbols, intensities from 0 to 1 for pictures.

    Attributes:
        canvases: the canvas after each of T steps, (n, T, C, S, S); without history only after the last (T = 1).
        write_windows: where each step wrote, (n, T, 2, 3), window to image coordinates; (n, 0, 2, 3) without windows.
        read_windows: where each step read the exemplar, likewise.
        sizes: how many times as large as the model made it each drawing is shown, see `allograph.generation.sizes`.
        seconds: time that the model needed for the whole batch.
    """

    canvases: Float[np.ndarray, "n T C S S"]
    write_windows: Float[np.ndarray, "n written 2 3"]
    read_windows: Float[np.ndarray, "n looked 2 3"]
    sizes: Float[np.ndarray, " n"]
    seconds: float

    def first(self, count: int) -> SampleBatch:
        """The first n drawings of the batch."""
        keep = slice(0, max(0, count))
        return replace(
            self,
            canvases=self.canvases[keep],
            write_windows=self.write_windows[keep],
            read_windows=self.read_windows[keep],
            sizes=self.sizes[keep],
        )

    def replaced(self, where: np.ndarray, other: SampleBatch) -> SampleBatch:
        """The batch with the drawings `where` (n,) taken from another one."""

        def pick(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.where(where.reshape(-1, *[1] * (a.ndim - 1)), b, a)

        return SampleBatch(
            pick(self.canvases, other.canvases),
            pick(self.write_windows, other.write_windows),
            pick(self.read_windows, other.read_windows),
            self.sizes,
            self.seconds + other.seconds,
        )

    @property
    def drawings(self) -> Float[np.ndarray, "n C S S"]:
        """The finished drawings."""
        return self.canvases[:, -1]

    def styled(self, style: RenderStyle) -> list[tuple[np.ndarray, RenderStyle]]:
        """Each finished drawing with its own style, that of the exemplar for its size."""
        pairs = zip(self.drawings, self.sizes.tolist(), strict=True)
        return [(values, style.sized(values, size)) for values, size in pairs]


@dataclass(frozen=True)
class SampleRequest:
    """A request for a batch of drawings.

    Attributes:
        exemplars: drawings of one symbol, or of several symbols of one alphabet for a model that learned from such, or
            none for drawings from nothing. Their order does not matter: they are sorted.
        seed: seed of the noise.
        start: number of the batch's first drawing, counted from 0.
        again: how often these drawings were made before and showed nothing; other noise each time.
        change: two drawings of another symbol. What makes the second from the first is done to the exemplars.
    """

    exemplars: tuple[Exemplar, ...]
    seed: int = 0
    start: int = 0
    again: int = 0
    change: tuple[Exemplar, Exemplar] | None = None

    def __post_init__(self) -> None:
        # Not even rounding may depend on their order.
        object.__setattr__(self, "exemplars", tuple(sorted(self.exemplars, key=lambda one: _sha256(one.drawing))))

    def noise(self, shape: tuple[int, int]) -> Float[torch.Tensor, "batch steps latent"]:
        """The noise of each drawing, which depends only on seed, exemplars and number."""
        again = ("again", self.again) if self.again else ()
        return noise_for(shape, [(*key, *again) for key in self._keys])

    def sizes(self, variation: tuple[float, float], temperature: float) -> Float[np.ndarray, " batch"]:
        """How large each drawing is shown. The model itself knows how large drawings without exemplars are, and a
        change says it."""
        if not self.exemplars or self.change is not None:
            variation = 0.0, 0.0
        return sizes_of(variation, size_noise(self._keys), temperature)

    @property
    def _keys(self) -> list[tuple[object, ...]]:
        """The name of each drawing."""
        drawn = [_sha256(exemplar.drawing) for exemplar in self.exemplars]
        about = ("write", self.seed, *drawn) if drawn else ("invent", self.seed)
        return [(*about, self.start + k) for k in range(BATCH_SIZE)]


def noise_of(model: GenerativeModel, request: SampleRequest) -> Float[torch.Tensor, "batch steps latent"]:
    """The noise of a request; for a change, the noise with which the prior draws the second drawing after the first."""
    import torch

    noise = request.noise(model.noise_shape)
    if request.change is None:
        return noise
    before, after = (torch.from_numpy(exemplar.image)[None] for exemplar in request.change)
    bent = torch.zeros(1, dtype=torch.bool) if model.bends_ink else None
    with torch.inference_mode():
        return model.infer(after, before[None], noise, ink=bent).prior_noise


def check_amount(n: int, size: int | None) -> None:
    """Refuse a number of drawings or a size (pixels) that is out of range."""
    if n not in _DRAWINGS:
        raise AllographError(f"cannot make {n} drawings; ask for {_DRAWINGS[0]} to {_DRAWINGS[-1]}")
    if size is not None and size not in _SIZES:
        raise AllographError(f"cannot make drawings of {size} pixels; choose a size from {_SIZES[0]} to {_SIZES[-1]}")


def noise_for(shape: tuple[int, int], keys: Iterable[tuple[object, ...]]) -> Float[torch.Tensor, "keys steps latent"]:
    """The standard normal numbers, of this shape, of one drawing for each key; see `allograph.generation.noise`."""
    import torch

    count = shape[0] * shape[1]
    return torch.stack([torch.from_numpy(normal(text_of(key), count)).view(shape) for key in keys])


def _sha256(drawing: np.ndarray) -> str:
    return hashlib.sha256(drawing.tobytes()).hexdigest()
