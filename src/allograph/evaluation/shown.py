"""A writer's drawings as people see them, as a function from exemplars to drawings of the data set's own kind."""

from __future__ import annotations

__all__ = ["ShownDrawings"]

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from allograph.errors import AllographError
from allograph.generation.sizes import sizes_of

if TYPE_CHECKING:
    from allograph.generation.generator import Writer
    from allograph.imaging import Exemplar

_SURE = 8.0
"""The logit of ink where there certainly is some."""


@dataclass
class ShownDrawings:
    """Makes drawings as `Writer.write` and `allograph augment` do; a `DrawingFunction` for images 0 to 1.

    If the exemplars are the model's own images (``direct``), so are the drawings: ink where a pixel's logit is above 0,
    the edge of a rendered stroke, or for pictures the mean of each pixel. Other exemplars are pictures of a symbol with
    their own size, tone and stroke, with ink = 1: they are preprocessed like a user's files, and the drawings are
    rendered like them. An exemplar that cannot be used is repeated and counted.

    Attributes:
        refused: number of exemplars so far that could not be used.
    """

    writer: Writer
    temperature: float | None
    direct: bool
    refused: int = 0

    def __call__(self, exemplars: Float[Tensor, "B C S S"], n: int, seed: int) -> Float[Tensor, "B n C S S"]:
        """``n`` drawings of each exemplar."""
        return self.together(exemplars[:, None], n, seed)

    def together(self, contexts: Float[Tensor, "B K C S S"], n: int, seed: int) -> Float[Tensor, "B n C S S"]:
        """``n`` drawings of each symbol after its K exemplars at once, with the looks of the first that can be used."""
        generator = torch.Generator().manual_seed(seed)
        noise = self.writer.model.noise(len(contexts) * n, generator=generator)
        noise = noise.unflatten(0, (len(contexts), n))
        if self.direct:
            values = torch.from_numpy(self.values(contexts, noise))
            return (values > 0).float() if self.writer.space.inked else values.clamp(0, 1)
        normals = torch.randn(len(contexts), n, generator=generator).double().numpy()
        sizes = sizes_of(self.writer.card.size_variation, normals, self.writer.temperature_for(self.temperature))
        parts = zip(contexts, noise, sizes, strict=True)
        return torch.stack([self._rendered(context[:, 0], own, size) for context, own, size in parts])

    def values(self, context: Float[Tensor, "B K C S S"], noise: Float[Tensor, "B n T Z"]) -> np.ndarray:
        """The values that `RenderStyle.render` takes, (B, n, C, S, S)."""
        return self.writer.values(self.writer.draw(context, noise, self.temperature).parameters)

    def again(self, drawings: Float[Tensor, "n 1 S S"]) -> Float[Tensor, "n 1 S S"]:
        """Drawings of a symbol, read and rendered again, with nothing generated."""
        taken = [(one, self._taken(one[0])) for one in drawings]
        ones = np.ones(1)
        return torch.cat(
            [one[None] if t is None else _pictures(t, [_SURE * (2 * t.image - 1)], ones) for one, t in taken]
        )

    def _rendered(
        self, exemplars: Float[Tensor, "K S S"], noise: Float[Tensor, "n T Z"], sizes: Float[np.ndarray, " n"]
    ) -> Float[Tensor, "n 1 S S"]:
        taken = [one for one in map(self._taken, exemplars) if one is not None]
        if not taken:
            return exemplars[:1, None].expand(len(noise), -1, -1, -1)
        seen = torch.stack([torch.from_numpy(one.image) for one in taken])
        return _pictures(taken[0], self.values(seen[None], noise[None])[0], sizes)

    def _taken(self, drawing: Float[Tensor, "S S"]) -> Exemplar | None:
        """The drawing as the model sees it; None, and counted, if it cannot be used."""
        pixels = (255 * drawing).round().to(torch.uint8).numpy()
        try:
            # A picture, not an array: an array's values are not tones and would be drawn black on white.
            return self.writer.space.preprocess(Image.fromarray(pixels), "light")
        except AllographError:
            self.refused += 1
            return None


def _pictures(
    taken: Exemplar, values: Iterable[np.ndarray], sizes: Float[np.ndarray, " n"]
) -> Float[Tensor, "n 1 S S"]:
    """The drawings with these values as pictures like the exemplar's, `sizes` times as large as the model made them."""
    styles = ((one, taken.style.sized(one, size)) for one, size in zip(values, sizes.tolist(), strict=True))
    pictures = [np.asarray(style.render(one).convert("L"), np.float32) for one, style in styles]
    return torch.from_numpy(np.stack(pictures))[:, None] / 255
