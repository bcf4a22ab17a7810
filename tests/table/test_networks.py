"""Networks: nothing is dropped, nothing unchecked is let in."""

from __future__ import annotations

import pandas as pd
import pytest

from opbench.accuracy import Accuracy, load_chart2016, primaries
from opbench.errors import BadFileError
from opbench.registry.counts_csv import NetworkRow
from opbench.spec import Shape
from opbench.table.frames import chart2016_frame, networks_frame
from opbench.table.networks import Network, published_only, read_networks
from tests.builders import accuracy, chart_point, network_row, record


def _network(row: NetworkRow, known: Accuracy | None = None) -> Network:
    return Network.of_registry(row, known)


def test_a_network_without_an_accuracy_keeps_its_row() -> None:
    rows = [network_row("b"), network_row("a")]
    joined = networks_frame(read_networks(rows, [], {"b": accuracy("b")}))
    assert joined["name"].to_list() == ["a", "b"]
    assert joined["top1"].isna().to_list() == [True, False]


def test_weights_on_file_that_were_run_have_the_accuracy_that_is_stated_of_them() -> None:
    name = "torchvision:resnet50.IMAGENET1K_V2"
    other = record(name.replace("V2", "V9"))  # no such weights
    larger = record("torchvision:resnet50.IMAGENET1K_V1", input_size=Shape((3, 448, 448)))
    joined = {each.name: each for each in read_networks([], [record(name), other, larger], {})}
    assert (joined[name].top1, joined[name].year, joined[name].family) == (
        80.858,
        2015,
        "torchvision",
    )
    assert joined[name].trained_on == "imagenet1k" and not joined[name].own_accuracy
    assert joined[name].macs == record(name).load.macs
    assert joined[other.cell.name].top1 is joined[larger.cell.name].top1 is None
    assert "weights" not in networks_frame([*joined.values()])


def test_an_operation_is_half_a_multiply_add_and_density_is_percent_per_million() -> None:
    network = _network(network_row(macs=7, params=5_000_000), accuracy(top1=70.0))
    assert network.flops == 14
    assert network.density == pytest.approx(70 / 5)


def test_a_network_without_parameters_or_accuracy_has_no_density() -> None:
    assert _network(network_row(params=0), accuracy()).density is None
    assert _network(network_row()).density is None


@pytest.mark.parametrize(
    ("protocol", "single"),
    [
        ("single central crop", True),
        ("10-crop", False),
        ("single crop", False),
        ("full image", True),
        ("multi-view", False),
    ],
)
def test_an_accuracy_of_one_view_is_told_from_all_others(protocol: str, single: bool) -> None:
    assert _network(network_row(), accuracy(protocol=protocol)).single_crop == single


def test_the_interval_of_top1_is_wilsons_for_the_number_of_test_images() -> None:
    network = _network(network_row(), accuracy(top1=76.0))
    # 50,000 images: the normal approximation gives 1.96 sqrt(0.76 * 0.24 / 50000) = 0.3743 points,
    # and Wilson's interval differs from it by less than 0.003 at this size.
    low, high = network.top1_low or 0, network.top1_high or 0
    assert high - low == pytest.approx(2 * 0.3743, abs=0.001)
    assert low < 76.0 < high


def test_an_interval_never_leaves_0_to_100() -> None:
    network = _network(network_row(dataset="mnist"), accuracy(top1=100.0))
    assert network.top1_low and network.top1_low < 100
    assert network.top1_high == pytest.approx(100)


def test_a_dataset_of_unknown_size_has_no_interval() -> None:
    network = _network(network_row(dataset="cityscapes"), accuracy(top1=58.0))
    assert (network.top1_low, network.top1_high) == (None, None)
    assert networks_frame([network])["top1_low"].isna().all()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"macs": -1}, "macs: expected int >= 0"),
        ({"macs": 1.5}, "macs: expected int, got float"),
        ({"macs": 2**63}, "macs: expected int <= 9223372036854775807"),
        ({"params": None}, "params: expected int, got null"),
        ({"family": ""}, "family: expected str of length >= 1"),
        ({"input_size": "3x0x224"}, "input_size: '3x0x224' is not a size"),
    ],
)
def test_a_broken_row_is_named(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        NetworkRow.from_json(network_row().to_json() | changes)


def test_a_network_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(BadFileError, match="a has two rows"):
        read_networks([network_row("a"), network_row("a")], [], {})


def test_counts_are_whole_numbers_to_the_last_digit() -> None:
    large = 2**62 - 1  # no float holds it
    row = networks_frame([_network(network_row(macs=large, params=large))]).iloc[0]
    assert (row["macs"], row["params"], row["flops"]) == (large, large, 2 * large)


def test_the_2016_chart_is_read_in_ones() -> None:
    point = chart_point("enet_chart2016", "ENet", 68.4, gops_2xmac=1.57, params_millions=5.86)
    row = chart2016_frame([point]).iloc[0]
    assert (row["flops"], row["params"]) == (pytest.approx(1.57e9), pytest.approx(5.86e6))
    assert pd.isna(row["correction"])


def test_a_network_that_cannot_be_run_has_its_published_accuracy_and_the_charts_counts() -> None:
    (network,) = published_only(load_chart2016())
    assert network.accuracy == primaries()["enet_chart2016"]
    assert (network.label, network.published_only) == ("ENet (2016)", True)
    # Figure 1 of the paper: 1.57 G-ops and 5.86 million parameters.
    assert (network.macs, network.params) == (785_000_000, 5_860_000)
