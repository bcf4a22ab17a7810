"""Timed statements on cells that follow, or break, a law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from opbench.claims import STATEMENTS, Cell, Condition, Evidence, Finding, evaluate
from tests.claims.claims_evidence import GPU, cell, evidence

Tried = Callable[[str, Evidence], Finding]

NAMES = ("alexnet", "b", "c", "d", "e", "f")
FACTS = {
    name: {"macs": 10**9 * (i + 1), "activations": 10**6 * (7 - i), "params": 10**7 * (i + 1)}
    for i, name in enumerate(NAMES)
}
# Rising with the operations, as a line in 1 / (i + 1).
TOP1 = {name: 85 - 30 / (i + 1) for i, name in enumerate(NAMES)}


def given(*cells: Cell) -> Evidence:
    return evidence(FACTS, TOP1, cells)


def test_time_in_proportion_to_operations_holds(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "holds"
    assert "rank correlation 1.00, R² 1.00" in finding.found
    assert finding.on == "cuda (a card)"


def test_one_slow_network_breaks_the_line_and_is_named(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells[0] = cell("alexnet", 1, 30e-3)
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "does not hold"
    assert "farthest off alexnet" in finding.found


def test_time_is_per_image_and_every_batch_size_must_hold(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells += [cell(name, 16, 16e-3 * (7 - i)) for i, name in enumerate(NAMES)]
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "does not hold"
    assert "batch 16, 6 networks: rank correlation -1.00" in finding.found


def test_activations_win_where_time_follows_them(tried: Tried) -> None:
    seconds = (3.0, 1.0, 2.5, 0.5, 2.0, 1.5)
    facts = {
        name: counts | {"activations": int(1e6 * at)}
        for (name, counts), at in zip(FACTS.items(), seconds, strict=True)
    }
    cells = tuple(cell(name, 1, at) for name, at in zip(NAMES, seconds, strict=True))
    assert tried("activations-predict-better", evidence(facts, TOP1, cells)).verdict == "holds"
    by_macs = tuple(cell(name, 1, facts[name]["macs"] * 1e-12) for name in NAMES)
    assert tried("activations-predict-better", evidence(facts, TOP1, by_macs)).verdict == (
        "does not hold"
    )


def test_a_hyperbola_is_told_from_a_line(tried: Tried) -> None:
    hyperbola = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    assert tried("accuracy-time-hyperbolic", given(*hyperbola)).verdict == "holds"
    line = [cell(name, 1, 1e-3 * (TOP1[name] - 50)) for name in NAMES]
    assert tried("accuracy-time-hyperbolic", given(*line)).verdict == "does not hold"


def test_a_frontier_of_one_network_says_nothing(tried: Tried) -> None:
    best_is_fastest = [cell(name, 1, 1e-3 * (9 - i)) for i, name in enumerate(NAMES)]
    finding = tried("accuracy-time-hyperbolic", given(*best_is_fastest))
    assert finding.verdict == "cannot tell"
    assert "4 networks on the frontier" in finding.missing


def test_power_is_energy_over_time(tried: Tried) -> None:
    steady = [cell(name, 2, i + 1.0, energy_j=10.0 * (i + 1)) for i, name in enumerate(NAMES)]
    finding = tried("power-constant", given(*steady))
    assert finding.verdict == "holds"
    assert finding.found.startswith("10.0 W")
    rising = [cell(name, 2, 1.0, energy_j=10.0 * (i + 1)) for i, name in enumerate(NAMES)]
    assert tried("power-constant", given(*rising)).verdict == "does not hold"


def test_energy_bounds_accuracy_unless_the_best_is_the_cheapest(tried: Tried) -> None:
    dear = [cell(name, 1, 1.0, energy_j=1.0 + i) for i, name in enumerate(NAMES)]
    assert tried("energy-bounds-accuracy", given(*dear)).verdict == "holds"
    free = [cell(name, 1, 1.0, energy_j=9.0 - i) for i, name in enumerate(NAMES)]
    assert tried("energy-bounds-accuracy", given(*free)).verdict == "does not hold"


@pytest.mark.parametrize(
    ("used", "verdict"),
    [
        (lambda batch: max(500, 100 * batch), "holds"),  # a floor, then a line
        (lambda batch: 200 + 100 * batch, "holds"),
        (lambda batch: 1000 * batch**0.5, "does not hold"),
        (lambda batch: batch**3, "does not hold"),
    ],
)
def test_memory_is_flat_then_linear(
    tried: Tried, used: Callable[[int], float], verdict: str
) -> None:
    cells = [
        cell("alexnet", batch, 1.0, peak_memory_bytes=int(used(batch)))
        for batch in (1, 2, 4, 8, 16, 32, 64)
    ]
    finding = tried("memory-flat-then-linear", given(*cells))
    assert finding.verdict == verdict


def test_memory_of_parameters_is_a_slope_in_bytes(tried: Tried) -> None:
    def cells(slope: float) -> list[Cell]:
        return [
            cell(name, 1, 1.0, peak_memory_bytes=200e6 + slope * 4 * FACTS[name]["params"])
            for name in NAMES
        ]

    finding = tried("memory-of-parameters", given(*cells(1.3)))
    assert finding.verdict == "holds"
    assert finding.found.startswith("1.30 MB per MB of parameters from 200 MB on")
    assert tried("memory-of-parameters", given(*cells(1.0))).verdict == "does not hold"


def test_a_batch_of_sixteen_helps_alexnet_most(tried: Tried) -> None:
    def cells(alexnet: float, others: float) -> list[Cell]:
        gains = dict.fromkeys(NAMES, others) | {"alexnet": alexnet}
        return [cell(name, 1, 1.0) for name in NAMES] + [
            cell(name, 16, 16 / gain) for name, gain in gains.items()
        ]

    assert tried("batch-helps-alexnet", given(*cells(3.0, 1.2))).verdict == "holds"
    finding = tried("batch-helps-alexnet", given(*cells(9.0, 7.0)))
    assert finding.verdict == "does not hold"
    assert "AlexNet 9.0 times less per image, the median of 5 others 7.0 times" in finding.found


def test_few_networks_cannot_tell(tried: Tried) -> None:
    few = given(*(cell(name, 1, 1.0) for name in NAMES[:4]))
    finding = tried("operations-predict-time", few)
    assert finding.verdict == "cannot tell"
    assert "5 timed ImageNet networks" in finding.missing


def test_cells_at_another_input_size_are_left_out(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells += [replace(cell(name, 1, 9.0), input_size="3x64x64") for name in NAMES]
    assert tried("operations-predict-time", given(*cells)).verdict == "holds"


def test_each_device_is_tried_by_itself() -> None:
    other = Condition(device="cpu (a processor)")
    cells = [
        Cell(
            condition=condition,
            name=name,
            input_size="3x224x224",
            batch_size=1,
            seconds=(i + 1.0) if condition == GPU else (9.0 - i),
            peak_memory_bytes=None,
            energy_j=None,
        )
        for condition in (GPU, other)
        for i, name in enumerate(NAMES)
    ]
    (statement,) = (s for s in STATEMENTS if s.key == "operations-predict-time")
    on_gpu, on_cpu = evaluate(given(*cells), [statement])
    assert (on_gpu.on, on_gpu.verdict) == ("cuda (a card)", "holds")
    assert (on_cpu.on, on_cpu.verdict) == ("cpu (a processor)", "does not hold")


def test_what_is_said_of_accelerators_is_not_tried_on_a_processor() -> None:
    cells = tuple(
        Cell(
            condition=Condition(device="cpu"),
            name=name,
            input_size="3x224x224",
            batch_size=1,
            seconds=1.0,
            peak_memory_bytes=10**9,
            energy_j=None,
        )
        for name in NAMES
    )
    found = {finding.key: finding for finding in evaluate(given(*cells))}
    for key in ("activations-predict-better", "memory-of-parameters", "memory-flat-then-linear"):
        assert found[key].verdict == "cannot tell"
