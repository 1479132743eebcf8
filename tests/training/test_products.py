"""Sums of products become one product, and stay what they were."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from allograph.training.products import SumsOfProducts

STEPS = 8


def gradients(total: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    return lambda *leaves: torch.autograd.grad(total(*leaves), leaves)


def recurrence(weight: Tensor, second: Tensor, x: Tensor) -> Tensor:
    """Two maps of one state, in turn."""
    for _ in range(STEPS):
        x = torch.tanh(x @ weight) + torch.sigmoid(x @ second)
    return x.sum()


def separate(weight: Tensor, second: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(torch.tanh(x @ weight) @ second).sum()


def products_of(graph: GraphModule) -> int:
    return sum(node.target is torch.ops.aten.mm.default for node in graph.graph.nodes)


def traced(function: Callable[..., tuple[Tensor, ...]], leaves: list[Tensor]) -> GraphModule:
    return make_fx(function, tracing_mode="fake")(*leaves)


@pytest.fixture
def leaves() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = (5, 5), (5, 5), (3, 5)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def test_weights_of_a_loop_get_their_gradient_by_one_product_each(leaves: list[Tensor]) -> None:
    graph = traced(gradients(recurrence), leaves)
    before = products_of(graph)
    SumsOfProducts()(graph.graph)
    graph.recompile()
    # Two a step forwards; of the weights' gradients two in all. The state's gradient is one, of both maps.
    assert before == 6 * STEPS
    assert products_of(graph) == 2 * STEPS + STEPS + 2
    for found, expected in zip(graph(*leaves), gradients(recurrence)(*leaves), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_what_is_not_added_stays(leaves: list[Tensor]) -> None:
    graph = traced(gradients(separate), leaves)
    code = graph.code
    SumsOfProducts()(graph.graph)
    graph.recompile()
    for found, expected in zip(graph(*leaves), gradients(separate)(*leaves), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert products_of(graph) == code.count("aten.mm.default")


def test_a_product_that_something_else_needs_stays() -> None:
    def both(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        first = a @ b
        return first, first + b @ a

    a, b = torch.arange(4.0).view(2, 2), torch.ones(2, 2)
    graph = make_fx(both, tracing_mode="fake")(a, b)
    SumsOfProducts()(graph.graph)
    graph.recompile()
    assert products_of(graph) == 2
    for found, expected in zip(graph(a, b), both(a, b), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_types_are_kept() -> None:
    convert = torch.ops.prims.convert_element_type

    def mixed(a: Tensor, b: Tensor) -> Tensor:
        low_a, low_b = convert(a, torch.bfloat16), convert(b, torch.bfloat16)
        return convert(low_a @ low_b, torch.float32) + convert((low_a.mT @ low_b.mT).mT, torch.float32).mT.mT + a

    a, b = torch.eye(4) * 3, torch.arange(16.0).view(4, 4)  # exact in bfloat16
    graph = make_fx(mixed, tracing_mode="fake")(a, b)
    SumsOfProducts()(graph.graph)
    graph.recompile()
    torch.testing.assert_close(graph(a, b), mixed(a, b), rtol=0, atol=0)
