"""The sizes of the graph's inputs: what the file fixes, and what the request says of the rest.

An axis that the file leaves open has a name there, and the same name is the same extent.  The
first axis of the first input is the batch where it is open; other open axes take the size of one
image, or whole shapes by the name of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx import GraphProto, TypeProto, ValueInfoProto

from opbench.counting.graph.values import element_name, tensor
from opbench.errors import BadValueError
from opbench.inputs import TensorSpec
from opbench.spec import Shape

Axes = dict[str, int]
Axis = int | str  # an extent, or the name of one that is open


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRequest:
    """Sizes that are asked for: of one image, of the batch, and whole ones by input."""

    name: str
    input_size: tuple[int, ...] | None = None
    batch_size: int = 1
    inputs: tuple[TensorSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The types of a graph's inputs, with every extent, and the extents of its named axes.

    ``own``: a size was asked for and not used, because the file fixes all but the batch.
    """

    types: Mapping[str, TypeProto]
    axes: Mapping[str, int]
    shapes: tuple[Shape, ...]
    own: bool


def sized(graph: GraphProto, request: GraphRequest) -> Sizes:
    """Return the inputs of ``graph`` as ``request`` sizes them.

    Raises ``BadValueError`` where an extent is fixed otherwise, or still open.
    """
    given = _given(graph)
    specs = _described(given, request)
    tensors = [each for each in given if each.type.HasField("tensor_type")]
    declared = {each.name: _axes(each, request, specs) for each in tensors}
    axes: Axes = {}
    for name, spec in specs.items():
        _match(request.name, name, declared[name], spec.shape, axes)
    _match_batch(request, declared, axes)
    size, openly = request.input_size, _open(declared, axes)
    if size and openly:
        _match_size(request, openly, size, axes)
    if left := _open(declared, axes):
        raise BadValueError(_advice(request, left))
    shapes = {name: _filled(each, axes) for name, each in declared.items()}
    return Sizes(
        types={each.name: _typed(each, shapes.get(each.name)) for each in given},
        axes=axes,
        shapes=tuple(Shape(each) for each in shapes.values() if each is not None),
        own=bool(size) and not openly and _image(shapes) != size,
    )


def input_specs(graph: GraphProto, request: GraphRequest) -> tuple[TensorSpec, ...]:
    """Return the inputs of ``graph`` in its order, with whole shapes and types.

    Raises ``BadValueError`` as ``sized`` does, and for an input that is no tensor.
    """
    found = []
    for name, kind in sized(graph, request).types.items():
        if not kind.HasField("tensor_type"):
            raise BadValueError(f"{request.name} takes {name!r}, which is no tensor")
        extents = tuple(each.dim_value for each in kind.tensor_type.shape.dim)
        element = element_name(kind.tensor_type.elem_type)
        found.append(TensorSpec(name=name, shape=Shape(extents), dtype=element))
    return tuple(found)


