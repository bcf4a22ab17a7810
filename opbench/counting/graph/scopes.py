"""The module that a node belongs to, from what the exporter wrote: its metadata or its name.

torch's exporter writes the names of modules; its older one and those of other frameworks put them
into the node's name, as in "/layer1/layer1.0/conv1/Conv", which is layer1.0.conv1 here.  A node
whose name has no parts is a module of its own, under that name or that of its output.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from onnx import NodeProto

_NAMES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"


@dataclass(frozen=True, slots=True)
class Scope:
    """The qualified name of a module, "" for the graph, and classes by name, down to its own."""

    name: str
    kinds: tuple[tuple[str, str], ...] = ()


def scope_of(node: NodeProto) -> Scope:
    """Return the module that a node belongs to."""
    noted = {each.key: each.value for each in node.metadata_props}
    if _NAMES in noted:
        names, kinds = _listed(noted[_NAMES]), _listed(noted.get(_CLASSES, ""))
        if len(names) > 1:
            return Scope(names[-2], tuple(zip(names[:-1], kinds, strict=False)))
    parts = node.name.strip("/").split("/")
    if len(parts) > 1 or node.name.startswith("/"):
        return Scope(_joined(parts[:-1]))
    own = next(filter(None, (node.name.strip("/"), *node.output)), "")
    name = own.replace("/", ".").strip(".")
    return Scope(name, ((name, node.op_type),))


@lru_cache(maxsize=4096)
def _listed(text: str) -> tuple[str, ...]:
    """Read a list of texts; other data is none."""
    try:
        found = ast.literal_eval(text) if len(text) < 10_000 else []
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _joined(parts: Sequence[str]) -> str:
    return ".".join(_relative(parts))


def _relative(parts: Sequence[str]) -> Iterator[str]:
    """Yield each part without what it repeats of the one before."""
    before = ""
    for part in filter(None, parts):
        yield part.removeprefix(f"{before}.") if before else part
        before = part
