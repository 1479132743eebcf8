"""The same model without one optimisation or another: what each of them earns."""

from __future__ import annotations

__all__ = ["PRODUCTS", "WITHOUT", "PlainGlances", "without"]

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from allograph.attention import Attention, SeparableTransformer, separable, spatial
from allograph.attention.separable import SeparableAttention
from allograph.models import products, sequential, stepping
from allograph.models.plain_step import PlainRecurrence


class PlainGlances:
    """Called as `Glances` is: one attention after the other."""

    def __init__(self, attentions: Sequence[Attention]) -> None:
        self.attentions = attentions

    def __call__(self, hidden: Tensor, images: Tensor) -> Tensor:
        seen = []
        for place, attention in enumerate(self.attentions):
            where = attention(hidden)
            last = place == len(self.attentions) - 1
            of = images[:, place:] if last else images[:, place : place + 1]
            patches = [attention.read(image, where).flatten(1) for image in of.unbind(dim=1)]
            seen.append(torch.cat([torch.stack(patches).mean(dim=0), where], dim=-1))
        return torch.stack(seen, dim=1)


def _dense_kernel(place: Tensor, size: int) -> Tensor:
    pixel = ((place + 1) * size - 1) / 2
    return torch.relu(1 - (pixel[..., None] - torch.arange(size, dtype=place.dtype)).abs())


def _written_by_each_step(self: Attention, patches: Tensor, where: Tensor) -> Tensor:
    """In the loop's order: no product over steps."""
    pairs = zip(patches.unbind(dim=1), where.unbind(dim=1), strict=True)
    return torch.stack([self.write(patch, place) for patch, place in pairs]).sum(dim=0)


PRODUCTS = "float32 products by oneDNN"
"""The plain reference does without them, too: it multiplies as torch does."""

WITHOUT: dict[str, list[tuple[Any, str, Any]]] = {
    "the step's own gradient": [(stepping, "Recurrence", PlainRecurrence)],
    "all windows at once": [(sequential, "Glances", PlainGlances)],
    "reading by four taps": [(SeparableTransformer, "read", SeparableAttention.read)],
    "kernels of two weights": [
        (separable, "bilinear_kernel", _dense_kernel),
        (spatial, "bilinear_kernel", _dense_kernel),
    ],
    PRODUCTS: [(products, "_is_for_onednn", lambda x, weight: False)],
    "writing all steps at once": [(SeparableAttention, "write_all", _written_by_each_step)],
}
"""Name of an optimisation to what stands in its place: (where, name, plain)."""


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Within, these optimisations are off."""
    with ExitStack() as stack:
        for name in names:
            for owner, attribute, plain in WITHOUT[name]:
                stack.enter_context(patch.object(owner, attribute, plain))
        yield
