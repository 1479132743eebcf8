"""Parts of the models as graphs: linear maps, distributions, an LSTM, encoders, recall.

Each function is the `forward` of the module that it is given (`allograph.models.cells`, `encoders`,
`exemplar_attention`), whose weights it reads.
"""

from __future__ import annotations

__all__ = ["Gaussian", "Memory", "cell", "encode", "head", "inked", "kl", "linear", "log_prob", "memory", "recall"]

import math
from typing import NamedTuple

import numpy as np
from torch import nn

from allograph.export.graph import Graph, Value
from allograph.models.cells import LOG_STD_BOUND, Cell, GaussianHead, StandardPrior
from allograph.models.encoders import ImageEncoder
from allograph.models.exemplar_attention import ExemplarAttention


class Gaussian(NamedTuple):
    """A diagonal normal distribution."""

    mean: Value
    log_std: Value


class Memory(NamedTuple):
    """What was done to the exemplars, see `allograph.models.exemplar_attention`."""

    keys: Value
    """(batch, heads, d, N), divided by the square root of d."""
    values: Value
    """(batch, heads, N, d)"""
    hidden: Value
    """(batch, 1, 1, N)"""
    order: Value
    """(T, heads, N)"""


def linear(g: Graph, module: nn.Linear, x: Value) -> Value:
    """The linear map of a value with any number of leading dimensions."""
    result = x @ g.weight(module.weight, transposed=True)
    return result if module.bias is None else result + g.weight(module.bias)


def product(g: Graph, module: nn.Linear, rows: list[Value]) -> Value:
    """The linear map of several values (rows, ...), side by side."""
    return g("Gemm", g.concat(*rows), g.weight(module.weight, transposed=True), g.weight(module.bias))


def gaussian(raw: Value) -> Gaussian:
    mean, log_std = raw.halves(-1)
    return Gaussian(mean, LOG_STD_BOUND * (log_std / LOG_STD_BOUND).tanh())


def head(g: Graph, module: GaussianHead | StandardPrior, inputs: list[Value], constant: Value | None) -> Gaussian:
    """The distribution for inputs with any number of leading dimensions; the constant is None if nothing stays the
    same."""
    if isinstance(module, StandardPrior):
        first = inputs[0].slice(0, 1, -1) * 0.0
        zeros = first * g.constant(np.zeros(module.latent, np.float32))
        return Gaussian(zeros, zeros)
    units = linear(g, module.inputs, g.concat(*inputs))
    if constant is not None:
        units = units + constant
    return gaussian(linear(g, module.output, units.silu()))


def log_prob(distribution: Gaussian, z: Value) -> Value:
    """Summed over the last two dimensions, time and latent."""
    standard = (z - distribution.mean) * (-distribution.log_std).exp()
    return -(0.5 * standard * standard + distribution.log_std + 0.5 * math.log(2 * math.pi)).sum(-2, -1)


def kl(q: Gaussian, p: Gaussian) -> Value:
    """``KL(q || p)``, summed over the last dimension."""
    scaled_mean = (q.mean - p.mean) * (-p.log_std).exp()
    log_ratio = q.log_std - p.log_std
    return 0.5 * ((2 * log_ratio).exp() - 1.0 - 2 * log_ratio + scaled_mean * scaled_mean).sum(-1)


def cell(
    g: Graph, module: Cell, inputs: list[Value], constant: Value | None, hidden: Value, memory: Value
) -> tuple[Value, Value]:
    gates = product(g, module.gates, [*inputs, hidden])
    if constant is not None:
        gates = gates + constant
    hidden_units = module.gates.out_features // 4
    opening, new = gates.split(3 * hidden_units, hidden_units)
    keep_in, keep, out = g.several("Split", 3, opening.sigmoid(), axis=-1)
    memory = keep * memory + keep_in * new.tanh()
    return out * memory.tanh(), memory


def encode(g: Graph, module: ImageEncoder, images: Value) -> Value:
    for convolution in module.convolutions:
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.bias is not None
        weights = g.weight(convolution.weight), g.weight(convolution.bias)
        pad, stride = (list(map(int, side)) for side in (convolution.padding, convolution.stride))
        images = g("Conv", images, *weights, strides=stride, pads=[*pad, *pad]).silu()
    return product(g, module.linear, [g("Flatten", images, axis=1)]).silu()


def inked(g: Graph, images: Value, *axes: int) -> Value:
    """Whether there is anything but 0 along the axes: 1 or 0."""
    some = g("ReduceMax", images.abs(), axes=list(axes), keepdims=0)
    return g("Cast", g("Greater", some, 0.0), to=1)


def memory(g: Graph, module: ExemplarAttention, done: Value, shown: Value) -> Memory:
    """The memory of what was done to exemplars, (batch, K, T, numbers), and whether they have any ink, (batch, K)."""
    batch, count, steps = done.length(0), done.length(1), module.order.shape[1]
    values = linear(g, module.value, done).silu() * shown.unsqueeze(2, 3)
    keys = linear(g, module.key, done)
    d = module.length // module.heads
    keys, values = (
        part.reshape(batch, -1, module.heads, d).transpose(0, 2, *order)
        for part, order in ((keys, (3, 1)), (values, (1, 3)))
    )
    none = 1.0 - g("ReduceMax", shown, axes=[1], keepdims=1)
    kept = g("Greater", shown + none, 0.0)
    hidden = g("Where", kept, 0.0, -math.inf).unsqueeze(2).expand(1, 1, steps).reshape(batch, 1, 1, -1)
    order = g("Tile", g.weight(module.order).transpose(1, 0, 2), g.shape([1, 1, count]))
    return Memory(keys / math.sqrt(d), values, hidden, order)


def recall(g: Graph, module: ExemplarAttention, state: Value, order: Value, seen: Memory, batch: Value) -> Value:
    """v_t of h_t-1, (rows, hidden), as many rows for each entry of the batch; ``order`` is that of this step."""
    d = module.length // module.heads
    query = state @ g.weight(module.query.weight, transposed=True)
    query = query.reshape(batch, -1, module.heads, d).transpose(0, 2, 1, 3)
    scores = g("Softmax", query @ seen.keys + order.unsqueeze(1) + seen.hidden, axis=-1)
    return (scores @ seen.values).transpose(0, 2, 1, 3).reshape(-1, module.length)
