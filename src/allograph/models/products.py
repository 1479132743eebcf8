"""Matrix products in float32 by oneDNN, where it is the faster library.

torch multiplies float32 matrices on x86 processors by MKL, which takes only the shorter half of the vector unit of a
processor that is not its maker's. oneDNN, which torch brings along for bfloat16 and convolutions, takes all of it: with
AVX-512 about twice as fast (`python -m benchmarks.suite --only products`; measured on Zen 5 alone). Both are float32
throughout and differ by rounding; oneDNN's is two to four times as large, less than 1e-5 of the results' mean size.
What is small, of another kind or on another device is multiplied as torch does.
"""

from __future__ import annotations

__all__ = ["Linear", "linear", "product"]

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

_LEAST = 2**20
"""Multiplications from which the call, some ten microseconds, is paid for."""


class Linear(nn.Linear):
    """``x W' + b``, as `torch.nn.Linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x W' + b`` of x (..., in), W (out, in) and b (out,), as `torch.nn.functional.linear`, differentiated once."""
    if torch.compiler.is_compiling() or not _is_for_onednn(x, weight) or torch.is_autocast_enabled("cpu"):
        return functional.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias)  # type: ignore[return-value]


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x W'`` of x (rows, in) and W (out, in), either of any strides, for use where no gradient is recorded."""
    return _multiply(x, weight) if _is_for_onednn(x, weight) else x @ weight.mT


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        flat, rows = gradient.reshape(-1, gradient.shape[-1]), x.reshape(-1, x.shape[-1])
        return (
            product(flat, weight.mT).reshape(x.shape) if needs_x else None,
            product(flat.mT, rows.mT) if needs_weight else None,
            flat.sum(dim=0) if needs_bias else None,
        )


def _is_for_onednn(x: Tensor, weight: Tensor) -> bool:
    """Shapes and kinds decide, and never a measurement: the same numbers come out of every run."""
    return (
        x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and x.numel() * len(weight) >= _LEAST
        and _has_onednn()
    )


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if not (weight.is_contiguous() or weight.mT.is_contiguous()):  # for part of a matrix it has but a slow way
        weight = weight.contiguous()
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@cache
def _has_onednn() -> bool:
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return wide and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
