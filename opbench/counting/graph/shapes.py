"""The outputs of a node: their types by its schema, their elements where they are few and known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from onnx import FunctionProto, TypeProto, defs, helper, numpy_helper, shape_inference

from opbench.counting.graph.calls import Call, UnknownSizeError, operator_of
from opbench.counting.graph.contributed import outputs_of
from opbench.counting.graph.values import GraphValue, extents_of, is_known, tensor

Opsets = Mapping[str, int]


@lru_cache(maxsize=1024)
def schema_of(name: str, domain: str, version: int) -> defs.OpSchema | None:
    """Return the schema of an operator in a version of its domain; None where there is none."""
    try:
        return defs.get_schema(name, version, domain)
    except (defs.SchemaError, ValueError, RuntimeError):
        return None


def inferred(call: Call, opsets: Opsets) -> list[TypeProto | None]:
    """Return the types of a node's outputs, as far as they follow from its inputs.

    Raises ``ValueError`` where the inputs do not fit the operator.
    """
    node = call.node
    domain = "" if node.domain == "ai.onnx" else node.domain
    schema = schema_of(node.op_type, domain, opsets.get(domain, 1))
    if schema is None:
        made: list[TypeProto | None] = _without_schema(call)
    elif any(value is not None and value.type is None for value in call.inputs):
        return [None] * len(node.output)
    else:
        found = _by_schema(schema, call, opsets)
        made = [found.get(name) for name in node.output]
        if domain == "ai.onnx.ml":
            made = _without_schema(call) or made
    made = [*made[: len(node.output)], *[None] * (len(node.output) - len(made))]
    if node.op_type == "Dropout" and len(made) > 1:  # whose mask schemas leave out
        made[1] = made[0]
    return made


def _without_schema(call: Call) -> list[TypeProto | None]:
    try:
        return [*outputs_of(operator_of(call.node), call)]
    except UnknownSizeError:
        return []


def _by_schema(schema: defs.OpSchema, call: Call, opsets: Opsets) -> dict[str, TypeProto]:
    named = [
        (name, value)
        for name, value in zip(call.node.input, call.inputs, strict=True)
        if value is not None and value.type is not None
    ]
    if call.node.op_type == "Range":  # takes a vector of one number for a number, as runtimes do
        named = [(name, _scalar(value)) for name, value in named]
    types = {name: value.type for name, value in named if value.type is not None}
    data = {
        name: numpy_helper.from_array(value.data, name)
        for name, value in named
        if value.data is not None
    }
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return shape_inference.infer_node_outputs(schema, call.node, types, data, opset_imports=imports)


def _scalar(value: GraphValue) -> GraphValue:
    if value.shape != (1,):
        return value
    data = None if value.data is None else value.data.reshape(())
    return replace(value, type=tensor(value.element, ()), data=data)


def completed(kind: TypeProto | None, declared: TypeProto | None) -> TypeProto | None:
    """Return an inferred type with what the file declares of what is not known."""
    if kind is None or declared is None:
        return kind or declared
    known, stated = extents_of(kind), extents_of(declared)
    if stated is None or (known is not None and is_known(known)):
        return kind
    if known is None:
        known = (None,) * len(stated)
    if len(known) != len(stated) or not kind.HasField("tensor_type"):
        return kind
    extents = [one if one is not None else other for one, other in zip(known, stated, strict=True)]
    return tensor(kind.tensor_type.elem_type or declared.tensor_type.elem_type, extents)


def body_of(call: Call, opsets: Opsets) -> FunctionProto | None:
    """Return the function in terms of which ONNX defines an operator; None where it does not."""
    node = call.node
    schema: Any = schema_of(node.op_type, node.domain, opsets.get(node.domain, 1))
    if schema is None:
        return None
    version = opsets.get("", 1)
    if schema.has_function:
        newest = _newest(schema.function_opset_versions, version)
        return _function(schema.get_function_with_opset_version(newest))
    types = [each.type for each in call.inputs if each is not None]
    if not schema.has_context_dependent_function or None in types:
        return None
    wire = [each.SerializeToString() for each in types if each is not None]
    newest = _newest(schema.context_dependent_function_opset_versions, version)
    return _function(
        schema.get_context_dependent_function_with_opset_version(
            newest, node.SerializeToString(), wire
        )
    )


def _newest(versions: Sequence[int], most: int) -> int:
    return max((each for each in versions if each <= most), default=min(versions))


def _function(wire: bytes) -> FunctionProto:
    function = FunctionProto()
    function.ParseFromString(wire)
    return function
