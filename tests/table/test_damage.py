"""Damage to a run file: whatever it holds is a value or a note, never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.registry import counts_csv
from opbench.runs.lines import RUN, End, Resumed, Warned
from opbench.runs.store import read_runs
from opbench.table import read_folder
from opbench.table.frames import Table
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
    runs, damages = read_runs(results)
    table = Table.of(read_folder(results))
    assert table.folder.notes == tuple(map(str, damages))
    assert all(note.startswith(f"{path}, line ") for note in table.folder.notes)
    assert "whole" in set(table.cells["name"])
    read = [len(run.lines) for run in runs if run.path == path]
    assert len(damages) == (len(lines) - 1 - read[0] if read else 1)


@settings(deadline=None, max_examples=30)
@given(lines=st.permutations(LINES[1:]))
def test_the_order_of_lines_changes_no_value(results: Path, lines: list[bytes]) -> None:
    path = results / "runs" / "damaged.jsonl"
    path.write_bytes(b"\n".join([LINES[0], *lines]))
    table = Table.of(read_folder(results))
    assert table.folder.notes == ()
    assert [cell.record for cell in table.folder.cells if cell.name == "whole"]
    assert {cell.record for cell in table.folder.cells if cell.name != "whole"} == {*CELLS[:3]}
    assert [failed.failure for failed in table.folder.failures] == [CELLS[3]]
    assert len(table.ceilings) == 1
