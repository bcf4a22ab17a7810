"""Make the values that a node returns: types, elements, memory, and the weights behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onnx import NodeProto, SparseTensorProto, TensorProto, TypeProto

from opbench.counting.graph.calls import Call, operator_of
from opbench.counting.graph.folding import constant_of, elements_of, folded
from opbench.counting.graph.frames import Frame
from opbench.counting.graph.free import FREE, VIEWS
from opbench.counting.graph.memory import Memory
from opbench.counting.graph.rules import RULES
from opbench.counting.graph.shapes import completed, inferred
from opbench.counting.graph.values import Array, GraphValue, is_known, tensor
from opbench.counting.graph.weights import Origin, Weights, sources_through


class Outputs:
    """Makes values, and notes what the file stores in ``weights``."""

    def __init__(self, memory: Memory, weights: Weights) -> None:
        self._memory = memory
        self._weights = weights

    def of(self, call: Call, frame: Frame) -> list[GraphValue]:
        """Return what a node makes of its inputs."""
        types = [
            completed(kind, frame.declared.get(name))
            for name, kind in zip(call.node.output, inferred(call, frame.opsets), strict=True)
        ]
        made = [self._value(call, kind, frame) for kind in types]
        data = folded(replace(call, outputs=made), frame.opsets)
        return [
            self._placed(call, name, value, elements)
            for name, value, elements in zip(call.node.output, made, data, strict=True)
        ]

    def constant(self, node: NodeProto, frame: Frame) -> GraphValue:
        """Return the value of a ``Constant`` node."""
        found = constant_of(node)
        if found is not None:
            return self.stored(found, f"{frame.place}/{node.output[0]}", "constant")
        (kind,) = inferred(Call(node, []), frame.opsets)
        return GraphValue(kind, constant=True)

    def stored(self, held: TensorProto, key: str, origin: Origin = "initializer") -> GraphValue:
        """Return a tensor of the file."""
        self._weights.add(key, held.data_type, held.dims, origin)
        kind = tensor(held.data_type, held.dims)
        return GraphValue(kind, data=elements_of(held), constant=True, sources=frozenset({key}))

    def sparse(self, held: SparseTensorProto, key: str) -> GraphValue:
        """Return a tensor of which the file holds the elements that are not 0."""
        self._weights.add(key, held.values.data_type, held.values.dims, "initializer")
        kind = tensor(held.values.data_type, held.dims)
        return GraphValue(kind, constant=True, sources=frozenset({key}))

    def _value(self, call: Call, kind: TypeProto | None, frame: Frame) -> GraphValue:
        constant = is_constant(call)
        value = GraphValue(kind, constant=constant)
        if constant:
            return replace(value, sources=self._sources(call, value, frame))
        return value if is_known(value.shape) else replace(value, cause=_cause(call))

    def _sources(self, call: Call, value: GraphValue, frame: Frame) -> frozenset[str]:
        shape = value.shape
        if operator_of(call.node) != "ConstantOfShape" or shape is None or not is_known(shape):
            return sources_through(call)
        key = f"{frame.place}/{call.node.output[0]}"
        self._weights.add(key, value.element, (each or 0 for each in shape), "filled")
        return frozenset({key})

    def _placed(
        self, call: Call, name: str, value: GraphValue, elements: Array | None
    ) -> GraphValue:
        """Give a value its elements and its memory."""
        if elements is not None:
            kind = tensor(value.element, elements.shape)
            value = replace(value, type=kind, data=elements, cause="")
        if value.constant or not name:
            return value
        return replace(value, buffer=self._buffer(call))

    def _buffer(self, call: Call) -> int:
        first = call.inputs[0] if call.inputs else None
        if operator_of(call.node) in VIEWS and first is not None and first.buffer:
            return first.buffer
        return self._memory.new_buffer()


def is_constant(call: Call) -> bool:
    """Return whether a node depends on no input of the graph, and on no chance."""
    given: Sequence[GraphValue] = [each for each in call.inputs if each is not None]
    return bool(given) and all(each.constant for each in given)


def _cause(call: Call) -> str:
    """Return why the shape of an output is not known."""
    before = next((each.cause for each in call.inputs if each is not None and each.cause), "")
    if before:
        return before
    operator = operator_of(call.node)
    label = f"{operator} {call.node.name or call.node.output[0]!r}"
    known = operator in FREE or operator in RULES
    return f"it depends on values ({label})" if known else f"{label} has no rule"
