"""Drawings without ink, or with a lone speck: finds them and makes others in their place."""

from __future__ import annotations

__all__ = ["ATTEMPTS", "are_blank", "without_blanks"]

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from allograph.generation.samples import SampleBatch, SampleRequest

if TYPE_CHECKING:
    from allograph.generation.generator import Writer

ATTEMPTS = 16
"""How often a blank drawing is made again. About one in four drawings of a dot is blank."""

_LEAST = 1.2
"""A drawing has at least the ink of this many dots of the model's pen..."""

_SHARE = 0.25
"""...or this share of the exemplars' mean ink, if that is less: a drawing of a dot may be a small dot."""

_PEN = 5 / 105
"""The pen's width, as a share of the image's side, of Omniglot's drawings."""


def are_blank(values: np.ndarray, exemplars: Sequence[np.ndarray]) -> np.ndarray:
    """Which of n drawings, logits of ink (n, C, S, S), show next to nothing, after exemplars (C, S, S) of 0 and 1."""
    dot = math.pi / 4 * max(_PEN * values.shape[-1], 1.3) ** 2
    least = _LEAST * dot
    if exemplars:
        least = min(least, _SHARE * float(np.mean([(one > 0.5).sum() for one in exemplars])))
    return (values > 0).sum((1, 2, 3)) < max(least, 1.0)


def without_blanks(
    writer: Writer, batch: SampleBatch, request: SampleRequest, *, temperature: float | None, history: bool
) -> SampleBatch:
    """The batch with every drawing that shows no ink, or a lone speck, made again from the next noise of its own
    (`SampleRequest.again`): drawing k still follows from its seed and k alone. Pictures stay as they are.
    """
    exemplars = [exemplar.image for exemplar in request.exemplars]
    if not writer.space.inked or request.again >= ATTEMPTS:
        return batch
    if not (blank := are_blank(batch.drawings, exemplars)).any():
        return batch
    again = replace(request, again=request.again + 1)
    (other,) = writer.draw_batches([again], temperature=temperature, history=history)
    return batch.replaced(blank, other)
