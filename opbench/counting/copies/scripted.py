"""TorchScript modules: copies of them, and the weights that a graph holds as constants.

``torch.jit.freeze`` turns the attributes of a module, "training" among them, into constants of its
graph: which were parameters and which were buffers is not kept.  Floating-point constants count as
parameters, but for running statistics of a batch normalisation that is still there.

``torch.jit.optimize_for_inference`` also puts a convolution of TorchScript's own in the place of
the dispatcher's, which no mode can see.  The copy runs the dispatcher's, which is the same kernel.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit._recursive import wrap_cpp_module

_HIDDEN = "prim::mkldnn_convolution"
_ARGUMENTS = "%x, %weight, %bias, %stride, %padding, %dilation, %groups"
_PATTERN = """
graph({0}):
  %y = {1}({2})
  return (%y)
"""
_BEFORE = _PATTERN.format(_ARGUMENTS, _HIDDEN, _ARGUMENTS)
_AFTER = _PATTERN.format(
    _ARGUMENTS,
    "aten::mkldnn_convolution",
    "%x, %weight, %bias, %padding, %stride, %dilation, %groups",
)

_STATISTICS = {("aten::batch_norm", 3), ("aten::batch_norm", 4)}  # operator, position


def is_scripted(module: nn.Module) -> bool:
    """Return whether a module was scripted, traced or loaded by ``torch.jit``."""
    return isinstance(module, torch.jit.ScriptModule)


def copy_scripted(module: Any, memo: dict[int, Any]) -> Any:
    """Return a copy all of whose operators go through the dispatcher."""
    twin: Any = copy.deepcopy(module, memo)
    if any(node.kind() == _HIDDEN for graph in _graphs(twin) for node in _nodes(graph)):
        others = [name for name in twin._c._method_names() if name != "forward"]
        # Copies share their graphs; to freeze what is frozen makes new ones.
        frozen = torch._C._freeze_module(twin._c, others, True, False)
        twin = wrap_cpp_module(frozen)  # type: ignore[no-untyped-call]
        for graph in _graphs(twin):
            torch._C._jit_pass_custom_pattern_based_rewrite_graph(_BEFORE, _AFTER, graph)
    return twin


def constants(module: Any) -> dict[Tensor, bool]:
    """Return the tensors in the graphs of a frozen module: true of those that are parameters."""
    found: dict[Tensor, bool] = {}
    if not is_scripted(module) or module._c.hasattr("training"):
        return found
    for graph in _graphs(module):
        for node in _nodes(graph):
            if node.hasAttribute("value") and node.kindOf("value") == "t":
                tensor = node.t("value")
                found[tensor] = found.get(tensor, False) or _is_parameter(tensor, node)
    return found


def script_objects(module: Any) -> dict[tuple[str, ...], Any]:
    """Return the script objects that a module's own methods reach, by the names on the way."""
    found: dict[tuple[str, ...], Any] = {}
    for name in module._c._method_names():
        graph = module._c._get_method(name).graph
        reached: dict[str, tuple[Any, tuple[str, ...]]] = {}
        for me in list(graph.inputs())[:1]:
            reached[me.debugName()] = module._c, ()
        for node in _nodes(graph):
            _reach(node, reached, found)
    return found


def _reach(node: Any, reached: dict[str, Any], found: dict[tuple[str, ...], Any]) -> None:
    """Note the object that a node takes from another, or holds itself."""
    if node.kind() == "prim::GetAttr" and node.input().debugName() in reached:
        holder, path = reached[node.input().debugName()]
        name = node.s("name")
        value, path = holder.getattr(name), (*path, name)
    elif node.hasAttribute("value") and node.kindOf("value") == "ival":
        value, path = node.ival("value"), (node.output().debugName(),)
    else:
        return
    reached[node.output().debugName()] = value, path
    if type(value) is torch.ScriptObject:
        found[path] = value


def _is_parameter(tensor: Tensor, node: Any) -> bool:
    uses = {(use.user.kind(), use.offset) for use in node.output().uses()}
    return tensor.is_floating_point() and not uses <= _STATISTICS


def _graphs(module: Any) -> list[Any]:
    """Return the graphs of all methods of a module and of those below it."""
    return [
        each._c._get_method(name).graph
        for each in module.modules()
        for name in each._c._method_names()
    ]


def _nodes(block: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, those of branches and loops included."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)
