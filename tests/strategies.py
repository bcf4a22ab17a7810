"""Generate values of a class, JSON, and damage to a line of a file (hypothesis)."""

from __future__ import annotations

import json
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from opbench.inputs import DTYPES, TensorSpec, to_text
from opbench.record import Cell, Measurement
from opbench.spec import Shape
from opbench.timing.protocol import Protocol
from opbench.value import Seconds, Value, fields_of

_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
# So that what is computed of times and rates, their ratios, is finite too.
_POSITIVE = st.floats(1e-100, 1e100)


def json_values(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Generate any JSON value, nested or not, whose numbers are from ``numbers``."""
    return st.recursive(
        st.none() | st.booleans() | numbers | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    )


JSON = json_values(_INTEGERS | _FINITE | st.sampled_from([-1, 2**63, 2**64, 10**400]))
_FACTS = st.dictionaries(st.text(max_size=5), json_values(_INTEGERS | _FINITE), max_size=3)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Generate whatever a field of this type may hold."""
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        # "nested" marks a value that is an object of its own.
        return of_type(args[0]) if args[1] == "nested" else _within(args[0], args[1])
    if origin in (Union, UnionType):
        return st.one_of(*map(of_type, args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(of_type(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(of_type(args[0]), of_type(args[1]), max_size=3)
    assert issubclass(kind, Value), kind
    return st.builds(kind, **_fields(kind))


def _within(kind: Any, bounds: Any) -> st.SearchStrategy[Any]:
    """Generate what a type holds within ``bounds``, a ``msgspec.Meta``."""
    if kind is int:
        return st.integers(min_value=bounds.ge, max_value=bounds.le)
    if kind is float:
        if bounds.le is not None:
            return st.floats(bounds.ge, bounds.le)
        return _POSITIVE if bounds.gt == 0 else st.just(0.0) | _POSITIVE
    return of_type(kind).filter(lambda each: len(each) >= bounds.min_length)


def _fields(kind: type[Value]) -> dict[str, st.SearchStrategy[Any]]:
    return {each.name: of_type(each.kind) for each in fields_of(kind)}


@st.composite
def _measurements(draw: st.DrawFn) -> Measurement:
    seconds = of_type(Seconds)
    rounds = draw(st.lists(st.lists(seconds, min_size=1, max_size=3), min_size=1, max_size=3))
    ends = st.tuples(seconds, seconds, seconds).map(sorted)
    times = {
        name: value
        for stem in ("", "latency_", "device_", "queued_")
        for name, value in zip(
            (f"{stem}low_s", f"{stem or 'median_'}s", f"{stem}high_s"), draw(ends), strict=True
        )
    }
    consistent = {
        "samples_s": tuple(sample for samples in rounds for sample in samples),
        "samples_per_round": tuple(map(len, rounds)),
        **times,
    }
    others = {name: draw(each) for name, each in _fields(Measurement).items()}
    return Measurement(**{**others, **consistent})


_SPECS = st.builds(
    TensorSpec,
    name=st.sampled_from(["", "ids", "größe"]),
    shape=st.lists(st.integers(1, 10**18 - 1), min_size=1, max_size=4).map(Shape),
    dtype=st.sampled_from(["", *DTYPES]),
)


@st.composite
def _cells(draw: st.DrawFn) -> Cell:
    specs = draw(st.lists(_SPECS, max_size=3, unique_by=lambda each: each.name or id(each)))
    others = {name: draw(each) for name, each in _fields(Cell).items()}
    return Cell(**{**others, "inputs": to_text(specs)})


_BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: _INTEGERS,
    float: _FINITE,
    str: st.text(max_size=10),
    bool: st.booleans(),
    NoneType: st.none(),
    dict[str, Any]: _FACTS,
    Shape: st.lists(st.integers(1, 10**18 - 1), max_size=4).map(Shape),
    Cell: _cells(),
    Measurement: _measurements(),
    Protocol: st.builds(
        Protocol,
        precision=st.floats(0, 1, exclude_min=True, exclude_max=True),
        max_seconds=st.floats(1e-100, 1e9),
        rounds=st.integers(3, 10_000),
        seed=st.integers(0, 2**63 - 1),
    ),
}


def damaged(line: bytes) -> st.SearchStrategy[bytes]:
    """Generate a line of JSON with one field replaced or missing, or with other bytes."""
    return st.one_of(_another_value(line), _without_a_field(line), _other_bytes(line))


@st.composite
def _another_value(draw: st.DrawFn, line: bytes) -> bytes:
    """Replace one field, or a part of it."""
    row = place = json.loads(line)
    while True:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            break
        place = place[key]
    place[key] = draw(JSON)
    return json.dumps(row).encode()


@st.composite
def _without_a_field(draw: st.DrawFn, line: bytes) -> bytes:
    row = json.loads(line)
    del row[draw(st.sampled_from(sorted(row)))]
    return json.dumps(row).encode()


@st.composite
def _other_bytes(draw: st.DrawFn, line: bytes) -> bytes:
    """Replace some bytes by a few others, none of which ends the line."""
    start = draw(st.integers(0, len(line)))
    end = draw(st.integers(start, len(line)))
    noise = draw(st.binary(max_size=4)).translate(None, b"\r\n")
    return line[:start] + noise + line[end:]
