"""Damage to a run file: whatever it holds is a value or a note, never an exception."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.record import Measurement, Record
from opbench.registry import counts_csv
from opbench.runs.lines import RUN, End, Resumed, Warned
from opbench.runs.store import read_runs
from opbench.table import read_folder
from opbench.table.frames import Table
from opbench.value import Value
from tests import builders
from tests.builders import ceilings, failure, header, record, round_, round_line
from tests.strategies import damaged

CELLS = (
    record("a", batch_size=4, energy_j=1.0),
    record("vgg16", attained_flops_per_s=1e9, fraction_of_peak=0.5, bound_by="compute"),
    record("timm:b", device="cuda:0", dtype="bfloat16", compile="default", threads=2),
    failure("a", batch_size=64),
)
OTHERS = (
    ceilings(),
    Warned(number=1, setting=ceilings().setting, reason="no power meter"),
    round_line(builders.cell("a"), round_(1, 0.01, device_before={"clock": 1})),
    Resumed(at="2026-11-22T20:15:00Z", environment={"cores": 2}),
    End(reason="finished", planned=4, records=3, failures=1),
)
VALUES = (header("run", plan=(builders.cell("a"),)), *CELLS, *OTHERS)
LINES = tuple(map(RUN.encode, VALUES))
ROUND = b'{"kind":"round",'


def _without_samples(line: Value) -> Value:
    assert isinstance(line, Record)
    without: dict[str, Any] = dict.fromkeys(Measurement.BULK, ())
    return replace(line, measurement=replace(line.measurement, **without))


def _maybe_damaged(line: bytes) -> st.SearchStrategy[bytes]:
    return st.just(line) | damaged(line)


FILES = st.permutations(LINES).flatmap(lambda lines: st.tuples(*map(_maybe_damaged, lines)))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of one network with one good run."""
    folder = tmp_path_factory.mktemp("results")
    counts_csv.save([builders.network_row("vgg16")], folder / "counts.csv")
    builders.write_run(folder, record("whole"), first=header("whole"))
    return folder


def test_the_lines_are_of_every_kind() -> None:
    assert {type(value) for value in VALUES} == set(RUN.kinds.values())


@settings(deadline=None, max_examples=30)
@given(lines=st.one_of(FILES, st.tuples(*map(_maybe_damaged, LINES))), ended=st.booleans())
def test_every_line_is_a_value_or_a_note(
    results: Path, lines: tuple[bytes, ...], ended: bool
) -> None:
    path = results / "runs" / "damaged.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n" * ended)
    runs, damages = read_runs(results, summary=True)
    table = Table.of(read_folder(results))
    assert table.folder.notes == tuple(map(str, damages))
    assert all(note.startswith(f"{path}, line ") for note in table.folder.notes)
    assert "whole" in set(table.cells["name"])
    read = [len(run.lines) for run in runs if run.path == path]
    whole = sum(line.startswith(ROUND) and line.endswith(b"}") for line in lines[1:-1])
    whole += lines[-1].startswith(ROUND) and lines[-1].endswith(b"}") and ended
    assert len(damages) == (len(lines) - 1 - read[0] - whole if read else 1)


@settings(deadline=None, max_examples=30)
@given(lines=st.permutations(LINES[1:]))
def test_the_order_of_lines_changes_no_value(results: Path, lines: list[bytes]) -> None:
    path = results / "runs" / "damaged.jsonl"
    path.write_bytes(b"\n".join([LINES[0], *lines]))
    table = Table.of(read_folder(results))
    assert table.folder.notes == ()
    assert [cell.record for cell in table.folder.cells if cell.name == "whole"]
    read = {cell.record for cell in table.folder.cells if cell.name != "whole"}
    assert read == {*map(_without_samples, CELLS[:3])}
    assert [failed.failure for failed in table.folder.failures] == [CELLS[3]]
    assert len(table.ceilings) == 1


@settings(deadline=None, max_examples=60)
@given(
    line=st.sampled_from([0, 1, 2]).flatmap(lambda each: _maybe_damaged(RUN.encode(CELLS[each])))
)
def test_a_summary_is_the_line_without_its_samples(line: bytes) -> None:
    try:
        whole = RUN.decode(line)
    except ValueError:
        return  # damaged, if only in a sample that a summary does not read
    summary = RUN.summary_of(line)
    # One that another program has written anew is read whole.
    assert summary in (whole, _without_samples(whole) if isinstance(whole, Record) else whole)


@pytest.mark.parametrize("key", ["samples_s", "latencies_s"])
def test_a_list_without_its_end_swallows_no_other_field(key: str) -> None:
    line = RUN.encode(record("a", latencies_s=(0.01, 0.02), p50_s=0.01))
    start = line.index(f'"{key}":['.encode())
    end = line.index(b"]", start)
    with pytest.raises(ValueError, match="not a complete JSON object"):
        RUN.summary_of(line[:end] + line[end + 1 :])
