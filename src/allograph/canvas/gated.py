"""The canvases of the paper: additive, and gated by a convolutional recurrent unit."""

from __future__ import annotations

__all__ = ["AdditiveCanvas", "GatedCanvas"]

from collections.abc import Iterator
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.attention import Attention
from allograph.canvas.base import Canvas


@final
class AdditiveCanvas(Canvas):
    """``c_t = c_{t-1} + write(sprite_t, where_t)``.

    Addition commutes, so all T sprites are written and summed at once: no step waits for the one before.
    """

    def forward(self, attention: Attention, sprites: Tensor, where: Tensor) -> Tensor:
        return self.after(attention.write_all(sprites, where))

    def after(self, written: Float[Tensor, "batch channels size size"]) -> Float[Tensor, "batch parameters size size"]:
        """``f_o(c_T)`` for the sum of everything written."""
        return self.observe(self.first + written)

    def history(self, attention: Attention, sprites: Tensor, where: Tensor) -> Tensor:
        return self.observe(self.first + attention.write_each(sprites, where).cumsum(dim=1))


@final
class GatedCanvas(Canvas):
    """``c_t = CGRU(c_{t-1} + write(sprite_t, where_t))``, with, * a convolution,

        a = c_{t-1} + write(sprite_t, where_t),   u, r = sigmoid(W_ur * a + b_ur)
        c_t = u . a + (1 - u) . tanh(W_c * (r . a) + b_c)

    (Rezende et al., 2016, section 2.2 and appendix; a gated recurrent unit whose input is added to its state.) The
    writing of all steps is computed at once; only the unit runs step by step.
    """

    _KERNEL = 3

    def __init__(self, size: int, channels: int, parameters: int) -> None:
        super().__init__(size, channels, parameters)
        self.gates = nn.Conv2d(channels, 2 * channels, self._KERNEL, padding=self._KERNEL // 2)
        self.candidate = nn.Conv2d(channels, channels, self._KERNEL, padding=self._KERNEL // 2)
        with torch.no_grad():
            self.gates.bias.zero_()  # type: ignore[union-attr]
            self.gates.bias[:channels] = 5.0  # type: ignore[index]  # start near the additive canvas

    def forward(self, attention: Attention, sprites: Tensor, where: Tensor) -> Tensor:
        canvas = self.first
        for canvas in self._steps(attention, sprites, where):  # noqa: B007
            pass
        return self.observe(canvas)

    def history(self, attention: Attention, sprites: Tensor, where: Tensor) -> Tensor:
        return self.observe(torch.stack(list(self._steps(attention, sprites, where)), dim=1))

    def _steps(self, attention: Attention, sprites: Tensor, where: Tensor) -> Iterator[Tensor]:
        canvas = self.first
        for written in attention.write_each(sprites, where).unbind(dim=1):
            added = canvas + written
            update, reset = torch.sigmoid(self.gates(added)).chunk(2, dim=1)
            new = torch.tanh(self.candidate(reset * added))
            canvas = update * added + (1 - update) * new
            yield canvas
