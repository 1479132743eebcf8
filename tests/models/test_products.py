"""Matrix products by oneDNN: torch's but for rounding, with the same gradients, and only where they are meant."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from allograph.models.products import Linear, linear, product

ROWS, INPUTS, OUTPUTS = 64, 200, 150
HERE = torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.backends.mkldnn.is_available()
"""Whether this processor is one that oneDNN is taken for."""


class Called(TorchDispatchMode):
    """The names of all operations within."""

    def __enter__(self) -> Called:
        self.names: list[str] = []
        super().__enter__()
        return self

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))

    @property
    def onednn(self) -> bool:
        return any("mkldnn" in name for name in self.names)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(ROWS,), (4, 16), ()], ids=str)
def test_values_and_gradients_are_those_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    inputs = 200 * INPUTS if not shape else INPUTS  # a single row has to be long
    given = [random(*shape, inputs), random(OUTPUTS, inputs, seed=1), *([random(OUTPUTS, seed=2)] if bias else [])]
    weight = random(*shape, OUTPUTS, seed=3)
    results = []
    for function in (linear, functional.linear):
        leaves = [one.clone().requires_grad_() for one in given]
        out = function(*leaves)
        results.append([out.detach(), *torch.autograd.grad((out * weight).sum(), leaves)])
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        assert_close(ours, theirs, rtol=1e-4, atol=2e-4 * float(theirs.abs().max()))


def test_only_the_gradients_asked_for_are_computed() -> None:
    x, layer = random(ROWS, INPUTS), Linear(INPUTS, OUTPUTS)
    layer.weight.requires_grad_(False)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    assert_close(layer.bias.grad, torch.full((OUTPUTS,), float(ROWS)))


def strided(x: Tensor) -> list[Tensor]:
    """The same matrix, laid out in several ways; the last two are part of a larger one."""
    wide = functional.pad(x, (5, 7))
    tall = functional.pad(x, (0, 0, 3, 4))
    return [x, x.mT.contiguous().mT, wide[:, 5:-7], tall.mT.contiguous().mT[3:-4]]


def test_any_strides_give_the_same() -> None:
    x, weight = random(ROWS, INPUTS), random(OUTPUTS, INPUTS, seed=1)
    expected = x.double() @ weight.double().mT
    for one in strided(x):
        for other in strided(weight):
            with Called() as called:
                found = product(one, other)
            assert_close(found.double(), expected, rtol=1e-4, atol=1e-3)
            assert called.onednn == HERE


@pytest.mark.parametrize("case", ["small", "float64", "bfloat16", "autocast", "nothing"])
def test_what_is_small_or_of_another_kind_is_left_to_torch(case: str) -> None:
    dtype = {"float64": torch.float64, "bfloat16": torch.bfloat16}.get(case, torch.float32)
    inputs = {"small": 3, "nothing": 0}.get(case, INPUTS)
    x, weight = random(ROWS, inputs, dtype=dtype), random(OUTPUTS, inputs, seed=1, dtype=dtype)
    with Called() as called, torch.autocast("cpu", dtype=torch.bfloat16, enabled=case == "autocast"):
        found = linear(x, weight)
    assert not any("_linear_pointwise" in name for name in called.names)
    assert found.dtype == (torch.bfloat16 if case == "autocast" else dtype)
    assert torch.equal(found, functional.linear(x.to(found.dtype), weight.to(found.dtype)))


@pytest.mark.skipif(not HERE, reason="this processor has no AVX-512, so torch multiplies all of it")
def test_a_layer_of_a_model_is_multiplied_by_onednn() -> None:
    with Called() as called:
        Linear(INPUTS, OUTPUTS)(random(ROWS, INPUTS)).sum().backward()
    assert sum("_linear_pointwise" in name for name in called.names) == 2  # forwards, and the weights' gradient


def test_the_same_rows_give_the_same_bits() -> None:
    x, weight = random(ROWS, INPUTS), random(OUTPUTS, INPUTS, seed=1)
    assert torch.equal(product(x, weight), product(x.clone(), weight.clone()))
