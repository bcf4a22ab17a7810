"""One node of the graph with its inputs and outputs, as a rule sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import AttributeProto, NodeProto, helper

from opbench.counting.graph.values import GraphValue, is_known


class UnknownSizeError(Exception):
    """A size that a rule needs is not known; names the tensor and says why."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"the size of {name!r} is not known" + (f": {cause}" if cause else ""))


@dataclass(frozen=True, slots=True)
class Call:
    """A node, its inputs (None where one is left out) and its outputs."""

    node: NodeProto
    inputs: Sequence[GraphValue | None]
    outputs: Sequence[GraphValue] = ()

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, texts as ``str``."""
        for each in self.node.attribute:
            if each.name == name:
                return decoded(each)
        return default

    def number(self, name: str, default: int | None = None) -> int:
        """Return an attribute that is an integer.  Raises ``ValueError`` where it is missing."""
        value = self.attribute(name, default)
        if not isinstance(value, int):
            raise ValueError(f"the attribute {name!r} is missing")
        return value

    def has(self, position: int) -> bool:
        """Return whether the input at ``position`` is given."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def shape(self, position: int) -> tuple[int, ...]:
        """Return the shape of an input.  Raises ``UnknownSizeError``."""
        return _shape(self.inputs[position], self.node.input[position])

    def result(self, position: int = 0) -> tuple[int, ...]:
        """Return the shape of an output.  Raises ``UnknownSizeError``."""
        return _shape(self.outputs[position], self.node.output[position])

    def elements(self, position: int) -> int:
        """Return the number of elements of an input."""
        return math.prod(self.shape(position))

    def produced(self, position: int = 0) -> int:
        """Return the number of elements of an output."""
        return math.prod(self.result(position))

    def values(self, position: int) -> list[int] | None:
        """Return the elements of an input of integers, None where they are not known."""
        value = self.inputs[position] if self.has(position) else None
        return None if value is None or value.data is None else [int(x) for x in value.data.flat]


def operator_of(node: NodeProto) -> str:
    """Return the name of an operator; of other domains than ONNX's own as in "domain::Name"."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    return f"{domain}::{node.op_type}" if domain else node.op_type


def decoded(attribute: AttributeProto) -> Any:
    """Return the value of an attribute, texts as ``str``."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value


def _shape(value: GraphValue | None, name: str) -> tuple[int, ...]:
    shape = value.shape if value is not None else None
    if value is None or shape is None or not is_known(shape):
        raise UnknownSizeError(name, value.cause if value else "it is left out")
    return tuple(int(each) for each in shape if each is not None)
