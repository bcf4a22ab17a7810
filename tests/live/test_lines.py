"""A comparison's file: what is written is read again, and damage is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import opbench
from opbench.errors import BadFileError
from opbench.live.lines import (
    COMPARISON,
    ComparedSide,
    ComparedSides,
    ComparisonHeader,
    PairLine,
    SideFailure,
    find_comparison,
    read_comparison,
)
from opbench.runs.lines import End
from tests.builders import cell

SIDES = ComparedSides(
    comparison=1,
    base=ComparedSide(cell=cell("a"), commit="main"),
    new=ComparedSide(cell=cell("a", batch_size=2)),
    threshold=0.05,
)
seconds = st.floats(min_value=1e-9, max_value=1e6)
blocks = st.lists(seconds, min_size=1, max_size=3).map(tuple)


@given(st.lists(st.tuples(blocks, blocks), max_size=4), st.sampled_from(["base", "new"]))
def test_a_pair_is_read_as_it_was_written(
    rounds: list[tuple[tuple[float, ...], ...]], first: str
) -> None:
    pair = PairLine(
        comparison=1,
        number=2,
        started=first,  # type: ignore[arg-type]
        order="bn" * len(rounds),
        base_s=tuple(base for base, _ in rounds),
        new_s=tuple(new for _, new in rounds),
        others_cores=0.5,
    )
    assert COMPARISON.decode(COMPARISON.encode(pair)) == pair


def written(results: Path) -> Path:
    pair = PairLine(
        comparison=1, number=1, started="base", order="bn", base_s=((1.0,),), new_s=((2.0,),)
    )
    failure = SideFailure(comparison=1, side="new", reason="it crashed")
    with COMPARISON.new(results) as writer:
        for line in (
            ComparisonHeader(format=COMPARISON.version),
            SIDES,
            pair,
            failure,
            End(reason="finished"),
        ):
            writer.append(COMPARISON.encode(line))
    return writer.path


def test_a_file_is_found_and_read_again(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert path.parent == tmp_path / "comparisons"
    assert find_comparison(tmp_path, path.stem) == find_comparison(tmp_path, str(path)) == path
    assert find_comparison(tmp_path, "another") is None
    (compared,) = read_comparison(path).compared
    assert compared.sides == SIDES
    assert [pair.order for pair in compared.pairs] == ["bn"]
    assert compared.failure is not None and compared.failure.reason == "it crashed"


def test_a_damaged_line_is_named_and_the_rest_read(tmp_path: Path) -> None:
    path = written(tmp_path)
    raw = path.read_text().splitlines()
    raw[2] = raw[2].replace('"order":"bn"', '"order":"bnb"')
    path.write_text("\n".join(raw) + "\n")
    file = read_comparison(path)
    (damage,) = file.damages
    assert str(damage).startswith(f"{path}, line 3: damaged pair: order has 2 turns 'b'")
    assert file.compared[0].failure is not None


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ('{"kind":"header","format":1}', "line 1: unknown kind 'header'"),
        ('{"kind":"end","reason":"finished"}', "not the header of a comparison"),
        ('{"kind":"comparison","format":9}', "format 9 is not 1"),
        ("", "not a complete JSON object"),
    ],
)
def test_what_is_no_comparison_is_refused(tmp_path: Path, first: str, said: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(first)
    with pytest.raises(BadFileError, match=said):
        read_comparison(path)


def test_a_sample_that_is_no_number_is_refused() -> None:
    row = json.loads(
        COMPARISON.encode(
            PairLine(comparison=1, number=1, started="base", order="b", base_s=((1.0,),), new_s=())
        )
    )
    damages: list[Any] = [[["1"]], [[None]], [[]], [[-1.0]], 3]
    for damage in damages:
        with pytest.raises(ValueError, match="damaged pair: base_s"):
            COMPARISON.decode(json.dumps({**row, "base_s": damage}).encode())


@given(st.binary(max_size=60))
def test_whatever_stands_in_a_line_is_read_or_refused_by_a_sentence(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a complete JSON object|not an object"):
        COMPARISON.decode(raw)


def test_lines_are_of_their_schema(tmp_path: Path) -> None:
    schema = json.loads(
        (Path(opbench.__file__).parent / "schemas/comparison-line.json").read_text()
    )
    for raw in written(tmp_path).read_text().splitlines():
        Draft202012Validator(schema).validate(json.loads(raw))
