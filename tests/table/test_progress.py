"""Steps and halving times of networks whose costs fall at a rate that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from opbench.table import progress
from opbench.table.networks import Network
from opbench.table.progress import competing, halving_time, halvings_per_year, steps
from tests.builders import accuracy, network_row, zoo_row


def made(name: str, year: int, macs: int, top1: float = 70.0, **more: Any) -> Network:
    """A network of a family of its own."""
    row = network_row(name, year=year, macs=macs, family=more.pop("family", name), **more)
    return Network.of_registry(row, accuracy(name, top1))


# From 2012 on the MACs of 60 % halve each year, those of 80 % as well, from eight times as many.
FALLING = [made(f"small{n}", 2012 + n, 2 ** (20 - n), 60.0) for n in range(6)]
LARGE = [made(f"large{n}", 2014 + n, 2 ** (23 - n), 80.0) for n in range(4)]


def test_a_step_is_the_cheapest_of_its_year_and_cheaper_than_all_before() -> None:
    networks = [
        made("first", 2012, 100),
        made("dearer", 2013, 150),
        made("second", 2014, 80),
        made("cheapest", 2014, 50),
        made("equal", 2015, 50),
        made("last", 2016, 49),
        made("inaccurate", 2013, 1, 69.9),
    ]
    found = [(step.year, step.cost, step.network.name) for step in steps(networks, 70.0, "macs")]
    assert found == [(2012, 100, "first"), (2014, 50, "cheapest"), (2016, 49, "last")]


def test_of_equal_costs_the_more_accurate_makes_the_step() -> None:
    networks = [made("a", 2012, 100, 71.0), made("b", 2012, 100, 72.0)]
    assert [step.network.name for step in steps(networks, 70.0, "macs")] == ["b"]


def test_the_halving_time_of_costs_that_halve_each_year_is_twelve_months() -> None:
    both = halving_time([*FALLING, *LARGE], [60.0, 80.0], "macs")
    assert both is not None
    assert both.months.estimate == pytest.approx(12)
    assert both.steps == 10
    # Whatever families are drawn, their costs are on the same line.
    found = halving_time(FALLING, [60.0], "macs")
    assert found is not None
    assert (found.months.low, found.months.high) == pytest.approx((12, 12))
    assert str(found) == "12 months (95 % interval 12 to 12)"


def test_operations_halve_when_multiply_accumulates_do() -> None:
    macs, flops = (halving_time(FALLING, [60.0], cost) for cost in ("macs", "flops"))
    assert macs is not None
    assert flops is not None
    assert flops.months.estimate == pytest.approx(macs.months.estimate)


def test_the_slope_is_that_of_least_squares_with_an_intercept_for_each_accuracy() -> None:
    costs = [(2012, 900), (2013, 700), (2016, 90)], [(2015, 5000), (2019, 300), (2020, 290)]
    lines = [
        steps([made(f"{macs}", year, macs) for year, macs in line], 70.0, "macs") for line in costs
    ]
    unknown = [[year, n == 0, n == 1] for n, line in enumerate(costs) for year, _ in line]
    logs = [np.log2(macs) for line in costs for _, macs in line]
    slope = np.linalg.lstsq(np.array(unknown, float), np.array(logs), rcond=None)[0][0]
    assert halvings_per_year(lines) == pytest.approx(-slope)


def test_the_interval_is_wide_where_all_rests_on_one_family() -> None:
    slow = [made(f"slow{n}", 2012 + n, 1000 - n, family=f"family{n}") for n in range(8)]
    leap = made("leap", 2020, 10, family="leap")
    steady, found = (halving_time(each, [70.0], "macs") for each in (slow, [*slow, leap]))
    assert steady is not None
    assert found is not None
    # Without the leap, which a third of the draws lack, costs fall by a thousandth each year.
    assert found.months.high > 100 * found.months.estimate
    assert found.months.low <= found.months.estimate <= found.months.high
    assert steady.months.low > found.months.estimate


def test_one_step_has_no_halving_time() -> None:
    assert halving_time([made("only", 2012, 100)], [70.0], "macs") is None
    assert halving_time([], [70.0], "macs") is None


def test_only_accuracies_that_compare_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {
        "timm:resnet50.a1_in1k": {},
        "torchvision:quantized_resnet50.V1": {},
        "timm:of_no_family.in1k": {},
        "timm:resnet50.in22k": {"dataset": "imagenet21k"},
    }
    rows = [zoo_row(name, **{"top1": 70.0, **more}) for name, more in weights.items()]
    zoo = tuple(
        replace(Network.of_zoo(row), year=None if "no_family" in row.name else 2015) for row in rows
    )
    monkeypatch.setattr(progress, "zoo_networks", lambda: zoo)
    crops = Network.of_registry(network_row("crops"), accuracy("crops", protocol="10-crop"))
    unknown = Network.of_registry(network_row("unknown"), None)
    found = competing([made("one", 2012, 100), crops, unknown])
    assert [each.name for each in found] == ["one", "timm:resnet50.a1_in1k"]


def test_the_first_step_of_alexnets_accuracy_is_alexnet() -> None:
    """On file: 724,406,816 MACs in 2012, the count of its five convolutions and three layers."""
    row = network_row("alexnet", year=2012, macs=724_406_816, input_size=(3, 227, 227))
    alexnet = Network.of_registry(row, accuracy("alexnet", 57.1, input_size=(3, 227, 227)))
    first, *_, last = steps(competing([alexnet]), 57.1, "macs")
    assert first.network is alexnet
    assert last.cost < first.cost / 10
