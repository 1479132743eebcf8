"""A compiler pass over a graph: it turns sums of products into one product.

In the backward pass through a loop, the gradient of a weight is a sum of small products, one for each step; the
gradient of an input of two maps is a sum of two. ``sum_i A_i B_i = [A_1 A_2 ...] [B_1; B_2; ...]`` is one product over
the sum of the inner lengths, which a processor computes several times faster and rounds once.
"""

from __future__ import annotations

__all__ = ["SumsOfProducts"]

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import partial, reduce
from typing import Any, final

import torch
from torch._inductor.custom_graph_pass import CustomGraphPass, get_hash_for_files
from torch.fx import Graph, Node
from torch.fx.node import map_arg

aten, convert = torch.ops.aten, torch.ops.prims.convert_element_type.default


@final
class SumsOfProducts(CustomGraphPass):
    """For ``torch._inductor.config.post_grad_custom_pre_pass``; changes the graph in place."""

    def __call__(self, graph: Graph) -> None:
        for node in list(graph.nodes):
            if _is_sum(node) and not (len(node.users) == 1 and _is_sum(next(iter(node.users)))):
                _multiply_at_once(graph, node)
        graph.eliminate_dead_code()

    def uuid(self) -> bytes:
        """The hash of this file, so that compiled graphs on disk belong to this version of the pass."""
        return get_hash_for_files((__file__,))


def _is_sum(node: Node) -> bool:
    """Whether a node is the sum of two tensors of one shape and type."""
    return (
        node.target is aten.add.Tensor
        and not node.kwargs
        and all(isinstance(part, Node) and _like(part) == _like(node) for part in node.args)
    )


def _like(node: Node) -> tuple[torch.Size, torch.dtype]:
    return node.meta["val"].shape, node.meta["val"].dtype


def _terms(total: Node) -> list[Node]:
    """All terms of a sum, including those of inner sums that nothing else uses."""
    terms, left = [], list(total.args)
    while left:
        node: Any = left.pop()
        if _is_sum(node) and len(node.users) == 1:
            left.extend(node.args)
        else:
            terms.append(node)
    return terms


def _product_in(term: Node) -> Node | None:
    """The product behind a term, possibly converted to another type, if nothing else uses it."""
    node: Any = term
    transposed = False
    while len(node.users) == 1 and node.target in (convert, aten.permute.default):
        transposed ^= node.target is aten.permute.default
        node = node.args[0]
    return node if node.target is aten.mm.default and len(node.users) == 1 and not transposed else None


def _multiply_at_once(graph: Graph, total: Node) -> None:
    alike: dict[Hashable, list[Node]] = defaultdict(list)
    """Products by shape and type; every other term by itself."""
    for term in _terms(total):
        product = _product_in(term)
        alike[term if product is None else _like(product)].append(term if product is None else product)
    if all(len(same) == 1 for same in alike.values()):
        return
    with graph.inserting_before(total):
        call, dtype = partial(_call, graph), _like(total)[1]
        terms = []
        for same in alike.values():
            term = same[0]
            if len(same) > 1:
                left, right = zip(*(product.args for product in same), strict=True)
                term = call(aten.mm.default, _beside_each_other(call, left), call(aten.cat.default, [*right], 0))
            terms.append(term if _like(term)[1] == dtype else call(convert, term, dtype))
        total.replace_all_uses_with(reduce(partial(call, aten.add.Tensor), terms))


def _beside_each_other(call: Callable[..., Node], parts: Sequence[Any]) -> Node:
    """``[A_1 A_2 ...]``; for transposed matrices, the transpose of their vertical concatenation, so that rows stay
    whole."""
    if all(part.target is aten.permute.default for part in parts):
        return call(aten.permute.default, call(aten.cat.default, [part.args[0] for part in parts], 0), [1, 0])
    return call(aten.cat.default, [*parts], 1)


def _call(graph: Graph, target: Callable[..., Any], *arguments: Any) -> Node:
    """A new node, with the shape and type that later passes need."""
    node = graph.call_function(target, arguments)
    node.meta["val"] = target(*map_arg(arguments, lambda part: part.meta["val"]))
    return node
