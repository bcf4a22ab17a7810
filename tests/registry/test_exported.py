"""A third count of every network of the registry: of the graph that torch exports."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from opbench.registry import counts_csv
from opbench.registry.entries import get
from tests.registry.exported import count_exported

ON_FILE = {fact.name: fact for fact in counts_csv.load()}

# Tables that a network multiplies with and does not learn: a graph does not tell them apart.
_BUFFERS = get("lenet5").build().buffers()
TABLES = {"lenet5": sum(each.numel() for each in _BUFFERS if each.is_floating_point())}


def test_the_graph_of_every_network_counts_alike() -> None:
    apart = {name for name, fact in ON_FILE.items() if fact.onnx_macs != fact.macs}
    assert apart == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_FILE)
def test_the_graph_still_counts_what_is_on_file(name: str) -> None:
    count, fact = count_exported(name), ON_FILE[name]
    assert (count.macs, count.activations) == (fact.onnx_macs, fact.activations)
    assert count.params == fact.params + TABLES.get(name, 0)
    assert (count.uncounted, count.device) == ((), "graph")


def test_a_file_of_counts_without_the_column_is_read(tmp_path: Path) -> None:
    path, old = tmp_path / "counts.csv", tmp_path / "old.csv"
    counts_csv.save(ON_FILE.values(), path)
    with path.open(newline="") as file, old.open("w", newline="") as written:
        rows = list(csv.DictReader(file))
        names = [each for each in rows[0] if each != "onnx_macs"]
        writer = csv.DictWriter(written, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert {row.onnx_macs for row in counts_csv.load(old)} == {None}
    assert [row.macs for row in counts_csv.load(old)] == [fact.macs for fact in ON_FILE.values()]
