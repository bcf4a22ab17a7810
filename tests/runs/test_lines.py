"""Lines of a run file are read as they were written, and refused in a sentence if damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opbench.record import Record
from opbench.runs.lines import RUN, Header
from opbench.value import Value, fields_of
from tests.builders import cell, failure, header, record, round_, round_line
from tests.strategies import JSON, damaged, of_type

EVERY_KIND = pytest.mark.parametrize("kind", RUN.kinds)


def names(cls: type[Value]) -> Iterator[str]:
    """The keys of a value's JSON object."""
    for each in fields_of(cls):
        yield from [each.key] if each.part is None else names(each.part)


FIELDS = {name for cls in RUN.kinds.values() for name in names(cls)}
REFUSAL = re.compile(
    r"not a complete JSON object \(.+\)|not an object whose kind is one of .+|unknown kind .+"
    rf"|damaged ({'|'.join(RUN.kinds)}): ({'|'.join(FIELDS)})\b.+"
)


@EVERY_KIND
@settings(max_examples=25)
@given(data=st.data())
def test_a_line_is_read_as_it_was_written(kind: str, data: st.DataObject) -> None:
    line = data.draw(of_type(RUN.kinds[kind]))
    assert RUN.kinds[kind].from_json(line.to_json()) == line
    assert RUN.decode(RUN.encode(line)) == line


def check(raw: bytes) -> None:
    """Read a line: a value that reads the same when it is written again, or a sentence."""
    try:
        line = RUN.decode(raw)
    except ValueError as error:
        assert REFUSAL.fullmatch(str(error)), error
    else:
        assert type(line).from_json(line.to_json()) == line


def test_the_pass_of_a_cell_is_written_by_its_word_and_one_without_is_forward() -> None:
    training = cell("a", pass_="training")
    assert training.to_json()["pass"] == "training"
    plan = header(plan=(training, cell("a"))).to_json()
    assert [each["pass"] for each in plan["plan"]] == ["training", "forward"]
    assert Header.from_json(plan).plan == (training, cell("a"))
    for each in plan["plan"]:
        del each["pass"]
    assert Header.from_json(plan).plan == (cell("a"), cell("a"))
    plan["plan"][1]["pass"] = "backward"
    with pytest.raises(ValueError, match=r"plan\[1\]\.pass: invalid enum value 'backward'"):
        Header.from_json(plan)


@EVERY_KIND
@settings(max_examples=25)
@given(data=st.data())
def test_damage_is_refused_and_what_is_none_is_read(kind: str, data: st.DataObject) -> None:
    check(data.draw(of_type(RUN.kinds[kind]).map(RUN.encode).flatmap(damaged)))


@EVERY_KIND
@settings(max_examples=25)
@given(data=st.data())
def test_any_object_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    keys = st.sampled_from([*names(RUN.kinds[kind]), "another"])
    row = data.draw(st.dictionaries(keys, JSON))
    check(json.dumps({"kind": kind, **row}).encode())


@given(raw=st.binary() | JSON.map(json.dumps).map(str.encode))
@example(b'{"kind":"header","format":1,"environment":' + b"[" * 100_000)
@example(b'{"kind":"header","format":1,"run":"\\ud800"}')
@example(b'{"kind":"end","reason":"\xff"}')
@example(b'{"kind":"0"}')
@example(b'{"kind":"end","reason":"","wall_s":1e999}')
@example(b'{"kind":"end","reason":"","wall_s":NaN}')
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    check(raw)


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("record", {"batch_size": 0}, "batch_size: "),
        ("record", {"samples_s": [0.1, "x"]}, "samples_s[1]: "),
        ("round", {"samples_s": [0.1, -1.0]}, "samples_s[1]: "),
        ("record", {"samples_s": [0.0, 0.1]}, "samples_s[0]: "),
        ("record", {"median_s": 1e300}, "median_s: "),
        ("record", {"median_s": 5e-324}, "median_s: "),
        ("round", {"yardstick_s": -0.0}, "yardstick_s: "),
        ("failure", {"input_size": "3x"}, "input_size: "),
        ("record", {"inputs": "x=1x0"}, "inputs: 'x=1x0': the shape '1x0' must be positive"),
        ("failure", {"inputs": "1x2:int"}, "inputs: no data type is called 'int'"),
        ("header", {"protocol": {"rounds": 1}}, "protocol: "),
        ("header", {"plan": [{"name": "a"}]}, "plan[0]: object missing required field input_size"),
    ],
)
def test_a_refusal_names_kind_and_field(
    kind: str, change: dict[str, object], sentence: str
) -> None:
    builder = {"record": record(), "round": round_line(cell(), round_()), "failure": failure()}
    row = RUN.line_json(builder.get(kind, header())) | change
    with pytest.raises(ValueError, match=re.escape(f"damaged {kind}: {sentence}")):
        RUN.decode(json.dumps(row).encode())


def test_a_record_of_before_there_were_three_times_has_them_from_its_medians() -> None:
    known = {"low_s": 0.009, "high_s": 0.012}
    new = [RUN.line_json(record("a", 0.01, **known, **more)) for more in ({}, {"host_s": 0.02})]
    times = ("latency_s", "latency_low_s", "latency_high_s", "device_s", "device_low_s")
    old = [{key: value for key, value in row.items() if key not in times} for row in new]
    seen = [Record.from_json(row).measurement for row in old]
    assert [tuple(getattr(each, name) for name in times) for each in seen] == [
        (0.01, 0.009, 0.012, None, None),
        (0.02, None, None, 0.01, 0.009),
    ]
