"""Turn the tally of one walk through a graph into a ``Count``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from opbench.counting.graph.control_flow import SPECIAL
from opbench.counting.graph.inputs import GraphRequest, Sizes, input_specs, sized
from opbench.counting.graph.reading import read_model
from opbench.counting.graph.walk import Walk
from opbench.counting.graph.weights import Stored
from opbench.counting.sums import path, shared_once, with_everything_below
from opbench.errors import CountError, OpbenchError, describe, named
from opbench.inputs import TensorSpec
from opbench.record import Count, ModuleCount, OperatorCount
from opbench.spec import Shape


def count_file(path: Path, request: GraphRequest) -> Count:
    """Count one pass through the graph in a file, of the sizes that ``request`` asks for.

    Raises ``BadFileError`` for a file that is no ONNX file, ``BadValueError`` for sizes that do
    not fit or are missing, and ``CountError`` for a graph that cannot be walked.
    """
    model = read_model(path)
    try:
        sizes = sized(model.graph, request)
        walk = Walk(model, sizes.axes, SPECIAL)
        walk.whole(model.graph, sizes.types)
    except CountError as error:
        raise CountError(named(request.name, str(error))) from error
    except OpbenchError:
        raise
    except Exception as error:  # a damaged file may make anything fail
        raise CountError(f"{request.name} cannot be counted: {describe(error)}") from error
    return _count(walk, sizes)


def inputs_of_file(path: Path, request: GraphRequest) -> tuple[TensorSpec, ...]:
    """Return the inputs of the graph in a file.

    Raises ``BadFileError`` and ``BadValueError`` as ``count_file`` does.
    """
    return input_specs(read_model(path).graph, request)


def _count(walk: Walk, sizes: Sizes) -> Count:
    parameters = walk.weights.parameters()
    first = sizes.shapes[0] if sizes.shapes else Shape()
    unknown = walk.memory.unknown
    return Count(
        batch_size=first[0] if first else 1,
        input_size=Shape(first[1:]),
        other_input_sizes=tuple(Shape(each[1:]) for each in sizes.shapes[1:]),
        params=sum(each.elements for each in parameters),
        macs=sum(walk.tally.macs.values()),
        activations=sum(walk.tally.activations.values()),
        weight_bytes=walk.weights.bytes(),
        peak_activation_bytes=walk.memory.peak,
        operators=tuple(_operators(walk)),
        modules=tuple(_modules(walk, parameters)),
        uncounted=tuple(sorted(walk.tally.uncounted)),
        functions=dict(sorted(walk.tally.functions.items())),
        device=f"graph, {unknown} {'size' if unknown == 1 else 'sizes'} unknown"
        if unknown
        else "graph",
        own_inputs=sizes.own,
    )


def _operators(walk: Walk) -> Iterator[OperatorCount]:
    for key, calls in walk.tally.calls.items():
        module, operator, operands, result, precision = key
        yield OperatorCount(
            module=module,
            operator=operator,
            operands=tuple(map(Shape, operands)),
            result=Shape(result),
            calls=calls,
            macs=walk.tally.macs[key],
            activations=walk.tally.activations[key],
            precision=precision,
        )


def _modules(walk: Walk, parameters: Sequence[Stored]) -> Iterator[ModuleCount]:
    """Yield the modules in which something ran, and those around them."""
    macs, activations = (
        with_everything_below(each) for each in (walk.tally.macs, walk.tally.activations)
    )
    params = shared_once((each.elements, each.modules or ("",)) for each in parameters)
    names = dict.fromkeys(above for name in ("", *walk.results) for above in path(name))
    for name in dict.fromkeys((*names, *params)):
        result = walk.results.get(name)
        yield ModuleCount(
            name=name,
            kind=walk.kinds.get(name, "" if name else "graph") or "scope",
            depth=name.count(".") + 1 if name else 0,
            params=params[name],
            macs=macs[name],
            activations=activations[name],
            output=None if result is None else Shape(result),
        )
