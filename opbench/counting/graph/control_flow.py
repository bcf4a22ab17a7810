"""Branches and loops: their graphs are counted, as often as they run.

``If`` runs the branch that a known condition chooses.  Where the condition depends on values, both
branches are counted: where they do the same work that is the count, else ``If`` is named.
``Loop`` and ``Scan`` run as often as the file or the shapes say; where only values can tell, they
are named, unless their body has no products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import GraphProto, TensorProto

from opbench.counting.graph.calls import Call
from opbench.counting.graph.frames import Frame
from opbench.counting.graph.turns import GOING_ON, Turns, either
from opbench.counting.graph.values import Array, GraphValue, tensor
from opbench.counting.graph.walk import Special, Walk
from opbench.errors import CountError


def branch(walk: Walk, call: Call, frame: Frame) -> list[GraphValue]:
    """Walk through the branch of an ``If`` that runs."""
    condition = call.inputs[0]
    graphs = {each.name: each.g for each in call.node.attribute}

    def run(name: str) -> list[GraphValue]:
        return walk.graph(graphs[name], {}, frame.inner(f"{_label(call)}.{name}"))

    if condition is not None and condition.data is not None:
        return run("then_branch" if condition.data.any() else "else_branch")
    with walk.aside() as one:
        taken = run("then_branch")
    with walk.aside() as other:
        skipped = run("else_branch")
    if one.same_work(other):
        walk.tally.add(one)
    else:
        walk.tally.name("If", frame.module)
    for value in skipped:
        walk.memory.release(value)
    cause = f"it depends on which branch of If {_label(call)!r} runs"
    return [either(*pair, cause) for pair in zip(taken, skipped, strict=True)]


def loop(walk: Walk, call: Call, frame: Frame) -> list[GraphValue]:
    """Walk through the body of a ``Loop`` as often as it runs."""
    body = _body(call)
    names = [each.name for each in body.input]
    condition = call.inputs[1] if call.has(1) else GOING_ON

    def turn(number: Array | None, carried: Sequence[GraphValue]) -> list[GraphValue]:
        index = GraphValue(tensor(TensorProto.INT64, ()), data=number)
        given = dict(zip(names, [index, *carried], strict=True))
        return walk.graph(body, given, frame.inner(f"{_label(call)}.body"))

    state = [each for each in call.inputs[2:] if each is not None]
    turns = Turns(walk, turn, [condition or GOING_ON, *state])
    limit, count = call.values(0), None
    if call.has(0) and not limit:
        turns.any_turn()
    else:
        count = turns.run(limit[0] if limit else None)
    if count is not None or turns.tally.is_free:
        walk.tally.add(turns.tally)
    else:
        walk.tally.name("Loop", frame.module)
    return _results(walk, turns, count, [0] * len(turns.made))


def scan(walk: Walk, call: Call, frame: Frame) -> list[GraphValue]:
    """Walk through the body of a ``Scan``, once for each slice of its inputs."""
    if frame.opsets.get("", 9) < 9:
        raise CountError("the Scan of opset 8 has no rule: convert the file to opset 9 or later")
    body = _body(call)
    scanned = int(call.attribute("num_scan_inputs"))
    names, first = [each.name for each in body.input], len(call.inputs) - scanned
    axes = call.attribute("scan_input_axes") or [0] * scanned
    slices = [
        _slice(walk, call, *each) for each in zip(range(first, len(call.inputs)), axes, strict=True)
    ]

    def turn(number: Array | None, carried: Sequence[GraphValue]) -> list[GraphValue]:
        given = dict(zip(names, [*carried[1:], *slices], strict=True))
        return [GOING_ON, *walk.graph(body, given, frame.inner(f"{_label(call)}.body"))]

    state = [each for each in call.inputs[:first] if each is not None]
    turns = Turns(walk, turn, [GOING_ON, *state])
    count = turns.run(call.shape(first)[axes[0]])
    walk.tally.add(turns.tally)
    places = call.attribute("scan_output_axes") or [0] * len(turns.made)
    return _results(walk, turns, count, places)


SPECIAL: Mapping[str, Special] = {"If": branch, "Loop": loop, "Scan": scan}


def _body(call: Call) -> GraphProto:
    graphs: dict[str, GraphProto] = {each.name: each.g for each in call.node.attribute}
    return graphs["body"]


def _label(call: Call) -> str:
    return call.node.name or next(filter(None, call.node.output), "")


def _slice(walk: Walk, call: Call, position: int, axis: int) -> GraphValue:
    """Return one slice of an input of ``Scan``."""
    shape, value = list(call.shape(position)), call.inputs[position]
    del shape[axis]
    return GraphValue(tensor(value.element if value else 0, shape), buffer=walk.memory.new_buffer())


def _results(walk: Walk, turns: Turns, count: int | None, axes: Sequence[int]) -> list[GraphValue]:
    """Return what the last turn carried, and what all turns made, stacked."""
    stacked = [_stacked(walk, *each, count) for each in zip(turns.made, axes, strict=True)]
    for value in turns.made:
        walk.memory.release(value)
    walk.memory.release(turns.carried[0])
    return [*turns.carried[1:], *stacked]


def _stacked(walk: Walk, one: GraphValue, axis: int, count: int | None) -> GraphValue:
    shape = None if one.shape is None else list(one.shape)
    if shape is not None:
        shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, count)
    value = GraphValue(
        tensor(one.element, shape), buffer=walk.memory.new_buffer(), cause=one.cause or _TURNS
    )
    walk.memory.hold(value)
    return value


_TURNS = "it depends on the turns of a loop"
