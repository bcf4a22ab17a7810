"""Every metric is a column of the networks' or the cells' frame."""

from __future__ import annotations

import pytest
from pandas.api.types import is_numeric_dtype

from opbench.metrics import METRICS, Metric
from opbench.table import Folder
from opbench.table.frames import Table, load
from tests import builders
from tests.made_up import write_results


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Table:
    results = write_results(tmp_path_factory.mktemp("results"))
    on_gpu = builders.record("resnet18", device="cuda:0", host_s=0.02)
    builders.write_run(results, on_gpu, first=builders.header(run="on-a-gpu"))
    return load(results)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_every_metric_has_numbers_in_the_table(metric: Metric, loaded: Table) -> None:
    frame = loaded.networks if metric.of == "network" else loaded.cells
    for column in metric.columns:
        assert is_numeric_dtype(frame[column])
        assert frame[column].notna().any()
    if metric.interval:
        ends = frame[[*metric.columns]].dropna()
        assert (ends[f"{metric.key}_low"] <= ends[metric.key]).all()
        assert (ends[metric.key] <= ends[f"{metric.key}_high"]).all()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_a_table_of_nothing_has_numbers_too(metric: Metric) -> None:
    nothing = Table.of(Folder(networks=()))
    frame = nothing.networks if metric.of == "network" else nothing.cells
    assert all(is_numeric_dtype(frame[column]) for column in metric.columns)
