"""A model as a drawing function for the critics: from one exemplar, several or none to drawings."""

from __future__ import annotations

__all__ = ["ContextDrawing", "DrawingFunction", "after_one", "check_drawings", "context_drawings_of", "drawings_of"]

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from allograph.generation.generator import Writer

DrawingFunction = Callable[[Tensor, int, int], Tensor]
"""(exemplars (B, 1, S, S), n, seed) -> n new drawings of each exemplar's character (B, n, 1, S, S), in [0, 1]."""

ContextDrawing = Callable[[Tensor | None, int, int], Tensor]
"""(contexts (B, K, 1, S, S), n, seed) -> n drawings from each context (B, n, 1, S, S), in [0, 1]; None is one empty
context: (1, n, 1, S, S)."""


def context_drawings_of(writer: Writer, temperature: float | None = None, *, whole: bool = False) -> ContextDrawing:
    """The drawing function of a writer: the mean of every pixel of the drawings that it shows or, with ``whole``, of
    samples of its whole model.

    A model that bends its exemplar shows the bent exemplar; others use the guidance on their card. ``temperature`` None
    is the card's, or 1 for the whole model.
    """
    mean = writer.model.likelihood.mean

    def draw(context: Tensor | None, n: int, seed: int) -> Tensor:
        batch = 1 if context is None else len(context)
        noise = writer.model.noise(batch * n, generator=torch.Generator().manual_seed(seed))
        noise = noise.unflatten(0, (batch, n))
        if not whole:
            return mean(writer.draw(context, noise, temperature).parameters)
        heat = 1.0 if temperature is None else temperature
        with torch.inference_mode():
            return mean(writer.model.sample(context, temperature=heat, noise=noise).parameters)

    return draw


def after_one(draw: ContextDrawing) -> DrawingFunction:
    """The same function for contexts of a single exemplar."""
    return lambda exemplars, n, seed: draw(exemplars[:, None], n, seed)


def drawings_of(writer: Writer, temperature: float | None = None, *, whole: bool = False) -> DrawingFunction:
    """`context_drawings_of`, from one exemplar each."""
    return after_one(context_drawings_of(writer, temperature, whole=whole))


def check_drawings(generated: Tensor, shape: Sequence[int]) -> None:
    """Raises ValueError for drawings that have another shape or are not ink coverage."""
    if tuple(generated.shape) != tuple(shape):
        raise ValueError(f"the writer returned shape {tuple(generated.shape)} where {tuple(shape)} was asked for")
    if not bool(((generated >= 0) & (generated <= 1)).all()):
        raise ValueError("the writer returned values outside [0, 1] (or NaN): drawings are ink coverage, not logits")
