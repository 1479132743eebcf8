"""The canvas of the sequential model as a graph: the finished drawing, and the drawing as it grows."""

from __future__ import annotations

__all__ = ["history", "observed"]

import numpy as np
from torch import nn

from allograph.canvas import AdditiveCanvas, GatedCanvas
from allograph.export.graph import Graph, Value
from allograph.export.parts import linear
from allograph.export.places import write_all, write_each
from allograph.models import SequentialModel


def _sprites(g: Graph, model: SequentialModel, after: Value) -> Value:
    patch, layers = model.placing.patch, model.config.windows * model.config.canvas_channels
    return linear(g, model.sprite, after).reshape(0, 0, layers, patch, patch)


def _observe(g: Graph, model: SequentialModel, canvas: Value, *leading: int) -> Value:
    """``f_o(c)``, of (..., channels, size, size), as (..., parameters, size x size)."""
    size, layers = model.config.image_size, model.config.canvas_channels
    output = model.canvas.output
    weight = g.weight(output.weight).reshape(-1, layers)
    assert output.bias is not None
    flat = canvas.reshape(*leading, layers, size * size)
    return weight @ flat + g.weight(output.bias).unsqueeze(1)


def observed(g: Graph, model: SequentialModel, after: Value, where: Value) -> Value:
    """``f_o(c_T)``, (rows, parameters, size, size)."""
    size = model.config.image_size
    if isinstance(model.canvas, AdditiveCanvas):
        canvas = write_all(g, model.placing, _sprites(g, model, after), where) + g.weight(model.canvas.first)
    else:
        steps = model.config.steps
        canvas = g("Gather", _gated(g, model, after, where), g.constant(np.array(steps - 1)), axis=1)
    return _observe(g, model, canvas, 0).reshape(0, -1, size, size)


def history(g: Graph, model: SequentialModel, after: Value, where: Value) -> Value:
    """``f_o(c_t)``, t = 1..T, (rows, T, parameters, pixels)."""
    size, steps, layers = model.config.image_size, model.config.steps, model.config.canvas_channels
    if isinstance(model.canvas, AdditiveCanvas):
        written = write_each(g, model.placing, _sprites(g, model, after), where)
        # A cumulative sum as a product: many times faster.
        sums = g.constant(np.tri(steps, dtype=np.float32)) @ written.reshape(0, steps, -1)
        canvas = sums.reshape(0, steps, layers, size, size) + g.weight(model.canvas.first)
    else:
        canvas = _gated(g, model, after, where)
    return _observe(g, model, canvas, 0, 0)


def _gated(g: Graph, model: SequentialModel, after: Value, where: Value) -> Value:
    canvas = model.canvas
    assert isinstance(canvas, GatedCanvas)
    written = write_each(g, model.placing, _sprites(g, model, after), where)

    def convolved(module: nn.Conv2d, image: Value) -> Value:
        assert module.bias is not None
        weights = g.weight(module.weight), g.weight(module.bias)
        return g("Conv", image, *weights, pads=[1, 1, 1, 1])

    def step(state: list[Value], given: list[Value]) -> tuple[list[Value], list[Value]]:
        added = state[0] + given[0]
        update, reset = convolved(canvas.gates, added).sigmoid().halves(1)
        new = convolved(canvas.candidate, reset * added).tanh()
        after = update * added + (1.0 - update) * new
        return [after], [after]

    first = g.weight(canvas.first).expand(after.length(0), 1, 1, 1)
    return g.loop(step, [first], [(written, 1)])[1][0]
