"""Small tables with round numbers, so that what a figure draws can be said in advance."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from opbench.table import Folder
from opbench.table.frames import Table, load
from opbench.table.networks import Network
from tests.builders import accuracy, chart_point, network_row
from tests.made_up import write_results

mpl.use("agg")


@pytest.fixture(scope="session")
def small_table() -> Table:
    """Four ImageNet networks, one of which another beats and one with ten crops."""
    rows = [
        network_row("cheap", macs=500_000_000, params=5_000_000, family="squeezenet"),
        network_row("good", macs=2_000_000_000, params=35_000_000, family="resnet"),
        network_row("beaten", macs=4_000_000_000, params=155_000_000),
        network_row("crops", macs=3_000_000_000, params=65_000_000, family="overfeat"),
        network_row("digits", dataset="mnist", family="lenet", params=60_000, macs=325_680),
        network_row("unknown", params=1_000_000),
    ]
    known = [
        accuracy("cheap", 58.0),
        accuracy("good", 76.0),
        accuracy("beaten", 71.0),
        accuracy("crops", 64.0, protocol="10-crop"),
        accuracy("digits", 99.0, dataset="mnist", protocol="full image"),
    ]
    accuracies = {each.architecture: each for each in known}
    points = (
        chart_point("good", "Good", 75, gops_2xmac=3, params_millions=35),
        chart_point("enet_chart2016", "ENet", 68.4, gops_2xmac=1.5, correction="Never published."),
    )
    networks = tuple(Network.of_registry(row, accuracies.get(row.name)) for row in rows)
    return Table.of(Folder(networks=networks, chart2016=points))


@pytest.fixture(scope="session")
def timed_table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Real counts and accuracies of twelve networks, timings at exactly 100 GFLOP/s and 50 W."""
    return load(write_results(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="session")
def runtimes_table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The same, and ONNX Runtime twice and OpenVINO four times as fast at batch 1."""
    return load(write_results(tmp_path_factory.mktemp("runtimes"), runtimes=True))