def bound(kind: TypeProto, axes: Mapping[str, int]) -> TypeProto:
    """Return the type of a tensor with the extents that ``axes`` gives to its named axes."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return kind
    extents = [
        each.dim_value if each.HasField("dim_value") else axes.get(each.dim_param)
        for each in kind.tensor_type.shape.dim
    ]
    return tensor(kind.tensor_type.elem_type, extents)


def _given(graph: GraphProto) -> list[ValueInfoProto]:
    """Return the inputs that have no value in the file."""
    stored = {each.name for each in graph.initializer}
    stored |= {each.values.name for each in graph.sparse_initializer}
    return [each for each in graph.input if each.name not in stored]


def _described(given: Sequence[ValueInfoProto], request: GraphRequest) -> dict[str, TensorSpec]:
    """Return the inputs that are described, by their names; those without are the first ones.

    Raises ``BadValueError`` for one that the graph does not have, or has of another type.
    """
    types = {each.name: element_name(each.type.tensor_type.elem_type) for each in given}
    free = iter([name for name in types if name not in {each.name for each in request.inputs}])
    named = {each.name or next(free, ""): each for each in request.inputs}
    for name, spec in named.items():
        if name not in types:
            raise BadValueError(
                f"{request.name} has no input {name!r}: its inputs are {', '.join(types)}"
                if name
                else f"{request.name} has {len(types)} inputs, not {len(request.inputs)}"
            )
        if spec.dtype not in ("", types[name]):
            raise BadValueError(f"{request.name} takes {name!r} as {types[name]}, not {spec.dtype}")
    return named


def _axes(
    info: ValueInfoProto, request: GraphRequest, specs: Mapping[str, TensorSpec]
) -> tuple[Axis, ...] | None:
    """Return the axes of an input, None where nothing says how many it has."""
    kind = info.type.tensor_type
    if not kind.HasField("shape"):
        image = () if request.input_size is None else (request.batch_size, *request.input_size)
        rank = len(specs[info.name].shape if info.name in specs else image)
        return tuple(f"{info.name}[{axis}]" for axis in range(rank)) or None
    return tuple(
        each.dim_value
        if each.HasField("dim_value") and each.dim_value >= 0
        else each.dim_param or f"{info.name}[{axis}]"
        for axis, each in enumerate(kind.shape.dim)
    )


def _match(
    target: str, name: str, axes: Sequence[Axis] | None, shape: Sequence[int], known: Axes
) -> None:
    """Give the open axes of an input the extents of ``shape``."""
    axes = axes or ()
    fits = len(axes) == len(shape) and all(
        (axis if isinstance(axis, int) else known.setdefault(axis, extent)) == extent
        for axis, extent in zip(axes, shape, strict=False)
    )
    if not fits:
        raise BadValueError(f"{target} takes {name!r} of shape {_said(axes)}, not {Shape(shape)}")


def _match_batch(
    request: GraphRequest, declared: Mapping[str, Sequence[Axis] | None], axes: Axes
) -> None:
    """Give the first axis of the first input the batch size, and nameless ones of the others."""
    first = next((each[0] for each in declared.values() if each), None)
    if isinstance(first, str) and first not in axes:
        for name, each in declared.items():
            if each and each[0] in (first, f"{name}[0]"):
                axes.setdefault(str(each[0]), request.batch_size)
    elif request.batch_size not in (1, axes.get(str(first), first)):
        raise BadValueError(
            f"{request.name} fixes a batch of {axes.get(str(first), first)}: remove --batch-size"
        )


def _match_size(
    request: GraphRequest,
    openly: Mapping[str, Sequence[Axis] | None],
    size: Sequence[int],
    axes: Axes,
) -> None:
    """Give the open axes of the only input that has some the extents of one image."""
    if len(openly) > 1:
        raise BadValueError(_advice(request, openly))
    ((name, each),) = openly.items()
    batch = request.batch_size if not each else axes.get(str(each[0]), each[0])
    if not isinstance(batch, int):
        raise BadValueError(_advice(request, openly))
    _match(request.name, name, each, (batch, *size), axes)


def _open(
    declared: Mapping[str, tuple[Axis, ...] | None], axes: Axes
) -> dict[str, tuple[Axis, ...] | None]:
    return {
        name: each
        for name, each in declared.items()
        if (each is None and f"{name}[0]" not in axes)
        or any(isinstance(axis, str) and axis not in axes for axis in each or ())
    }


def _advice(request: GraphRequest, left: Mapping[str, Sequence[Axis] | None]) -> str:
    """Say which axes are open, and how to give their extents."""
    name, axes = next(iter(left.items()))
    if axes is None:
        example: tuple[int, ...] = (1, 3, 224, 224)
        said = f"{name} of any shape"
    else:
        example = tuple(each if isinstance(each, int) else 0 for each in axes)
        said = f"{name} = {_said(axes)}"
    whole = "x".join(str(each or "N") for each in example)
    size = "x".join(str(each or "N") for each in example[1:])
    ways = [f"--input '{name}={whole}'"]
    if len(left) == 1 and len(example) > 1:
        ways.insert(0, f"--input-size {size}")
    return f"{request.name} leaves axes of its inputs open ({said}): add {' or '.join(ways)}"


def _said(axes: Sequence[Axis]) -> str:
    return "x".join("?" if "[" in str(each) else str(each) for each in axes)


def _filled(declared: Sequence[Axis] | None, axes: Axes) -> tuple[int, ...] | None:
    if declared is None:
        return None
    return tuple(each if isinstance(each, int) else axes[each] for each in declared)


def _image(shapes: Mapping[str, tuple[int, ...] | None]) -> tuple[int, ...] | None:
    first = next(iter(shapes.values()), None)
    return None if first is None else first[1:]


def _typed(info: ValueInfoProto, shape: tuple[int, ...] | None) -> TypeProto:
    return info.type if shape is None else tensor(info.type.tensor_type.elem_type, shape)
