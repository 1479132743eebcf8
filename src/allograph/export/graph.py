"""A small language in which graphs are written: values that add and multiply, and loops over t.

A `Graph` gathers nodes while functions compute with `Value`s as they would with tensors. In a loop, nodes go to the
loop's body, which can use weights, constants and earlier results.
"""

from __future__ import annotations

__all__ = ["OPSET", "Graph", "Value"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

OPSET = 17
"""Version of the standard operators. Runtimes from 2022 on know it."""

_IR = 8
"""The file format that came with it."""


Shape = Sequence["int | Value"]


@dataclass(frozen=True, eq=False)
class Value:
    """The output of a node."""

    graph: Graph
    name: str

    def __add__(self, other: Value | float) -> Value:
        return self.graph("Add", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.graph("Sub", self, other)

    def __rsub__(self, other: Value | float) -> Value:
        return self.graph("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.graph("Mul", self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self.graph("Div", self, other)

    def __rtruediv__(self, other: Value | float) -> Value:
        return self.graph("Div", other, self)

    def __neg__(self) -> Value:
        return self.graph("Neg", self)

    def __matmul__(self, other: Value) -> Value:
        return self.graph("MatMul", self, other)

    __radd__, __rmul__ = __add__, __mul__

    def reshape(self, *shape: int | Value) -> Value:
        """0 keeps a length, -1 follows from the others, a value is a length known when the graph runs."""
        return self.graph("Reshape", self, self.graph.shape(shape))

    def expand(self, *shape: int | Value) -> Value:
        return self.graph("Expand", self, self.graph.shape(shape))

    def transpose(self, *order: int) -> Value:
        return self.graph("Transpose", self, perm=list(order))

    def unsqueeze(self, *axes: int) -> Value:
        return self.graph("Unsqueeze", self, self.graph.integers(axes))

    def slice(self, start: int, stop: int, axis: int) -> Value:
        return self.graph("Slice", self, *(self.graph.integers([number]) for number in (start, stop, axis)))

    def split(self, *lengths: int, axis: int = -1) -> list[Value]:
        return self.graph.several("Split", len(lengths), self, self.graph.integers(lengths), axis=axis)

    def halves(self, axis: int) -> list[Value]:
        return self.graph.several("Split", 2, self, axis=axis)

    def sum(self, *axes: int, keep: bool = False) -> Value:
        return self.graph("ReduceSum", self, self.graph.integers(axes), keepdims=int(keep))

    def mean(self, axis: int) -> Value:
        return self.graph("ReduceMean", self, axes=[axis], keepdims=0)

    def length(self, axis: int) -> Value:
        """The length of an axis, as a vector of one integer."""
        return self.graph("Shape", self, start=axis, end=axis + 1)

    def repeat(self, times: Value, shape: Sequence[int]) -> Value:
        """(rows, *shape) to (rows x times, *shape), the copies of a row adjacent."""
        return self.unsqueeze(1).expand(1, times, *(1 for _ in shape)).reshape(-1, *shape)

    def exp(self) -> Value:
        return self.graph("Exp", self)

    def tanh(self) -> Value:
        return self.graph("Tanh", self)

    def sigmoid(self) -> Value:
        """From the exponential: onnxruntime's Sigmoid rounds more, and drawings were up to 0.01 from torch's."""
        return 1.0 / (1.0 + (-self).exp())

    def silu(self) -> Value:
        return self / (1.0 + (-self).exp())

    def abs(self) -> Value:
        return self.graph("Abs", self)


class Graph:
    """See the module's documentation.

    Args:
        half: weights are stored as float16. Everything is computed in float32.
    """

    def __init__(self, *, half: bool = False) -> None:
        self._half = half
        self._before: list[onnx.NodeProto] = []  # of all loops: what weights are made of
        self._main: list[onnx.NodeProto] = []
        self._nodes = self._main
        self._weights: dict[int, Value] = {}
        self._kept: list[Tensor] = []  # an id names a tensor for as long as the tensor lives
        self._constants: dict[tuple[Any, ...], Value] = {}
        self._stored: list[TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    # ---------------------------------------------------------------- values

    def __call__(self, operator: str, *inputs: Value | float | None, **attributes: Any) -> Value:
        """The output of one node."""
        return self.several(operator, 1, *inputs, **attributes)[0]

    def several(self, operator: str, count: int, *inputs: Value | float | None, **attributes: Any) -> list[Value]:
        """The outputs of one node."""
        names = ["" if one is None else self._value(one).name for one in inputs]
        made = [self._name(operator) for _ in range(count)]
        self._nodes.append(helper.make_node(operator, names, made, name=f"{operator}_{self._count}", **attributes))
        return [Value(self, name) for name in made]

    def input(self, name: str, shape: Sequence[int | str]) -> Value:
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return Value(self, name)

    def output(self, name: str, value: Value, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [value.name], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, value: np.ndarray) -> Value:
        value = np.array(value, order="C")
        key = value.dtype, value.shape, value.tobytes()
        if key not in self._constants:
            self._constants[key] = self._store("constant", value)
        return self._constants[key]

    def integers(self, numbers: Sequence[int]) -> Value:
        return self.constant(np.array(numbers, np.int64))

    def shape(self, lengths: Shape) -> Value:
        if not any(isinstance(length, Value) for length in lengths):
            return self.integers([length for length in lengths if not isinstance(length, Value)])
        parts = [length if isinstance(length, Value) else self.integers([length]) for length in lengths]
        return self("Concat", *parts, axis=0)

    def weight(self, tensor: Tensor, *, transposed: bool = False) -> Value:
        """A parameter or buffer, stored once; with ``half``, matrices and larger tensors are stored in half
        precision."""
        key = id(tensor) * 2 + transposed
        if key not in self._weights:
            self._kept.append(tensor)
            value = tensor.detach().numpy().T if transposed else tensor.detach().numpy()
            value = np.ascontiguousarray(value, np.float32)
            if self._half and value.ndim > 1:
                stored = self._store("weight", value.astype(np.float16))
                name = self._name("Cast")
                self._before.append(helper.make_node("Cast", [stored.name], [name], name=name, to=TensorProto.FLOAT))
                self._weights[key] = Value(self, name)
            else:
                self._weights[key] = self._store("weight", value)
        return self._weights[key]

    def concat(self, *parts: Value, axis: int = -1) -> Value:
        return parts[0] if len(parts) == 1 else self("Concat", *parts, axis=axis)

    # ---------------------------------------------------------------- loops

    def loop(
        self,
        step: Callable[[list[Value], list[Value]], tuple[list[Value], list[Value]]],
        states: Sequence[Value],
        over: Sequence[tuple[Value, int]],
    ) -> tuple[list[Value], list[Value]]:
        """``step(states, entries) -> states, results`` for each entry along the given axis of each value of ``over``:
        the last states, and all results, stacked at axis 1."""
        outside, self._nodes = self._nodes, []
        begun = [Value(self, self._name("state")) for _ in states]
        given = [Value(self, self._name("entry")) for _ in over]
        after, results = step(begun, given)
        own = {name for node in self._nodes for name in node.output}
        ends = []
        for value in (*after, *results):  # what is no result of the body, or is one already, is copied
            ends.append(value if value.name in own else self("Identity", value))
            own.discard(value.name)
        body = helper.make_graph(self._nodes, self._name("body"), _untyped([*begun, *given]), _untyped(ends))
        self._nodes = outside
        made = self.several(
            "Scan",
            len(ends),
            *states,
            *(value for value, _ in over),
            body=body,
            num_scan_inputs=len(over),
            scan_input_axes=[axis for _, axis in over],
            scan_output_axes=[1 for _ in results],
        )
        return made[: len(after)], made[len(after) :]

    # ---------------------------------------------------------------- the file

    def model(self, name: str, about: dict[str, str]) -> onnx.ModelProto:
        """The whole graph as a file's content; ``about`` is its metadata."""
        from allograph import __version__

        graph = helper.make_graph([*self._before, *self._main], name, self._inputs, self._outputs, self._stored)
        model = helper.make_model(
            graph,
            producer_name="allograph",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR,
        )
        helper.set_model_props(model, about)
        return model

    def _value(self, value: Value | float) -> Value:
        return value if isinstance(value, Value) else self.constant(np.array(value, np.float32))

    def _store(self, kind: str, value: np.ndarray) -> Value:
        name = self._name(kind)
        self._stored.append(numpy_helper.from_array(value, name))
        return Value(self, name)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind.lower()}_{self._count}"


def _untyped(values: Sequence[Value]) -> list[onnx.ValueInfoProto]:
    """Inputs or outputs of a loop's body: types and shapes follow from its arguments."""
    return [helper.make_empty_tensor_value_info(value.name) for value in values]
