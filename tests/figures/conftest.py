"""Small tables with round numbers, so that what a figure draws can be said in advance."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import pytest

from opbench import table
from opbench.table.networks import chart2016, join_networks
from tests.made_up import write_results

mpl.use("agg")


def fact(name: str, **changes: object) -> SimpleNamespace:
    values = {
        "name": name,
        "label": name.upper(),
        "family": "vgg",
        "year": 2014,
        "dataset": "imagenet",
        "input_size": "3x224x224",
        "params": 5_000_000,
        "macs": 1_000_000_000,
        "activations": 1_000_000,
        "weight_bytes": 20_000_000,
        "peak_activation_bytes": 4_000_000,
    }
    return SimpleNamespace(**{**values, **changes})


def accuracy(top1: float, protocol: str = table.SINGLE_CROP) -> SimpleNamespace:
    return SimpleNamespace(
        top1=top1, top5=None, protocol=protocol, source="A paper, Table 1", source_url="https://a.b"
    )


@pytest.fixture(scope="session")
def small_table() -> table.Table:
    """Four ImageNet networks, one of which another beats and one with ten crops."""
    facts = [
        fact("cheap", macs=500_000_000, params=5_000_000, family="squeezenet"),
        fact("good", macs=2_000_000_000, params=35_000_000, family="resnet"),
        fact("beaten", macs=4_000_000_000, params=155_000_000),
        fact("crops", macs=3_000_000_000, params=65_000_000, family="overfeat"),
        fact("digits", dataset="mnist", family="lenet", params=60_000, macs=325_680),
        fact("unknown", params=1_000_000),
    ]
    accuracies = {
        "cheap": accuracy(58.0),
        "good": accuracy(76.0),
        "beaten": accuracy(71.0),
        "crops": accuracy(64.0, protocol="10-crop"),
        "digits": accuracy(99.0, protocol="full image"),
    }
    points = [
        SimpleNamespace(
            architecture="good",
            label="Good",
            top1_percent=75.0,
            gops_2xmac=3.0,
            params_millions=35.0,
            correction="",
        ),
        SimpleNamespace(
            architecture="enet_chart2016",
            label="Lost",
            top1_percent=68.4,
            gops_2xmac=1.5,
            params_millions=6.0,
            correction="Never published.",
        ),
    ]
    return table.Table(networks=join_networks(facts, accuracies), chart2016=chart2016(points))


@pytest.fixture(scope="session")
def timed_table(tmp_path_factory: pytest.TempPathFactory) -> table.Table:
    """Real counts and accuracies of twelve networks, timings at exactly 100 GFLOP/s and 50 W."""
    return table.load(write_results(tmp_path_factory.mktemp("results")))
