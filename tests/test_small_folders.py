"""A results folder with little in it, or odd times: all that can be is drawn, the rest is said."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from opbench import figures
from opbench.claims import evaluate
from opbench.errors import MissingDataError
from opbench.figures import Options
from opbench.figures.parts.style import theme
from opbench.record import Record
from opbench.table.frames import Table, load
from opbench.value import Value
from tests.builders import ceilings, failure, record, write_run

BATCHES = (1, 2, 4, 8, 16)


def swept(name: str, seconds: float, **ends: float) -> Iterator[Record]:
    """A network at five batch sizes."""
    for size in BATCHES:
        more = {"peak_memory_bytes": 10**8, "energy_j": 0.1, "traffic_bytes": 10**7}
        yield record(name, size * seconds, batch_size=size, **more, **ends)


FOLDERS: dict[str, list[Value]] = {
    "one": [record("squeezenet1_1", 0.01)],
    "one swept": [*swept("squeezenet1_1", 0.01)],
    "two of equal cost": [*swept("mine.py:a", 0.01), *swept("mine.py:b", 0.01)],
    "six of equal cost": [each for name in "abcdef" for each in swept(f"mine.py:{name}", 0.01)],
    "extremes": [
        *swept("vgg16", 1e-12, low_s=1e-12, high_s=1e9),
        *swept("alexnet", 5e7),
        *swept("resnet18", 1e-3),
    ],
    "nothing but failures": [failure("vgg16")],
    "no MACs": [record("mine.py:a", macs=0, params=0, activations=0)],
}


@pytest.fixture
def table(tmp_path: Path, folder: str) -> Table:
    """The table of a folder with one run."""
    write_run(tmp_path, ceilings(), *FOLDERS[folder])
    made = load(tmp_path)
    assert made.folder.notes == ()
    return made


@pytest.mark.parametrize("folder", FOLDERS)
def test_claims_have_a_verdict(table: Table) -> None:
    for finding in evaluate(table.folder):
        assert finding.found or finding.missing


@pytest.mark.slow  # every figure of every folder
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_figure_is_drawn_or_says_what_is_missing(table: Table) -> None:
    drawn = 0
    for name in figures.names():
        with theme("light"):
            try:
                figure = figures.find(name)(table, Options())
                figure.savefig(io.BytesIO(), format="svg")
            except MissingDataError as missing:
                assert len(str(missing)) > 10
            else:
                drawn += 1
    assert drawn
