"""The rates of progress, on networks whose costs fall at rates that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from opbench.claims import Evidence, Finding
from opbench.table.networks import Network
from opbench.table.progress import REFERENCES
from tests.builders import accuracy, network_row
from tests.claims.claims_evidence import evidence

Tried = Callable[[str, Evidence], Finding]

TOP1 = dict.fromkeys(REFERENCES, 57.0)


def _falling(months: float) -> Evidence:
    """Networks of AlexNet's accuracy, one a year, whose MACs halve in about ``months``."""
    scatter = (1, 1, 1, 1.2, 1.2, 1, 1, 1)  # the same on both sides of the middle
    macs = {2012 + n: round(more * 2 ** (40 - 12 * n / months)) for n, more in enumerate(scatter)}
    return replace(evidence({}, TOP1), competing=tuple(_network(*each) for each in macs.items()))


def _network(year: int, macs: int) -> Network:
    row = network_row(f"of{year}", year=year, macs=macs, family=f"of{year}")
    return Network.of_registry(row, accuracy(row.name, 57.0))


@pytest.mark.parametrize(("months", "verdict"), [(16, "holds"), (24, "does not hold")])
def test_alexnets_accuracy_has_halved_in_sixteen_months(
    months: float, verdict: str, tried: Tried
) -> None:
    found = tried("progress-alexnet", _falling(months))
    assert found.verdict == verdict
    fall = 2 ** (12 * 7 / months)
    assert f"halve in {months:g} months" in found.found
    assert f"{fall:.0f} times less from of2012 (2012) to of2019 (2019)" in found.found


@pytest.mark.parametrize(
    ("months", "verdict", "place"),
    [(9, "holds", "within"), (18, "holds", "outside"), (30, "does not hold", "outside")],
)
def test_fixed_accuracies_are_held_against_the_interval_of_the_source(
    months: float, verdict: str, place: str, tried: Tried
) -> None:
    found = tried("progress-nine-months", _falling(months))
    assert found.verdict == verdict
    assert f"9 months are {place}" in found.found


def test_both_say_that_the_source_counts_training(tried: Tried) -> None:
    for key in ("progress-alexnet", "progress-nine-months"):
        found = tried(key, _falling(16))
        assert "not of training" in found.test
        assert found.expected.endswith("of training")


@pytest.mark.parametrize("networks", [(), (_network(2012, 1000),)])
def test_one_network_has_no_rate(networks: tuple[Network, ...], tried: Tried) -> None:
    given = replace(evidence({}, TOP1), competing=networks)
    for key in ("progress-alexnet", "progress-nine-months"):
        found = tried(key, given)
        assert found.verdict == "cannot tell"
        assert found.missing.startswith("two networks")
