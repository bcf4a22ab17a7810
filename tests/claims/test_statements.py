"""Every statement has its words, and every test both its verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opbench.claims import STATEMENTS, Evidence, Finding, evaluate, try_on
from opbench.table import read_folder
from tests.claims.claims_evidence import evidence

Tried = Callable[[str, Evidence], Finding]


def test_keys_are_unique_and_no_word_is_missing() -> None:
    assert len({statement.key for statement in STATEMENTS}) == len(STATEMENTS)
    for statement in STATEMENTS:
        assert statement.statement.endswith(".")
        assert all((statement.place, statement.how, statement.expected, statement.source.name))
        assert statement.source.url.startswith("https://")


def test_without_any_evidence_nothing_can_be_told_and_it_says_why() -> None:
    nothing = Evidence(facts={}, accuracies={}, chart=())
    for finding in try_on(nothing):
        assert finding.verdict == "cannot tell", finding
        assert finding.missing
        assert finding.found == ""


def test_findings_of_the_packages_own_counts(tmp_path: Path) -> None:
    found = {finding.key: finding for finding in evaluate(read_folder(tmp_path))}
    # 589,824 / 69,632 = 8.47: the article's "almost 10" is 15 % too much.
    assert found["bottleneck-counts"].verdict == "holds"
    assert found["bottleneck-tenfold"].verdict == "does not hold"
    assert "8.47" in found["bottleneck-tenfold"].found
    # 18/25, 27/49 and 14/49 of the weights.
    assert all(found[key].verdict == "holds" for key in ("two-3x3", "three-3x3", "1x7-7x1"))
    # 60.97 / 1.248 = 48.8.
    assert found["squeezenet-parameters"].verdict == "holds"
    # 143,667,240 less 123,642,856 fully connected; OverFeat, the year before, 144,656,488 less
    # 125,740,008.
    assert found["vgg-parameters"].found.startswith("20,024,384 in")
    assert "18,916,480 in those of overfeat_accurate; 13.9 %" in found["vgg-parameters"].found
    assert found["vgg-parameters"].verdict == "holds"
    # 77.84 - 70.74, both by the evaluator of the chart.
    assert found["newest-lead"].verdict == "holds"
    assert "by 7.10 points" in found["newest-lead"].found
    # The 2016 chart has ENet at 11.7 %/M; SqueezeNet 1.1 has 58.4 / 1.235 = 47.3.
    assert found["enet-densest"].verdict == "does not hold"
    assert found["short-paths"].verdict == "cannot tell"
    assert {finding.on for finding in found.values()} == {
        "counts and published accuracies",
        "no run",
    }


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        (
            "bottleneck-tenfold",
            {"bottleneck_256_64": 10, "conv3x3_256": 95},
            {"bottleneck_256_64": 10, "conv3x3_256": 80},
        ),
        (
            "inception-reduction",
            {"inception_3a": 10, "inception_3a_naive": 20},
            {"inception_3a": 10, "inception_3a_naive": 19},
        ),
        (
            "grid-reduction",
            {"grid_parallel": 1, "grid_conv_then_pool": 8, "grid_pool_then_conv": 2},
            {"grid_parallel": 3, "grid_conv_then_pool": 8, "grid_pool_then_conv": 2},
        ),
        (
            "bottleneck-similar",
            {"residual_basic_64": 100, "residual_bottleneck_256": 91},
            {"residual_basic_64": 100, "residual_bottleneck_256": 111},
        ),
        (
            "bottleneck-equal-width",
            {"conv3x3_256": 6, "residual_bottleneck_256": 11},
            {"conv3x3_256": 6, "residual_bottleneck_256": 12},
        ),
        ("separable", {"separable3x3_256": 1, "conv3x3_256": 2}, None),
        ("fire", {"fire_96_16_128": 1, "conv3x3_96_128": 2}, None),
        ("1x7-7x1", {"conv1x7_7x1_64": 1, "conv7x7_64": 2}, None),
        # C1 + C5 + F6 are 175,680: what is left for C3 is 150,000, or all 240,000.
        ("lenet-sparse", {"lenet5": 175_680 + 150_000}, {"lenet5": 175_680 + 240_000}),
    ],
)
def test_statements_about_modules(
    tried: Tried, key: str, good: dict[str, int], bad: dict[str, int] | None
) -> None:
    # Where only "fewer" is said, the opposite is the two exchanged.
    bad = bad or dict(zip(good, reversed(good.values()), strict=True))
    for macs, verdict in ((good, "holds"), (bad, "does not hold")):
        given = evidence({name: {"macs": count} for name, count in macs.items()})
        assert tried(key, given).verdict == verdict


def test_classifiers_are_compared_by_their_fully_connected_layers(tried: Tried) -> None:
    given = {
        "googlenet": {"linear_macs": 10, "macs": 1000},
        "alexnet": {"linear_macs": 100, "macs": 100},
        "vgg16": {"linear_macs": 120, "macs": 120},
    }
    assert tried("googlenet-classifier", evidence(given)).verdict == "holds"
    given["alexnet"]["linear_macs"] = 99
    assert tried("googlenet-classifier", evidence(given)).verdict == "does not hold"


def test_shares_are_of_the_whole_network(tried: Tried) -> None:
    one = {"params": 200, "linear_params": 190, "macs": 100, "linear_macs": 8}
    assert tried("fully-connected-share", evidence({"alexnet_owt": one, "vgg16": one})).verdict == (
        "holds"
    )
    half = one | {"linear_macs": 50}
    finding = tried("fully-connected-share", evidence({"alexnet_owt": half, "vgg16": one}))
    assert finding.verdict == "does not hold"
    assert "50.0 % of the MACs" in finding.found


@pytest.mark.parametrize(("params", "verdict"), [(364_000, "holds"), (380_000, "does not hold")])
def test_enet_takes_two_bytes_per_parameter(tried: Tried, params: int, verdict: str) -> None:
    assert tried("enet-size", evidence({"enet": {"params": params}})).verdict == verdict


def test_a_lower_accuracy_counts_only_beyond_chance(tried: Tried) -> None:
    def finding(small: float) -> Finding:
        top1 = {"squeezenet1_0": small, "alexnet": 57.1}
        return tried("squeezenet-accuracy", evidence({}, top1))

    # One standard error of the difference is sqrt(2 * 0.57 * 0.43 / 50,000) = 0.31 points.
    assert finding(56.6).verdict == "holds"
    assert finding(56.4).verdict == "does not hold"


def test_advice_of_the_study_must_pay_beyond_chance(tried: Tried) -> None:
    facts = {"caffenet128": {"macs": 100}, "caffenet128_elu": {"macs": 103}}

    def finding(top1: float) -> Finding:
        return tried("study-elu", evidence(facts, {"caffenet128": 47.1, "caffenet128_elu": top1}))

    assert finding(47.5).verdict == "does not hold"
    assert finding(48.8).verdict == "holds"
    assert "+3.0 % MACs" in finding(48.8).found


def test_more_layers_may_cost_accuracy(tried: Tried) -> None:
    facts = {"resnet110_cifar": {"macs": 2}, "resnet1202_cifar": {"macs": 22}}
    worse = evidence(facts, {"resnet110_cifar": 93.57, "resnet1202_cifar": 92.07})
    better = evidence(facts, {"resnet110_cifar": 93.57, "resnet1202_cifar": 95.0})
    assert tried("too-deep", worse).verdict == "holds"
    assert "11.0 times" in tried("too-deep", worse).found
    assert tried("too-deep", better).verdict == "does not hold"


def test_what_is_said_of_the_chart_is_decided_by_its_one_evaluator(tried: Tried) -> None:
    top1 = {"resnet152_v1_5": 77.84, "vgg19": 75.0}
    given = evidence({}, top1)
    finding = tried("newest-lead", given)
    assert finding.verdict == "holds"
    assert "by 2.84 where each has its own evaluator" in finding.found
    chart = tuple(
        replace(point, top1_percent=70.85) if point.label == "VGG-19" else point
        for point in given.chart
    )
    # 77.84 - 70.85 = 6.99.
    assert tried("newest-lead", replace(given, chart=chart)).verdict == "does not hold"


def test_massive_is_more_parameters_in_convolutions_than_any_network_before(tried: Tried) -> None:
    vgg = {"params": 100, "linear_params": 80, "year": 2014}
    older = {"params": 500, "linear_params": 481, "year": 2012}
    later = {"params": 500, "linear_params": 0, "year": 2015}
    assert tried("vgg-parameters", evidence({"vgg19": vgg, "a": older, "b": later})).verdict == (
        "holds"
    )
    more = older | {"linear_params": 480}
    assert tried("vgg-parameters", evidence({"vgg19": vgg, "a": more})).verdict == "does not hold"
    assert tried("vgg-parameters", evidence({"vgg19": vgg})).verdict == "cannot tell"


def test_the_column_of_what_was_said_holds_no_threshold_of_a_test() -> None:
    for statement in STATEMENTS:
        assert not re.search(r"or less|or more|at most|half", statement.expected.lower()) or (
            statement.key == "newest-lead"
        ), statement
