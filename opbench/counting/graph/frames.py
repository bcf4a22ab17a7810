"""The scope of one graph or function: names, opsets, attributes, and the last use of each name."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from onnx import AttributeProto, NodeProto, TypeProto

from opbench.counting.graph.values import GraphValue


@dataclass(frozen=True, slots=True)
class Frame:
    """Names and versions that nodes refer to.

    values: what each name stands for, None for an input of a function that is left out.
    place: a name of the graph or function that is unique in the file.
    module: the module that the nodes' own scopes are in.
    attributes: of the function whose body this is.
    declared: the types that the file states.
    """

    values: ChainMap[str, GraphValue | None]
    opsets: Mapping[str, int]
    place: str = ""
    module: str = ""
    attributes: Mapping[str, AttributeProto] = field(default_factory=dict)
    declared: Mapping[str, TypeProto] = field(default_factory=dict)
    depth: int = 0

    def inner(self, place: str) -> Frame:
        """Return the frame of a graph inside this one, which sees the same names."""
        return replace(
            self,
            values=self.values.new_child(),
            place=f"{self.place}/{place}",
            declared={},
            depth=self.depth + 1,
        )

    def bound(self, node: NodeProto) -> NodeProto:
        """Return a node with the attributes of the function in place of references to them."""
        if not any(each.ref_attr_name for each in node.attribute):
            return node
        copy = NodeProto()
        copy.CopyFrom(node)
        del copy.attribute[:]
        for each in node.attribute:
            if not each.ref_attr_name:
                copy.attribute.append(each)
            elif each.ref_attr_name in self.attributes:
                given = AttributeProto()
                given.CopyFrom(self.attributes[each.ref_attr_name])
                given.name = each.name
                copy.attribute.append(given)
        return copy


def last_reads(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[set[str]]:
    """Return for each node the names that nothing reads after it; ``outputs`` live on."""
    last: dict[str, int] = {}
    for position, node in enumerate(nodes):
        last |= dict.fromkeys(filter(None, node.output), position)
        last |= dict.fromkeys(reads(node), position)
    for name in outputs:
        last.pop(name, None)
    ending: list[set[str]] = [set() for _ in nodes]
    for name, position in last.items():
        ending[position].add(name)
    return ending


def reads(node: NodeProto) -> Iterator[str]:
    """Yield the names that a node reads, those inside its graphs included."""
    yield from filter(None, node.input)
    for each in node.attribute:
        for graph in (each.g, *each.graphs):
            for inner in graph.node:
                yield from reads(inner)
            yield from (output.name for output in graph.output)
