"""The join: nothing is dropped, nothing unchecked is let in."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from opbench.table.checks import checked

from opbench.accuracy import load_chart2016, primaries
from opbench.errors import BadFileError
from opbench.table.networks import SINGLE_CROP, chart2016, join_networks, published_only


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


def accuracy(top1: float, protocol: str = SINGLE_CROP) -> SimpleNamespace:
    return SimpleNamespace(
        top1=top1, top5=None, protocol=protocol, source="A paper", source_url="https://example.org"
    )


def test_a_network_without_an_accuracy_keeps_its_row() -> None:
    joined = join_networks([fact("a"), fact("b")], {"b": accuracy(70.0)})
    assert joined["name"].to_list() == ["a", "b"]
    assert joined["top1"].isna().to_list() == [True, False]


def test_an_operation_is_half_a_multiply_add_and_density_is_percent_per_million() -> None:
    row = join_networks([fact("a", macs=7, params=5_000_000)], {"a": accuracy(70.0)}).iloc[0]
    assert row["flops"] == 14
    assert row["density"] == pytest.approx(70 / 5)


def test_an_accuracy_of_one_view_is_told_from_all_others() -> None:
    known = {
        "a": accuracy(70),
        "b": accuracy(70, "10-crop"),
        "c": accuracy(70, "single crop"),
        "m": accuracy(99, "full image"),
        "n": accuracy(99, "multi-view"),
    }
    facts = [fact(name, dataset="imagenet" if name < "m" else "mnist") for name in known]
    single = [True, False, False, True, False]
    assert join_networks(facts, known)["single_crop"].to_list() == single


def test_the_interval_of_top1_is_wilsons_for_the_number_of_test_images() -> None:
    row = join_networks([fact("a")], {"a": accuracy(76.0)}).iloc[0]
    # 50,000 images: the normal approximation gives 1.96 sqrt(0.76 * 0.24 / 50000) = 0.3743 points,
    # and Wilson's interval differs from it by less than 0.003 at this size.
    assert row["top1_high"] - row["top1_low"] == pytest.approx(2 * 0.3743, abs=0.001)
    assert row["top1_low"] < 76.0 < row["top1_high"]


def test_an_interval_never_leaves_0_to_100() -> None:
    facts = [fact("a", dataset="mnist")]
    row = join_networks(facts, {"a": accuracy(100.0)}).iloc[0]
    assert row["top1_low"] < 100
    assert row["top1_high"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"macs": -1}, "macs of a is -1, which is no whole number"),
        ({"macs": 1.5}, "macs of a is 1.5, which is no whole number"),
        ({"params": None}, "params of a"),
        ({"family": ""}, "family of a is empty, which is no text"),
    ],
)
def test_a_broken_fact_is_named(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadFileError, match=complaint):
        join_networks([fact("a", **changes)], {})


def test_an_accuracy_above_100_percent_is_refused() -> None:
    with pytest.raises(BadFileError, match="top1 of a is 171"):
        join_networks([fact("a")], {"a": accuracy(171.0)})


def test_a_network_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(BadFileError, match="a has two rows"):
        join_networks([fact("a"), fact("a")], {})


def test_a_missing_column_is_named_with_its_file() -> None:
    with pytest.raises(BadFileError, match=r"f\.csv: no column macs"):
        checked(pd.DataFrame({"name": ["a"]}), {"name": "text", "macs": "count"}, "f.csv")


def test_the_2016_chart_is_read_in_ones() -> None:
    point = SimpleNamespace(
        architecture="enet_chart2016",
        label="ENet",
        top1_percent=68.4,
        gops_2xmac=1.57,
        params_millions=5.86,
        correction="",
    )
    row = chart2016([point]).iloc[0]
    assert (row["flops"], row["params"]) == (pytest.approx(1.57e9), pytest.approx(5.86e6))
    assert pd.isna(row["correction"])


def test_a_network_that_cannot_be_run_has_its_published_accuracy() -> None:
    row = published_only(chart2016(load_chart2016())).squeeze()
    published = primaries()["enet_chart2016"]
    assert (row["name"], row["top1"]) == (published.architecture, published.top1)
    assert (row["source"], row["source_url"]) == (published.source, published.source_url)
