"""The agreement of machines, against the definition pair by pair."""

from __future__ import annotations

from itertools import combinations
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opbench.table.agreement import Latencies, by_likeness, interval_of_tau

Times = dict[str, dict[str, float]]  # seconds of a network on a machine


def latencies(times: Times, width: float = 0.1) -> Latencies:
    """Latencies with an interval of ``width`` to either side, as a part of them."""
    return Latencies(
        pd.DataFrame(
            [
                {
                    "name": name,
                    "machine": machine,
                    "latency_s": seconds,
                    "latency_s_low": seconds * (1 - width),
                    "latency_s_high": seconds * (1 + width),
                }
                for machine, own in times.items()
                for name, seconds in own.items()
            ]
        )
    )


NAMES = "abcdefgh"
SECONDS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 30).map(float), min_size=2)


@settings(max_examples=50)
@given(st.fixed_dictionaries({"one": SECONDS, "two": SECONDS}))
def test_tau_and_pairs_are_those_of_the_definition(times: Times) -> None:
    shared = sorted({*times["one"]} & {*times["two"]})
    orders, certain = [], []
    for a, b in combinations(shared, 2):
        differences = [times[m][a] - times[m][b] for m in ("one", "two")]
        orders.append(np.sign(differences).prod())
        apart = [
            max(times[m][a], times[m][b]) * 0.9 > min(times[m][a], times[m][b]) * 1.1
            for m in ("one", "two")
        ]
        certain.append(np.sign(differences).prod() if all(apart) else 0)
    found = latencies(times).agreements()
    if len(shared) < 2:
        assert found == []
        return
    (only,) = found
    assert only.networks == len(shared)
    assert only.pairs == len(orders)
    assert only.tau.estimate == pytest.approx(sum(orders) / len(orders))
    assert (only.same, only.reversed) == (certain.count(1), certain.count(-1))


def test_the_interval_is_that_of_fieller_hartley_and_pearson() -> None:
    # By hand: n = 33, tau = 0.39; atanh(0.39) = 0.41180, and 1.95996 sqrt(0.437/29) = 0.24060.
    found = interval_of_tau(0.39, 33)
    assert (found.low, found.high) == pytest.approx((0.16955, 0.57328), abs=1e-4)
    assert 1.95996 * sqrt(0.437 / 29) == pytest.approx(0.24060, abs=1e-5)


@settings(max_examples=50)
@given(st.floats(-1, 1), st.integers(2, 2000))
def test_an_interval_holds_its_estimate(tau: float, networks: int) -> None:
    found = interval_of_tau(tau, networks)
    assert -1 <= found.low <= tau <= found.high <= 1


def test_the_widest_reversal_comes_first_and_no_network_twice() -> None:
    times = {
        "cpu": {"a": 10.0, "b": 40.0, "c": 20.0, "d": 30.0},
        "gpu": {"a": 9.0, "b": 1.0, "c": 3.0, "d": 2.0},
    }
    first, second = latencies(times, 0.0).reversals(5)
    # a is 4 times as fast on the CPU and 9 times as slow on the GPU; c and d differ 1.5 times.
    assert (first.networks, first.machines) == (("a", "b"), ("cpu", "gpu"))
    assert [each.estimate for each in first.ratios] == pytest.approx([0.25, 9.0])
    assert first.least == pytest.approx(4.0)
    assert second.networks == ("c", "d")
    assert second.least == pytest.approx(1.5)
    turned = first.turned()
    assert (turned.networks, turned.machines) == (("b", "a"), ("gpu", "cpu"))
    assert [each.estimate for each in turned.ratios] == pytest.approx([1 / 9, 4.0])


def test_what_is_not_certain_is_no_reversal() -> None:
    times = {"cpu": {"a": 1.0, "b": 1.1}, "gpu": {"a": 1.1, "b": 1.0}}
    assert latencies(times, 0.1).reversals(5) == []
    assert len(latencies(times, 0.01).reversals(5)) == 1


def test_machines_that_agree_stand_beside_each_other() -> None:
    taus = np.array(
        [[1, 0.1, 0.9, 0.2], [0.1, 1, 0.2, 0.8], [0.9, 0.2, 1, 0.3], [0.2, 0.8, 0.3, 1]]
    )
    order = [*by_likeness(taus)]
    assert sorted(order) == [0, 1, 2, 3]
    places = {machine: place for place, machine in enumerate(order)}
    assert abs(places[0] - places[2]) == abs(places[1] - places[3]) == 1
