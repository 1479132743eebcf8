"""The interface of a hidden canvas that steps write on."""

from __future__ import annotations

__all__ = ["Canvas"]

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allograph.attention import Attention


class Canvas(nn.Module, ABC):
    """``c_t = f_c(c_{t-1}, h_t)`` with hidden channels, and ``f_o``, a 1 x 1 convolution from ``c_T`` to the
    likelihood's parameters (Rezende et al., 2016, equations 6 and 7).

    Args:
        size: side in pixels.
        channels: hidden channels.
        parameters: number of the likelihood's parameters for each pixel.
    """

    def __init__(self, size: int, channels: int, parameters: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(channels, size, size))
        self.output = nn.Conv2d(channels, parameters, 1)
        with torch.no_grad():  # start with one hidden channel for each parameter, as far as they go
            self.output.weight.mul_(0.1)
            self.output.weight[:, :, 0, 0].diagonal().add_(1.0)

    @abstractmethod
    def forward(
        self,
        attention: Attention,
        sprites: Float[Tensor, "batch steps channels patch patch"],
        where: Float[Tensor, "batch steps numbers"],
    ) -> Float[Tensor, "batch parameters size size"]:
        """``f_o(c_T)`` after all steps have written their sprites."""

    @abstractmethod
    def history(
        self,
        attention: Attention,
        sprites: Float[Tensor, "batch steps channels patch patch"],
        where: Float[Tensor, "batch steps numbers"],
    ) -> Float[Tensor, "batch steps parameters size size"]:
        """``f_o(c_t)`` after each step, t = 1..T: the drawing as it grows."""

    def observe(
        self, canvas: Float[Tensor, "*batch channels size size"]
    ) -> Float[Tensor, "*batch parameters size size"]:
        """``f_o(c)``, as a matrix product over channels, which is many times faster here than a convolution."""
        # In full precision: the canvas is a sum of many steps, and any loss here reaches the likelihood.
        with torch.autocast(canvas.device.type, enabled=False):
            weight, bias = self.output.weight[:, :, 0, 0], self.output.bias
            return (weight @ canvas.flatten(-2) + bias[:, None]).unflatten(-1, canvas.shape[-2:])  # type: ignore[index]

    @torch.no_grad()
    def begin_with(self, parameters: Float[Tensor, "parameters size size"]) -> None:
        """Sets the first canvas so that without any writing it gives about these parameters."""
        self.output.bias.copy_(parameters.mean(dim=(-2, -1)))  # type: ignore[union-attr]
        rest = (parameters - parameters.mean(dim=(-2, -1), keepdim=True)).flatten(1)
        solution = torch.linalg.lstsq(self.output.weight[:, :, 0, 0].float(), rest.float()).solution
        self.first.copy_(solution.view_as(self.first))
