"""Walk through a graph node by node and apply each operator's rule.

Each operator gets one treatment, as in ``opbench.counting.tracing.tracer``:

    a branch or a loop     ``opbench.counting.graph.control_flow``
    a function             of the file, or by which ONNX defines an operator without a rule: its
                           nodes are walked
    anything else          has a rule, is free, or is named (``opbench.counting.graph.tally``)
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest

from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TypeProto

from opbench.counting.graph.calls import Call, UnknownSizeError, operator_of
from opbench.counting.graph.frames import Frame, last_reads
from opbench.counting.graph.free import FREE
from opbench.counting.graph.inputs import bound
from opbench.counting.graph.memory import Memory
from opbench.counting.graph.outputs import Outputs, is_constant
from opbench.counting.graph.reading import opsets_of
from opbench.counting.graph.rules import RULES
from opbench.counting.graph.scopes import scope_of
from opbench.counting.graph.shapes import body_of
from opbench.counting.graph.tally import GraphTally, Shape
from opbench.counting.graph.values import GraphValue, is_known
from opbench.counting.graph.weights import Weights
from opbench.errors import CountError, message_of

Special = Callable[["Walk", Call, Frame], list[GraphValue]]
_DEEPEST = 64  # functions that call functions


class Walk:
    """Counts what runs.  ``special`` are the operators that hold graphs.

    ``kinds`` are the classes of modules, and ``results`` the shape of what each made last.
    Lists of values that are returned are held once for whoever called.
    """

    def __init__(
        self, model: ModelProto, axes: Mapping[str, int], special: Mapping[str, Special]
    ) -> None:
        self.tally = GraphTally()
        self.memory = Memory()
        self.weights = Weights()
        self.kinds: dict[str, str] = {}
        self.results: dict[str, Shape] = {}
        self.outputs = Outputs(self.memory, self.weights)
        self._axes = axes
        self._special = special
        self._functions = {_key(each): each for each in model.functions}
        self._opsets = opsets_of(model)

    def whole(self, graph: GraphProto, types: Mapping[str, TypeProto]) -> None:
        """Walk through the model's graph with inputs of ``types``, which live to the end."""
        given = {
            name: GraphValue(each, buffer=self.memory.new_buffer()) for name, each in types.items()
        }
        for value in given.values():
            self.memory.hold(value)
        made = self.graph(graph, given, Frame(ChainMap(), self._opsets))
        shape = made[0].shape if made else None
        if shape is not None and is_known(shape):
            self.results[""] = tuple(each or 0 for each in shape)

    def graph(
        self, graph: GraphProto, given: Mapping[str, GraphValue], frame: Frame
    ) -> list[GraphValue]:
        """Walk through a graph in a new frame and return its outputs."""
        typed = (*graph.value_info, *graph.output)
        frame = replace(frame, declared={each.name: bound(each.type, self._axes) for each in typed})
        for stored in graph.initializer:
            frame.values[stored.name] = self.outputs.stored(stored, f"{frame.place}/{stored.name}")
        for each in graph.sparse_initializer:
            name = each.values.name
            frame.values[name] = self.outputs.sparse(each, f"{frame.place}/{name}")
        for name, value in given.items():
            self._name(name, value, frame)
        return self._nodes(graph.node, [each.name for each in graph.output], frame)

    @contextmanager
    def aside(self) -> Iterator[GraphTally]:
        """Count into a tally of its own."""
        before, self.tally = self.tally, GraphTally()
        try:
            yield self.tally
        finally:
            self.tally = before

    def _function(self, function: FunctionProto, call: Call, frame: Frame) -> list[GraphValue]:
        """Walk through the body of a function and return its outputs."""
        if frame.depth > _DEEPEST:
            raise CountError(f"the function {function.name} calls itself")
        defaults = {each.name: each for each in function.attribute_proto}
        inner = Frame(
            frame.values.new_child(),  # for graphs among its attributes
            {**frame.opsets, **opsets_of(function)},
            place=f"{function.domain}::{function.name}",
            module=self._module(call, frame),
            attributes=defaults | {each.name: each for each in call.node.attribute},
            depth=frame.depth + 1,
        )
        for name, value in zip_longest(function.input, call.inputs[: len(function.input)]):
            self._name(name, value, inner)
        return self._nodes(function.node, list(function.output), inner)

    def _nodes(
        self, nodes: Sequence[NodeProto], outputs: Sequence[str], frame: Frame
    ) -> list[GraphValue]:
        own = frame.values.maps[0]
        for node, ending in zip(nodes, last_reads(nodes, outputs), strict=True):
            made = self._node(frame.bound(node), frame)
            for name, value in zip(node.output, made, strict=False):
                if name:
                    self._name(name, value, frame)
            for value in made:
                self.memory.release(value)
            for name in ending.intersection(own):
                self.memory.release(own.pop(name))
        results = [_found(name, frame, "the graph") or GraphValue(None) for name in outputs]
        for value in results:
            self.memory.hold(value)
        for left in own.values():
            self.memory.release(left)
        return results

    def _name(self, name: str, value: GraphValue | None, frame: Frame) -> None:
        frame.values[name] = value
        self.memory.hold(value)

    def _node(self, node: NodeProto, frame: Frame) -> list[GraphValue]:
        where = f"node {node.name or next(filter(None, node.output), '')!r} ({operator_of(node)})"
        inputs = [_found(name, frame, where) if name else None for name in node.input]
        try:
            return self._treated(Call(node, inputs), frame)
        except CountError:
            raise
        except UnknownSizeError as error:
            raise CountError(f"{where} cannot be counted: {error}") from None
        except RecursionError:
            raise CountError(f"{where} cannot be counted: graphs inside it are too deep") from None
        except Exception as error:  # a damaged file may make anything fail
            reason = message_of(error).strip().partition("\n")[0] or type(error).__name__
            raise CountError(f"{where} cannot be counted: {reason}") from error

    def _treated(self, call: Call, frame: Frame) -> list[GraphValue]:
        operator = operator_of(call.node)
        if function := self._functions.get(_key(call.node)):
            return self._function(function, call, frame)
        if special := self._special.get(operator):
            return special(self, call, frame)
        if operator == "Constant":
            return [self.outputs.constant(call.node, frame)]
        if operator not in RULES and operator not in FREE:
            body = body_of(call, frame.opsets)
            if body is not None:
                return self._function(body, call, frame)
        return self._ran(call, frame)

    def _ran(self, call: Call, frame: Frame) -> list[GraphValue]:
        """Count one operator that is not taken apart."""
        made = self.outputs.of(call, frame)
        for value in made:
            self.memory.hold(value)
        call = replace(call, outputs=made)
        module = self._module(call, frame)
        self.weights.used_by(call, module, constant=is_constant(call))
        self.tally.ran(call, module)
        return made

    def _module(self, call: Call, frame: Frame) -> str:
        scope = scope_of(call.node)
        name = _joined(frame.module, scope.name)
        for module, kind in scope.kinds:
            self.kinds[_joined(frame.module, module)] = kind.rpartition(".")[2]
        shape = call.outputs[0].shape if call.outputs and not is_constant(call) else None
        if shape is not None and is_known(shape):
            self.results[name] = tuple(each or 0 for each in shape)
        return name


def _key(named: NodeProto | FunctionProto) -> tuple[str, str, str]:
    """Return what a node and the function that it calls have in common."""
    name = named.op_type if isinstance(named, NodeProto) else named.name
    return named.domain, name, named.overload


def _joined(outer: str, inner: str) -> str:
    return ".".join(filter(None, (outer, inner)))


def _found(name: str, frame: Frame, reader: str) -> GraphValue | None:
    if name not in frame.values:
        raise CountError(
            f"{reader} reads {name!r}, which nothing before it makes: a graph's nodes stand in the "
            "order in which they run"
        )
    return frame.values[name]
